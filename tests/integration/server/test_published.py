"""Published workflows: executed by name over REST and WebSocket, traced in a worker."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wf_jupyter.protocol.rest import PublishBody
from wf_jupyter.values.code import encode_code


@pytest.fixture
def body(packed: Any, add_one: Any) -> bytes:
    """`add_one`, ready to be published."""

    def trace(inputs: str) -> Any:
        return add_one.bind(**json.loads(inputs))

    environment = packed(add_one.bind(xs=[])).environment
    return msgspec.msgpack.encode(
        PublishBody(
            name="add one",
            code=encode_code(trace),
            environment=environment,
            parameters={"type": "object"},
            description="Adds.",
        )
    )


async def publish(wire: Any, body: bytes) -> Any:
    """The answer to publishing."""
    return await wire.ask(
        "POST", "workflows", body=body, headers={**wire.kernel, "Content-Type": "application/msgpack"}
    )


async def test_a_published_workflow_is_listed_without_its_code(wire: Any, body: bytes) -> None:
    answer = await publish(wire, body)
    assert answer.status == 201
    listed = (await wire.ask("GET", "workflows")).json["workflows"]
    assert [(w["name"], w["version"], w["description"], w["parameters"]) for w in listed] == [
        ("add one", 1, "Adds.", {"type": "object"})
    ]
    assert "code" not in listed[0]
    assert (await wire.ask("GET", "workflows/add%20one")).json == listed[0] == answer.json


async def test_it_is_executed_by_name_over_both_ways(wire: Any, body: bytes) -> None:
    await publish(wire, body)
    created = await wire.ask("POST", "executions", json_body={"workflow": "add one", "input": {"xs": [1, 2]}})
    assert created.status == 201
    socket = await wire.socket()
    executed = (await socket.call("execute", workflow="add one", input={"xs": [1, 2]}))["result"]
    for execution in (created.json["id"], executed["execution_id"]):
        snapshot = await wire.until(execution, "succeeded", "failed")
        assert (snapshot["workflow"], snapshot["result"]["text"]) == ("add one", "5")


async def test_inputs_that_do_not_fit_are_an_error_that_names_them(wire: Any, body: bytes) -> None:
    await publish(wire, body)
    socket = await wire.socket()
    for wrong in ({"ys": [1]}, {"xs": "text"}, {}):
        answer = await wire.ask("POST", "executions", json_body={"workflow": "add one", "input": wrong})
        assert (answer.status, answer.json["reason"]) == (400, "invalid_input")
        error = (await socket.call("execute", workflow="add one", input=wrong))["error"]
        assert error["code"] == -32602
        assert next(iter(wrong), "xs") in error["message"]


async def test_many_executions_on_one_socket_do_not_hold_up_its_other_requests(wire: Any, body: bytes) -> None:
    await publish(wire, body)
    socket = await wire.socket()
    for number in range(20):
        params = {"workflow": "add one", "input": {"xs": [number]}}
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": f"e{number}", "method": "execute", "params": params}))
    await socket.call("subscribe", execution_id="*")
    started = [(await socket.reply(f"e{number}"))["result"]["execution_id"] for number in range(20)]
    assert len(set(started)) == 20
    await asyncio.gather(*(wire.until(execution, "succeeded") for execution in started))


@pytest.mark.parametrize(("change", "field"), [({"name": ""}, "name"), ({"name": 1}, "name"), ({"code": None}, "code")])
async def test_a_malformed_publication_names_the_field(
    wire: Any, body: bytes, change: dict[str, Any], field: str
) -> None:
    answer = await publish(wire, msgspec.msgpack.encode({**msgspec.msgpack.decode(body), **change}))
    assert (answer.status, answer.json["field"]) == (400, field)


# -- the schema of the inputs --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "field", "told"),
    [
        ({}, "xs", "the input 'xs' is missing"),
        ({"xs": "text"}, "xs", "xs must be array, not 'text'"),
        ({"xs": [1, "2"]}, "xs[1]", "xs[1] must be integer, not '2'"),
        ({"xs": [1], "ys": 1}, "ys", "has no input 'ys'; its inputs are: 'xs', 'when'"),
        ({"xs": [], "when": 5}, "when", "when must be string or null, not 5"),
    ],
)
async def test_the_schema_of_the_signature_is_checked_before_the_body(
    wire: Any, body: bytes, inputs: dict[str, Any], field: str, told: str
) -> None:
    schema = {
        "type": "object",
        "properties": {"xs": {"type": "array", "items": {"type": "integer"}}, "when": {"type": ["string", "null"]}},
        "required": ["xs"],
        "additionalProperties": False,
    }
    await publish(wire, msgspec.msgpack.encode({**msgspec.msgpack.decode(body), "parameters": schema}))
    answer = await wire.ask("POST", "executions", json_body={"workflow": "add one", "input": inputs})
    assert (answer.status, answer.json["reason"], answer.json["field"]) == (400, "invalid_input", field)
    assert told in answer.json["message"]
    socket = await wire.socket()
    error = (await socket.call("execute", workflow="add one", input=inputs))["error"]
    assert (error["code"], error["data"]["field"]) == (-32602, field)


@pytest.mark.parametrize(
    "schema",
    [{"type": "nothing"}, {"$ref": "https://example.org/schema"}, {"properties": {"x": {"$ref": "file:///x"}}}],
)
async def test_what_is_no_schema_is_not_published(wire: Any, body: bytes, schema: dict[str, Any]) -> None:
    answer = await publish(wire, msgspec.msgpack.encode({**msgspec.msgpack.decode(body), "parameters": schema}))
    assert (answer.status, answer.json["field"]) == (400, "parameters")


async def test_inputs_nested_too_deeply_are_refused(wire: Any, body: bytes) -> None:
    await publish(wire, body)
    for depth in (200, 900, 2000, 100_000):
        text = '{"workflow": "add one", "input": {"xs": ' + "[" * depth + "]" * depth + "}}"
        assert (await wire.ask("POST", "executions", body=text.encode())).status == 400


async def test_a_new_version_leaves_running_executions_alone(wire: Any, packed: Any, gated: Any, body: bytes) -> None:
    def old(inputs: str) -> Any:
        return gated.bind()

    first = msgspec.msgpack.decode(body)
    first |= {"name": "w", "code": encode_code(old)}
    assert (await publish(wire, msgspec.msgpack.encode(first))).json["version"] == 1
    running = (await wire.ask("POST", "executions", json_body={"workflow": "w"})).json["id"]
    await wire.until(running, "running")
    second = {**msgspec.msgpack.decode(body), "name": "w"}
    assert (await publish(wire, msgspec.msgpack.encode(second))).json["version"] == 2
    fresh = (await wire.ask("POST", "executions", json_body={"workflow": "w", "input": {"xs": [1]}})).json["id"]
    assert (await wire.until(fresh, "succeeded", "failed"))["result"]["text"] == "2"
    gated.gate.touch()
    assert (await wire.until(running, "succeeded", "failed"))["result"]["text"] == "'opened'"


# -- modules -------------------------------------------------------------------------------------

MODULE = """
from dataclasses import dataclass
from datetime import date
from os import getpid
import wf_jupyter as wf

