"""The WebSocket: JSON-RPC, subscriptions without holes, and bad frames that hurt nobody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from wf_jupyter.server.shared import get_shared


async def test_the_server_says_hello_first(wire: Any) -> None:
    socket = await wire.socket()
    hello = await socket.notice("hello")
    assert hello["server_id"] == (await wire.ask("GET", "hello")).json["server_id"]
    assert {"protocol", "version", "heartbeat"} <= set(hello)
    assert socket.order[0]["method"] == "hello"


async def test_a_subscriber_gets_a_snapshot_and_every_event_after_it(wire: Any, packed: Any, gated: Any) -> None:
    execution = await wire.submit(packed(gated.bind()))
    await wire.until(execution, "running")
    socket = await wire.socket()
    subscribed = (await socket.call("subscribe", execution_id=execution))["result"]
    assert subscribed["execution_id"] == execution
    assert subscribed["recovered"] is False
    assert subscribed["snapshot"]["seq"] == subscribed["seq"]
    gated.gate.touch()
    events = await socket.events(execution)
    assert [event["seq"] for event in events] == list(range(subscribed["seq"] + 1, events[-1]["seq"] + 1))


async def test_a_reconnected_subscriber_gets_exactly_what_it_missed(wire: Any, packed: Any, add_one: Any) -> None:
    execution = await wire.submit(packed(add_one.bind(xs=[1, 2, 3])))
    final = await wire.until(execution, "succeeded")
    for after in range(final["seq"] + 1):
        socket = await wire.socket()
        reply = await socket.call("subscribe", execution_id=execution, after=after, epoch=final["epoch"])
        assert reply["result"]["recovered"] is True
        assert "snapshot" not in reply["result"]
        if after < final["seq"]:
            events = await socket.events(execution)
            assert [event["seq"] for event in events] == list(range(after + 1, final["seq"] + 1))
        socket.close()


async def test_a_position_in_another_epoch_or_beyond_the_end_gets_a_snapshot(
    wire: Any, packed: Any, add_one: Any
) -> None:
    execution = await wire.submit(packed(add_one.bind(xs=[1])))
    final = await wire.until(execution, "succeeded")
    socket = await wire.socket()
    for position in ({"after": 1, "epoch": "wiped"}, {"after": 10_000, "epoch": final["epoch"]}, {"after": 1}):
        result = (await socket.call("subscribe", execution_id=execution, **position))["result"]
        assert (result["recovered"], result["snapshot"]["seq"]) == (False, final["seq"])


async def test_two_subscribers_agree(wire: Any, packed: Any, gated: Any) -> None:
    execution = await wire.submit(packed(gated.bind()))
    sockets = [await wire.socket(), await wire.socket(headers=wire.kernel)]
    start = [(await socket.call("subscribe", execution_id=execution))["result"]["seq"] for socket in sockets]
    gated.gate.touch()
    told = [await socket.events(execution) for socket in sockets]
    later = max(start)
    assert [e for e in told[0] if e["seq"] > later] == [e for e in told[1] if e["seq"] > later]


async def test_events_never_overtake_the_reply_to_their_subscription(wire: Any, packed: Any, add_one: Any) -> None:
    socket = await wire.socket()
    await socket.notice("hello")
    for n in range(10):
        execution = await wire.submit(packed(add_one.bind(xs=[n])))
        epoch = (await wire.ask("GET", "hello")).json["epoch"]
        await socket.call("subscribe", execution_id=execution, after=0, epoch=epoch)
        events = await socket.events(execution)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    shown = [frame.get("method", "reply") for frame in socket.order]
    assert shown[1] == "reply"


async def test_a_subscriber_to_everything_hears_of_every_execution(wire: Any, packed: Any, add_one: Any) -> None:
    socket = await wire.socket()
    assert (await socket.call("subscribe", execution_id="*"))["result"]["execution_id"] == "*"
    for n in range(2):
        execution = await wire.submit(packed(add_one.bind(xs=[n])))
        events = await socket.events(execution)
        assert {event["type"] for event in events} == {"workflow.started", "workflow.completed"}


async def test_nothing_comes_after_unsubscribing(wire: Any, packed: Any, gated: Any) -> None:
    execution = await wire.submit(packed(gated.bind()))
    silent, other = await wire.socket(), await wire.socket()
    for socket in (silent, other):
        await socket.call("subscribe", execution_id=execution)
    assert (await silent.call("unsubscribe", execution_id=execution))["result"] == {}
    assert (await silent.call("unsubscribe", execution_id="never subscribed"))["result"] == {}
    silent.notices.clear()
    gated.gate.touch()
    await other.events(execution)
    await silent.call("subscribe", execution_id="*")
    assert not [notice for notice in silent.notices if notice["method"] == "events"]


async def test_a_question_about_the_end_is_answered_by_it_and_tells_of_nothing_on_the_way(
    wire: Any, packed: Any, gated: Any
) -> None:
    execution = await wire.submit(packed(gated.bind()))
    await wire.until(execution, "running")
    socket = await wire.socket()
    at_once = (await socket.call("ending", execution_id=execution))["result"]
    assert (at_once["execution_id"], at_once["status"], at_once["parked"]) == (execution, "running", None)
    question = {"jsonrpc": "2.0", "id": "end", "method": "ending", "params": {"execution_id": execution, "wait": 30}}
    await socket.send(json.dumps(question))
    # Nobody else waits for it.
    assert (await socket.call("unsubscribe", execution_id="never subscribed"))["result"] == {}
    assert "end" not in socket.replies
    gated.gate.touch()
    told = (await socket.reply("end"))["result"]
    final = await wire.until(execution, "succeeded")
    assert (told["status"], told["seq"], told["epoch"]) == ("succeeded", final["seq"], final["epoch"])
    assert not [notice for notice in socket.notices if notice["method"] in ("events", "snapshot")]
    asked = await wire.ask("GET", f"executions/{execution}/ending?wait=30")
    assert asked.json == told


async def test_a_question_about_the_end_is_refused_when_it_makes_no_sense(wire: Any) -> None:
    socket = await wire.socket()
    assert (await socket.call("ending", execution_id="unknown", wait=30))["error"]["code"] == -32001
    for wait in (-1, 31, "long"):
        assert (await socket.call("ending", execution_id="x", wait=wait))["error"]["code"] == -32602


async def test_cancel_by_socket(wire: Any, packed: Any, gated: Any) -> None:
    execution = await wire.submit(packed(gated.bind()))
    await wire.until(execution, "running")
    socket = await wire.socket()
    await socket.call("subscribe", execution_id=execution)
    assert (await socket.call("cancel", execution_id=execution))["result"] == {}
    assert (await socket.events(execution))[-1]["status"] == "cancelled"
    assert (await socket.call("cancel", execution_id=execution))["error"]["code"] == -32004
    for method in ("pause", "resume"):
        assert (await socket.call(method, execution_id=execution))["error"]["code"] == -32004


@pytest.mark.parametrize(
    ("method", "params", "code", "told"),
    [
        ("execute", {"workflow": ""}, -32602, "workflow"),
        ("execute", {"workflow": "nobody"}, -32001, "nobody"),
        ("execute", {}, -32602, "workflow"),
        ("execute", {"workflow": "w", "input": 1}, -32602, "input"),
        ("subscribe", {}, -32602, "execution_id"),
        ("subscribe", {"execution_id": ""}, -32602, "execution_id"),
        ("subscribe", {"execution_id": 5}, -32602, "execution_id"),
        ("subscribe", {"execution_id": "unknown"}, -32001, "unknown"),
        ("subscribe", {"execution_id": "x", "after": -1}, -32602, "after"),
        ("subscribe", {"execution_id": "x", "encoding": "smoke signals"}, -32602, "encoding"),
        ("cancel", {"execution_id": "unknown"}, -32001, "unknown"),
        ("retry", {"execution_id": "unknown"}, -32001, "unknown"),
        ("retry", {"execution_id": "x", "task": 3}, -32602, "task"),
        ("dance", {}, -32601, "dance"),
        ("__class__", {}, -32601, "__class__"),
    ],
)
async def test_a_bad_request_gets_an_error_that_names_what_is_wrong(
    wire: Any, method: str, params: dict[str, Any], code: int, told: str
) -> None:
    socket = await wire.socket()
    error = (await socket.call(method, **params))["error"]
    assert error["code"] == code
    assert told in error["message"]
    assert "Traceback" not in error["message"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("this is not JSON", -32700),
        ("", -32700),
        ('{"jsonrpc": "2.0", "id": 1', -32700),
        ("[" * 100_000, -32700),
        ("[]", -32600),
        ('[{"jsonrpc": "2.0", "id": 1, "method": "subscribe"}]', -32600),
        ("17", -32600),
        ("{}", -32600),
        ('{"jsonrpc": "2.0", "id": {}, "method": "x"}', -32600),
    ],
)
async def test_a_bad_frame_gets_an_error_and_the_socket_lives_on(wire: Any, frame: str, code: int) -> None:
    socket = await wire.socket()
    await socket.send(frame)
    assert (await socket.reply(None))["error"]["code"] == code
    assert "result" in await socket.call("subscribe", execution_id="*")


async def test_a_binary_frame_gets_an_error(wire: Any) -> None:
    socket = await wire.socket()
    await socket.send(b"\x00\xff\xfe", binary=True)
    assert (await socket.reply(None))["error"]["code"] == -32600


async def test_a_message_that_is_too_long_gets_an_error(wire: Any) -> None:
    socket = await wire.socket()
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"x": "x" * 2_000_000}}))
    assert (await socket.reply(None))["error"]["code"] == -32005
    assert "result" in await socket.call("subscribe", execution_id="*")


async def test_a_request_without_an_id_is_carried_out_and_not_answered(wire: Any, packed: Any, gated: Any) -> None:
    execution = await wire.submit(packed(gated.bind()))
    await wire.until(execution, "running")
    socket = await wire.socket()
    await socket.send(json.dumps({"jsonrpc": "2.0", "method": "cancel", "params": {"execution_id": execution}}))
    await socket.send(json.dumps({"jsonrpc": "2.0", "method": "no such method"}))
    await wire.until(execution, "cancelled")
    await socket.call("subscribe", execution_id="*")
    assert sum("method" not in frame for frame in socket.order) == 1


async def test_a_socket_that_goes_away_hurts_nobody(wire: Any, packed: Any, gated: Any) -> None:
    execution = await wire.submit(packed(gated.bind()))
    leaving, staying = await wire.socket(), await wire.socket()
    for socket in (leaving, staying):
        await socket.call("subscribe", execution_id=execution)
    leaving.connection.protocol._abort()
    gated.gate.touch()
    assert (await staying.events(execution))[-1]["status"] == "succeeded"


class TestManySubscriptions:
    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        return {
            "ServerApp": {"jpserver_extensions": {"wf_jupyter": True}},
            "WorkflowExtension": {"max_subscriptions": 2, "heartbeat": 0.1},
        }

    async def test_subscriptions_of_one_socket_are_bounded(self, wire: Any, packed: Any, add_one: Any) -> None:
        ids = [await wire.submit(packed(add_one.bind(xs=[n]))) for n in range(3)]
        socket = await wire.socket()
        for execution in (*ids[:2], ids[0]):
            assert "result" in await socket.call("subscribe", execution_id=execution)
        assert (await socket.call("subscribe", execution_id=ids[2]))["error"]["code"] == -32005
        await socket.call("unsubscribe", execution_id=ids[0])
        assert "result" in await socket.call("subscribe", execution_id=ids[2])

    async def test_an_idle_socket_hears_heartbeats(self, wire: Any) -> None:
        socket = await wire.socket()
        first, second = await socket.notice("heartbeat"), await socket.notice("heartbeat")
        assert first["time"] < second["time"]


class TestSlowReaders:
    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        return {
            "ServerApp": {"jpserver_extensions": {"wf_jupyter": True}},
            "WorkflowExtension": {"max_workers": 2, "slow_client_timeout": 0.5, "heartbeat": 0.2},
        }

    async def test_a_reader_that_takes_nothing_is_given_up_and_others_go_on(
        self, wire: Any, packed: Any, add_one: Any
    ) -> None:
        execution = await wire.submit(packed(add_one.bind(xs=list(range(300)))))
        await wire.until(execution, "succeeded")
        stuck, lively = await wire.socket(), await wire.socket()
        open_sockets = get_shared(wire.app.web_app.settings).sockets
        assert len(open_sockets) == 2
        # Each reply holds a snapshot of 301 tasks, and this client reads none of them.
        request = {"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"execution_id": execution}}
        for _ in range(400):
            await stuck.send(json.dumps(request))
        async with asyncio.timeout(60):
            while len(open_sockets) == 2:
                assert "result" in await lively.call("subscribe", execution_id="*")
        assert "result" in await lively.call("subscribe", execution_id="*")
