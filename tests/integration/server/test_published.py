"""Published workflows: executed by name over REST and WebSocket, traced in a worker."""

from __future__ import annotations

import asyncio
import json
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