@dataclass
class Place:
    name: str
    size: int = 1

@wf.task
def told(value):
    return str(value)

@wf.workflow
def visit(day: date, places: list[Place]):
    return told((day.year, [place.name for place in places]))

@wf.workflow
def other():
    return told(1)
"""


class TestModules:
    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        return {
            "ServerApp": {"jpserver_extensions": {"wf_jupyter": True}},
            "WorkflowExtension": {"workflow_modules": ["published_here", "not_there"], "max_workers": 1},
        }

    async def test_workflows_of_modules_are_published_at_start_by_another_process(
        self, wire: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "published_here.py").write_text(MODULE)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
        await wire.start()
        async with asyncio.timeout(30):
            while wire.extension._beside[-1].done() is False:
                await asyncio.sleep(0.05)
        names = [w["name"] for w in (await wire.ask("GET", "workflows")).json["workflows"]]
        assert names == ["other", "visit"]
        assert "published_here" not in sys.modules
        assert any("'not_there' were not published" in record.message for record in caplog.records)

        inputs = {"day": "2024-05-17", "places": [{"name": "Oslo"}]}
        answer = await wire.ask("POST", "executions", json_body={"workflow": "visit", "input": inputs})
        assert answer.status == 201, answer.content
        snapshot = await wire.until(answer.json["id"], "succeeded", "failed")
        assert "(2024, ['Oslo'])" in snapshot["result"]["text"]
        wrong = {"day": "someday", "places": [{"size": 2}]}
        answer = await wire.ask("POST", "executions", json_body={"workflow": "visit", "input": wrong})
        assert (answer.status, answer.json["field"]) == (400, "places[0]")


# -- nobody holds up anybody ---------------------------------------------------------------------


def changed(body: bytes, **members: Any) -> bytes:
    """The publication with other members."""
    return msgspec.msgpack.encode({**msgspec.msgpack.decode(body), **members})


async def test_a_workflow_is_started_while_all_workers_are_busy(
    wire: Any, body: bytes, packed: Any, gated: Any
) -> None:
    await publish(wire, body)
    busy = [await wire.submit(packed(gated.bind())) for _ in range(3)]  # there are two workers
    socket = await wire.socket()
    inputs = {"workflow": "add one", "input": {"xs": [1]}}
    for number in range(1000, 1040):
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": "execute", "params": inputs}))
    assert (await socket.call("cancel", execution_id="unknown"))["error"]["code"] == -32001
    started = [(await socket.reply(number))["result"]["execution_id"] for number in range(1000, 1040)]
    assert (await wire.ask("GET", f"executions/{busy[0]}")).json["status"] == "running"
    gated.gate.touch()
    await asyncio.gather(*(wire.until(execution, "succeeded") for execution in (*busy, *started)))


async def test_a_body_that_takes_long_does_not_hold_up_other_workflows(wire: Any, body: bytes, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    def trace(inputs: str) -> Any:
        import time

        while not gate.exists():
            time.sleep(0.05)
        raise ValueError("the gate is open")

    await publish(wire, body)
    await publish(wire, changed(body, name="slow", code=encode_code(trace)))
    slow = [
        asyncio.create_task(wire.ask("POST", "executions", json_body={"workflow": "slow", "input": {}}))
        for _ in range(10)
    ]
    answer = await wire.ask("POST", "executions", json_body={"workflow": "add one", "input": {"xs": [1]}})
    assert answer.status == 201
    assert not any(each.done() for each in slow)
    gate.touch()
    assert {each.status for each in await asyncio.gather(*slow)} == {400}


@pytest.mark.parametrize(
    ("schema", "inputs"),
    [
        ({"properties": {"xs": {"pattern": "^(a+)+$"}}}, {"xs": "a" * 60 + "!"}),
        ({"patternProperties": {"^(a|aa)+$": {}}, "properties": {"xs": {}}}, {"xs": [], "a" * 60 + "!": 1}),
        ({"properties": {"xs": {"format": "email", "pattern": "(x+x+)+y"}}}, {"xs": "x" * 60}),
    ],
)
async def test_a_pattern_that_takes_for_ever_stops_nobody(
    wire: Any, body: bytes, schema: dict[str, Any], inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wf_jupyter.service.published.tracing.TRACE_TIMEOUT", 2.0)
    await publish(wire, changed(body, parameters={"type": "object", **schema}))
    asking = asyncio.create_task(wire.ask("POST", "executions", json_body={"workflow": "add one", "input": inputs}))
    loop = asyncio.get_running_loop()
    longest = 0.0
    while not asking.done():
        before = loop.time()
        await asyncio.sleep(0.01)
        longest = max(longest, loop.time() - before)
    assert (asking.result().status, "took more than 2 s" in asking.result().json["message"]) == (400, True)
    assert longest < 1.0, "the loop of the server stood still"
