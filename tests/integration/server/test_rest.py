"""The HTTP interface: executions from submission to result, and clear answers to bad input."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from wf_jupyter.ports import ExecutionResult, Whole
from wf_jupyter.values.codec import decode


async def test_hello_names_the_server(wire: Any) -> None:
    hello = (await wire.ask("GET", "hello")).json
    assert hello["ready"] is True
    assert hello["protocol"] == 1
    assert hello["heartbeat"] == 4
    assert hello["server_id"]
    assert hello["epoch"]
    assert hello["version"]


@pytest.mark.place("plain, on one address", "REST")
async def test_a_submission_runs_to_its_result(wire: Any, packed: Any, add_one: Any) -> None:
    submission = packed(add_one.bind(xs=[1, 2, 3]))
    headers = {**wire.kernel, "Content-Type": "application/msgpack"}
    answer = await wire.ask("POST", "executions", body=msgspec.msgpack.encode(submission), headers=headers)
    assert answer.status == 201
    created = answer.json
    assert created["id"] == created["execution_id"]
    assert created["workflow"] == "add_one"
    assert answer.headers["Location"] == f"{wire.base_url}wf-jupyter/api/v1/executions/{created['id']}"

    snapshot = await wire.until(created["id"], "succeeded", "failed")
    assert snapshot["status"] == "succeeded"
    assert snapshot["counts"]["succeeded"] == 4
    assert {"id", "workflow", "status", "epoch", "seq", "created", "counts", "tasks"} <= set(snapshot)

    outcome = (await wire.ask("GET", f"executions/{created['id']}/result")).json
    assert (outcome["status"], outcome["result"]["text"], outcome["failed"]) == ("succeeded", "9", [])

    packed_headers = {**wire.kernel, "Accept": "application/msgpack"}
    answer = await wire.ask("GET", f"executions/{created['id']}/result", headers=packed_headers, files=0)
    result = msgspec.msgpack.decode(answer.content, type=ExecutionResult)
    assert [decode(item.data) for item in result.inputs if isinstance(item, Whole) and item.data is not None] == [9]


async def test_events_come_in_order_without_a_gap_and_in_pages(wire: Any, packed: Any, add_one: Any) -> None:
    execution = await wire.submit(packed(add_one.bind(xs=[1, 2, 3])))
    await wire.until(execution, "succeeded")
    everything = (await wire.ask("GET", f"executions/{execution}/events")).json
    seqs = [event["seq"] for event in everything["events"]]
    assert seqs == list(range(1, everything["seq"] + 1))
    assert everything["events"][0]["type"] == "workflow.started"
    assert everything["events"][-1]["type"] == "workflow.completed"

    collected: list[int] = []
    after = 0
    while events := (await wire.ask("GET", f"executions/{execution}/events", after=after, limit=3)).json["events"]:
        collected += [event["seq"] for event in events]
        after = collected[-1]
    assert collected == seqs


async def test_a_long_poll_answers_as_soon_as_there_is_something(wire: Any, packed: Any, gated: Any) -> None:
    execution = await wire.submit(packed(gated.bind()))
    snapshot = await wire.until(execution, "running")
    waiting = wire.ask("GET", f"executions/{execution}/events", after=snapshot["seq"], wait=25)
    gated.gate.touch()
    assert (await waiting).json["events"]
    assert (await wire.until(execution, "succeeded"))["counts"]["succeeded"] == 1


async def test_logs_of_a_task_are_found_by_its_key(wire: Any, packed: Any, add_one: Any) -> None:
    execution = await wire.submit(packed(add_one.bind(xs=[7, 8])))
    await wire.until(execution, "succeeded")
    for key in ("increase[1]", quote("increase[1]", safe="")):
        page = (await wire.ask("GET", f"executions/{execution}/tasks/{key}/logs")).json
        assert page["task"] == "increase[1]"
        assert "".join(line["text"] for line in page["logs"]) == "increasing 8\n"
        assert {(line["attempt"], line["stream"]) for line in page["logs"]} == {(1, "stdout")}
    after = page["logs"][-1]["seq"]
    assert (await wire.ask("GET", f"executions/{execution}/tasks/{key}/logs", after=after)).json["logs"] == []
    assert (await wire.ask("GET", f"executions/{execution}/tasks/{key}/logs", stream="stderr")).json["logs"] == []
    assert (await wire.ask("GET", f"executions/{execution}/tasks/total/outputs")).json["outputs"] == []
    value = await wire.ask("GET", f"executions/{execution}/tasks/total/result", files=0)
    whole = msgspec.msgpack.decode(value.content, type=Whole)
    assert whole.data is not None and decode(whole.data) == 17
    missing = await wire.ask("GET", f"executions/{execution}/tasks/no/such/task/logs")
    assert missing.status == 404
    assert "no/such/task" in missing.json["message"]


async def test_an_execution_is_cancelled_and_then_forgotten(wire: Any, packed: Any, gated: Any) -> None:
    execution = await wire.submit(packed(gated.bind()))
    await wire.until(execution, "running")
    busy = await wire.ask("DELETE", f"executions/{execution}")
    assert (busy.status, busy.json["reason"]) == (409, "state_conflict")
    wanted = {**wire.kernel, "Accept": "application/msgpack"}
    unfinished = await wire.ask("GET", f"executions/{execution}/result", headers=wanted)
    assert unfinished.status == 409

    assert (await wire.ask("POST", f"executions/{execution}/cancel", json_body={"reason": "enough"})).json == {}
    assert (await wire.until(execution, "cancelled"))["counts"]["cancelled"] == 1
    again = await wire.ask("POST", f"executions/{execution}/cancel")
    assert (again.status, again.json["reason"]) == (409, "state_conflict")

    assert (await wire.ask("DELETE", f"executions/{execution}")).status == 204
    assert (await wire.ask("GET", f"executions/{execution}")).status == 404


async def test_the_list_is_filtered_and_paged(wire: Any, packed: Any, add_one: Any, gated: Any) -> None:
    done = [await wire.submit(packed(add_one.bind(xs=[n]))) for n in range(3)]
    for execution in done:
        await wire.until(execution, "succeeded")
    running = await wire.submit(packed(gated.bind()))
    listed = (await wire.ask("GET", "executions")).json["executions"]
    assert [summary["id"] for summary in listed] == [running, *reversed(done)]
    page = (await wire.ask("GET", "executions", status="succeeded", workflow="add_one", limit=2)).json["executions"]
    assert [summary["id"] for summary in page] == [done[2], done[1]]
    rest = (await wire.ask("GET", "executions", status="succeeded", before=done[1])).json["executions"]
    assert [summary["id"] for summary in rest] == [done[0]]
    gated.gate.touch()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff", None),
        (b"[]", None),
        (b"null", None),
        (b"[" * 100_000, None),
        (b"{}", "workflow"),
        (b'{"workflow": ""}', "workflow"),
        (b'{"workflow": "  "}', "workflow"),
        (b'{"workflow": 3}', "workflow"),
        (b'{"workflow": "w", "input": 3}', "input"),
    ],
)
async def test_a_malformed_body_is_400_and_names_the_field(wire: Any, body: bytes, field: str | None) -> None:
    answer = await wire.ask("POST", "executions", body=body)
    assert answer.status == 400
    assert answer.json["reason"] == "invalid_input"
    assert answer.json.get("field") == field
    assert "Traceback" not in answer.json["message"]


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x80", msgspec.msgpack.encode({"workflow": 1})])
async def test_a_malformed_submission_is_400(wire: Any, body: bytes) -> None:
    headers = {**wire.kernel, "Content-Type": "application/msgpack"}
    answer = await wire.ask("POST", "executions", body=body, headers=headers)
    assert (answer.status, answer.json["reason"]) == (400, "invalid_input")


async def test_a_submission_without_its_code_is_refused(wire: Any, packed: Any, add_one: Any) -> None:
    submission = packed(add_one.bind(xs=[1]))
    headers = {**wire.kernel, "Content-Type": "application/msgpack"}
    for broken, told in (
        (msgspec.structs.replace(submission, blobs={}), "blob"),
        (msgspec.structs.replace(submission, workflow=" "), "name"),
        (packed(add_one.bind(xs=[1]), executor="inline"), "inline"),
    ):
        answer = await wire.ask("POST", "executions", body=msgspec.msgpack.encode(broken), headers=headers)
        assert answer.status == 400
        assert told in answer.json["message"]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("executions", {"limit": 0}, "limit"),
        ("executions", {"limit": "many"}, "limit"),
        ("executions", {"status": "asleep"}, "status"),
        ("executions/x/events", {"after": -1}, "after"),
        ("executions/x/events", {"wait": 1e9}, "wait"),
        ("executions/x/tasks/a/logs", {"after": "x"}, "after"),
    ],
)
async def test_a_malformed_query_is_400_and_names_the_field(
    wire: Any, path: str, query: dict[str, Any], field: str
) -> None:
    answer = await wire.ask("GET", path, **query)
    assert (answer.status, answer.json["field"]) == (400, field)


async def test_an_unknown_status_is_told_which_there_are(wire: Any) -> None:
    answer = await wire.ask("GET", "executions", status="asleep")
    assert answer.json["message"] == (
        "status='asleep' is not allowed: it must be one of pending, running, paused, cancelling, interrupted, "
        "succeeded, failed, cancelled"
    )


async def test_a_rerun_refuses_what_it_would_not_do(wire: Any) -> None:
    answer = await wire.ask("POST", "executions/x/rerun", body=b'{"inputs": {"n": 2}}')
    assert (answer.status, answer.json["field"]) == (400, "inputs")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "executions/unknown"),
        ("GET", "executions/unknown/events"),
        ("GET", "executions/unknown/result"),
        ("GET", "executions/unknown/tasks/a/logs"),
        ("GET", "executions/unknown/tasks/a/result"),
        ("GET", "executions/%00"),
        ("POST", "executions/unknown/cancel"),
        ("POST", "executions/unknown/retry"),
        ("DELETE", "executions/unknown"),
        ("GET", "workflows/unknown"),
        ("GET", "no/such/thing"),
        ("POST", "no/such/thing"),
    ],
)
async def test_what_does_not_exist_is_404(wire: Any, method: str, path: str) -> None:
    answer = await wire.ask(method, path)
    assert answer.status == 404
    assert answer.json["message"]
    assert answer.json["reason"]


async def test_an_unknown_workflow_is_404(wire: Any) -> None:
    answer = await wire.ask("POST", "executions", json_body={"workflow": "nobody", "input": {}})
    assert (answer.status, answer.json["reason"]) == (404, "workflow_not_found")
    assert "nobody" in answer.json["message"]


async def test_a_method_that_does_not_exist_is_405(wire: Any) -> None:
    answer = await wire.ask("DELETE", "hello")
    assert (answer.status, answer.json["reason"]) == (405, "method_not_allowed")
