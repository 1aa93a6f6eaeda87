"""Events and snapshots in Python are the JSON objects of the wire, and read like them."""

from __future__ import annotations

import json
import re

import pytest

import wf_jupyter as wf
from tests.sample_workflows import doubling, failing
from wf_jupyter.model.events import WorkflowCompleted
from wf_jupyter.protocol.codec import encode_events

pytestmark = pytest.mark.usefixtures("place")


def test_events_can_be_read_as_objects_and_as_the_mappings_that_they_are_on_the_wire():
    execution = doubling().submit(numbers=[1])
    execution.wait(timeout=30)
    events = execution.events()
    assert [event.type for event in events] == [event["type"] for event in events]
    assert events[0].type == "workflow.started"
    assert events[-1]["type"] == "workflow.completed"
    assert events[-1]["status"] == "succeeded"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    added = next(event for event in events if event["type"] == "tasks.added")
    assert added["tasks"][0]["key"] == "double[0]"
    for event, message in zip(events, json.loads(encode_events(events)), strict=True):
        assert list(dict(event)) == list(message)
    with pytest.raises(KeyError, match="nope.*there are: type, seq, time"):
        added["nope"]
    assert added.get("nope") is None
    assert "nope" not in added


def test_what_an_event_shows_is_the_same_in_every_run():
    execution = failing().submit(b=0)
    execution.wait(timeout=30)
    again = wf.get_execution(execution.id).rerun()
    again.wait(timeout=30)
    shown = [repr(list(run.events())) + repr(run.snapshot()) for run in (execution, again)]
    assert shown[0] == shown[1]
    assert execution.id not in shown[0]
    assert not re.search(r"\b(time|duration|worker|created|started|ended|epoch)=", shown[0])


def test_inputs_are_plain_values_where_they_are_short_and_texts_where_they_are_not():
    @wf.workflow
    def given(a, b, c, d, e, f, g):
        return None

    plain = {"a": 1, "b": "1", "c": {"k": [None, True, 2.5]}, "d": ()}
    execution = given.submit(**plain, e=list(range(10_000)), f=ValueError("no"), g="x" * 10_000)
    assert execution.result(timeout=30) is None
    inputs = wf.get_execution(execution.id).inputs
    assert {name: inputs[name] for name in plain} == plain
    assert inputs["e"].startswith("[0, 1, 2")
    assert inputs["g"].startswith("'xxx")
    assert inputs["f"] == "ValueError('no')"


def test_inputs_of_a_published_workflow_read_the_same():
    @wf.workflow
    def offered(names: list[str], strict: bool = False, most: int | None = None):
        return names

    offered.publish()
    execution = wf.execute("offered", {"names": ["a"], "strict": True})
    assert execution.result(timeout=60) == ["a"]
    assert execution.inputs["names"] == ["a"]
    assert execution.inputs["strict"] is True


def test_an_item_that_a_result_does_not_have_is_named():
    @wf.task
    def split():
        return {"a": 1}

    execution = wf.workflow(name="part")(lambda: split()["b"]["c"]).submit()
    with pytest.raises(wf.WorkflowDefinitionError, match=r"item \['b'\]\['c'\] of a task's result, a dict"):
        execution.result(timeout=30)


@wf.task
def increased(n):
    return n + 1


@wf.task
def grown(n):
    return pair.bind(n=n)


@wf.workflow
def pair(n):
    return increased.map([n, n + 1])


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (lambda: increased(1), "int", "2"),
        (lambda: increased.map([1, 2]), "list", "[2, 3]"),
        (lambda: increased.map([]), "list", "[]"),
        (lambda: {"a": increased(1), "b": [increased.map([2]), 7]}, "dict", "{'a': 2, 'b': [[3], 7]}"),
        (lambda: (increased(1),), "tuple", "(2,)"),
        (lambda: grown(3), "list", "[4, 5]"),
        (lambda: grown.map([1, 3]), "list", "[[2, 3], [4, 5]]"),
        (lambda: "constant", "str", "'constant'"),
        (lambda: None, "NoneType", "None"),
    ],
    ids=["a task", "a map", "an empty map", "a dict", "a tuple", "a graph", "graphs", "a constant", "nothing"],
)
def test_what_is_told_of_a_result_is_true_of_all_of_it(body, kind, text):
    execution = wf.workflow(name="whole")(body).submit()
    result = execution.result(timeout=30)
    told = execution.events()[-1]["result"]
    assert (told["type"], told["text"]) == (kind, text)
    assert (type(result).__name__, repr(result)) == (kind, text)


def test_nothing_is_told_of_a_part_of_a_result_that_nobody_has_looked_at():
    @wf.task
    def split():
        return {"a": 1, "b": 2}

    execution = wf.workflow(name="part")(lambda: split()["a"]).submit()
    assert execution.result(timeout=30) == 1
    last = execution.events()[-1]
    assert isinstance(last, WorkflowCompleted) and last.result is None


def test_a_long_result_is_told_in_part():
    execution = wf.workflow(name="long")(lambda: increased.map(list(range(60)))).submit()
    execution.wait(timeout=60)
    told = execution.snapshot().result
    assert told is not None and told.length == 60
    assert told.text is not None and told.text.endswith("49, 50, …]")
