"""Errors cross the wire and come back as what they were."""

from __future__ import annotations

import inspect

import msgspec
import pytest

from wf_jupyter import errors
from wf_jupyter.protocol import jsonrpc, problems
from wf_jupyter.protocol.messages import Cancel, read_params
from wf_jupyter.protocol.operations import METHODS
from wf_jupyter.protocol.rest import EventsQuery, ExecutionsQuery, PublishBody, read_json, read_msgpack, read_query

CROSSING = [
    errors.InputError("x must be a number", "x"),
    errors.ValueTooLarge("x is too large", "x"),
    errors.WorkflowDefinitionError("a cycle"),
    errors.ExecutionNotFound("no such execution"),
    errors.WorkflowNotFound("no such workflow"),
    errors.StateConflict("it has ended"),
    errors.NotPermitted("not you"),
    errors.RateLimited("slowly", 1.5),
    errors.ServerUnavailable("starting"),
    errors.StoreError("the disk is full"),
    errors.ProtocolMismatch("too old"),
]


@pytest.mark.parametrize("error", CROSSING, ids=lambda error: type(error).__name__)
def test_an_error_comes_back_as_the_same_class_over_both_ways(error: errors.WorkflowError) -> None:
    crossing = problems.crossing(error)
    by_http = problems.error_from_status(crossing.status, msgspec.json.encode(problems.problem(error)))
    by_rpc = problems.error_from_object(problems.error_object(error))
    for back in (by_http, by_rpc):
        assert type(back) is type(error)
        assert str(back) == str(error)
        assert vars(back) == vars(error)


def test_every_error_of_the_tree_has_a_crossing() -> None:
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        assert any(base in problems.CROSSINGS for base in kind.__mro__)


def test_reasons_are_unique() -> None:
    reasons = [crossing.reason for crossing in problems.CROSSINGS.values()]
    assert len(reasons) == len(set(reasons))


@pytest.mark.parametrize("error", [ValueError("password=hunter2"), errors.IllegalTransition("x")])
def test_an_error_of_ours_tells_nothing_of_its_inside(error: Exception) -> None:
    assert problems.crossing(error) == ("internal_error", 500, jsonrpc.INTERNAL_ERROR)
    assert str(error) not in problems.problem(error).message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InputError),
        (403, errors.NotPermitted),
        (404, errors.ExecutionNotFound),
        (429, errors.RateLimited),
        (502, errors.ServerUnavailable),
        (599, errors.WorkflowError),
    ],
)
def test_an_answer_that_a_proxy_made_is_still_the_right_class(status: int, kind: type[Exception]) -> None:
    for body in (b"<html>Bad gateway</html>", b"", b'{"message": "no", "reason": "Not Found"}'):
        assert type(problems.error_from_status(status, body)) is kind


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("execute", b"{}", "workflow"),
        ("execute", b'{"workflow": 5}', "workflow"),
        ("execute", b'{"workflow": ""}', "workflow"),
        ("execute", b'{"workflow": "  "}', "workflow"),
        ("execute", b'{"workflow": "w", "input": []}', "input"),
        ("subscribe", b'{"execution_id": "x", "after": "now"}', "after"),
        ("subscribe", b'{"execution_id": "x", "after": -1}', "after"),
        ("subscribe", b'{"execution_id": null}', "execution_id"),
        ("cancel", b"{}", "execution_id"),
        ("pause", b'{"execution_id": ""}', "execution_id"),
        ("cancel", b"[1]", "params"),
        ("cancel", b"null", "params"),
    ],
)
def test_parameters_that_do_not_fit_name_the_field(method: str, params: bytes, field: str) -> None:
    wanted = METHODS[method].method
    assert wanted is not None
    with pytest.raises(errors.InputError, match=field) as caught:
        read_params(wanted, params)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("query", "kind", "field"),
    [
        ({"limit": [b"0"]}, ExecutionsQuery, "limit"),
        ({"limit": [b"many"]}, ExecutionsQuery, "limit"),
        ({"status": [b"asleep"]}, ExecutionsQuery, "status"),
        ({"after": [b"-1"]}, EventsQuery, "after"),
        ({"wait": [b"1e9"]}, EventsQuery, "wait"),
        ({"wait": [b"nan"]}, EventsQuery, "wait"),
        ({"before": [b"\xff"]}, ExecutionsQuery, "query"),
    ],
)
def test_a_query_that_does_not_fit_names_the_field(
    query: dict[str, list[bytes]], kind: type[msgspec.Struct], field: str
) -> None:
    with pytest.raises(errors.InputError) as caught:
        read_query(query, kind)
    assert caught.value.field == field


def test_unknown_arguments_and_members_are_ignored() -> None:
    assert read_query({"no_track_activity": [b"1"], "limit": [b"5"]}, ExecutionsQuery).limit == 5
    assert read_params(Cancel, b'{"execution_id": "x", "new": 1}') == Cancel(execution_id="x")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_body_is_an_input_error(body: bytes) -> None:
    with pytest.raises(errors.InputError):
        read_json(body, PublishBody)
    with pytest.raises(errors.InputError):
        read_msgpack(body, PublishBody)
