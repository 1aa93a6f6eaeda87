"""What the client makes of a server's frames: subscriptions that overlap, and events that are missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from wf_jupyter.client.endings import Endings
from wf_jupyter.client.polling import Poller
from wf_jupyter.client.replica import Replica
from wf_jupyter.client.socket import EventSocket
from wf_jupyter.engine.fold import empty
from wf_jupyter.errors import ExecutionNotFound, ServerUnavailable
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.protocol.codec import DecodedPage

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Line:
    """The server's end of a WebSocket, played by the test."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()

    async def read_message(self) -> str | None:
        return await self.frames.get()

    def write_message(self, frame: str) -> asyncio.Future[None]:
        self.sent.append(json.loads(frame))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def close(self) -> None:
        self.frames.put_nowait(None)

    def tell(self, *seqs: int) -> None:
        events = [{"type": "workflow.paused", "seq": seq, "time": "2026-01-01T00:00:00Z"} for seq in seqs]
        self.put(method="events", params={"execution_id": "x", "events": events})

    def answer(self, seq: int) -> None:
        result = {"execution_id": "x", "epoch": "epoch", "seq": seq, "recovered": True}
        self.put(id=self.sent[-1]["id"], result=result)

    def put(self, **frame: Any) -> None:
        self.frames.put_nowait(json.dumps({"jsonrpc": "2.0", **frame}))


async def soon(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.001)


def followed(story: Callable[[Line, EventSocket, Replica], Any]) -> None:
    """Play a story with a mirror that is at event 5 and has just subscribed."""

    async def play() -> None:
        line = Line()

        async def dial() -> Line:
            return line

        async def ask(execution: str, after: int) -> DecodedPage:
            return DecodedPage("epoch", [])

        async def ask_afresh(execution: str) -> Snapshot:
            raise AssertionError("the log was continued")

        socket = EventSocket(dial, Poller(ask, ask_afresh))
        snapshot = empty("x", "epoch", NOW, "w")
        snapshot.seq = 5
        replica = Replica(snapshot)
        socket.add(replica)
        try:
            await soon(lambda: line.sent)
            await story(line, socket, replica)
        finally:
            await socket.close()

    asyncio.run(play())


def test_events_before_the_answer_belong_to_an_older_subscription() -> None:
    async def story(line: Line, socket: EventSocket, replica: Replica) -> None:
        assert line.sent[0]["params"] == {"execution_id": "x", "after": 5, "epoch": "epoch"}
        line.tell(101, 102)
        line.answer(5)
        line.tell(6, 7)
        await soon(lambda: replica.position == ("epoch", 7))
        assert len(line.sent) == 1

    followed(story)


def test_missing_events_are_asked_for_once_and_nothing_is_skipped() -> None:
    async def story(line: Line, socket: EventSocket, replica: Replica) -> None:
        line.answer(5)
        line.tell(6, 7)
        line.tell(9)
        line.tell(10, 11)
        await soon(lambda: len(line.sent) == 2)
        assert line.sent[1]["params"]["after"] == 7
        assert replica.position == ("epoch", 7)
        line.answer(7)
        line.tell(8, 9, 10, 11)
        await soon(lambda: replica.position == ("epoch", 11))
        assert len(line.sent) == 2

    followed(story)


def asked(story: Callable[[list[Line], Endings, list[str]], Any]) -> None:
    """Play a story with a server that the test plays; what is followed is at its end already."""

    async def play() -> None:
        opened: list[Line] = []
        followed: list[str] = []

        async def dial() -> Line:
            opened.append(Line())
            return opened[-1]

        async def ask(execution: str, after: int) -> DecodedPage:
            return DecodedPage("epoch", [])

        async def ask_afresh(execution: str) -> Snapshot:
            raise AssertionError("nothing is polled")

        def follow(execution: str) -> Replica:
            followed.append(execution)
            snapshot = empty(execution, "epoch", NOW, "w")
            snapshot.status = ExecutionStatus.SUCCEEDED
            return Replica(snapshot)

        socket = EventSocket(dial, Poller(ask, ask_afresh))
        try:
            await story(opened, Endings(socket, follow), followed)
        finally:
            await socket.close()

    asyncio.run(play())


def stands(line: Line, status: str) -> None:
    result = {"execution_id": "x", "workflow": "w", "status": status, "epoch": "epoch", "seq": 7}
    line.put(id=line.sent[-1]["id"], result=result)


def test_a_question_about_the_end_is_asked_again_after_a_loss_and_after_a_while() -> None:
    async def story(opened: list[Line], endings: Endings, followed: list[str]) -> None:
        waiting = asyncio.ensure_future(endings.of("x", None))
        await soon(lambda: opened and opened[0].sent)
        assert opened[0].sent[0]["params"] == {"execution_id": "x", "wait": 30.0}
        opened[0].close()
        await soon(lambda: len(opened) > 1 and opened[1].sent)
        stands(opened[1], "running")
        await soon(lambda: len(opened[1].sent) == 2)
        opened[1].put(id=opened[1].sent[-1]["id"], error={"code": -32000, "message": "the server is shutting down"})
        await soon(lambda: len(opened[1].sent) == 3)
        stands(opened[1], "failed")
        assert (await waiting).status == "failed"
        assert followed == []

    asked(story)


def test_a_server_that_does_not_know_the_question_is_followed() -> None:
    async def story(opened: list[Line], endings: Endings, followed: list[str]) -> None:
        waiting = asyncio.ensure_future(endings.of("x", None))
        await soon(lambda: opened and opened[0].sent)
        opened[0].put(id=opened[0].sent[0]["id"], error={"code": -32601, "message": "there is no method 'ending'"})
        assert (await waiting).status == "succeeded"
        assert followed == ["x"]

    asked(story)


def test_who_waits_is_told_that_there_is_no_such_execution_and_when_the_connection_is_closed() -> None:
    async def story(opened: list[Line], endings: Endings, followed: list[str]) -> None:
        waiting = asyncio.ensure_future(endings.of("x", None))
        await soon(lambda: opened and opened[0].sent)
        opened[0].put(id=opened[0].sent[0]["id"], error={"code": -32001, "message": "no execution 'x'"})
        with pytest.raises(ExecutionNotFound):
            await waiting
        left = asyncio.ensure_future(endings.of("x", 60.0))
        await soon(lambda: len(opened[0].sent) == 2)
        await endings._socket.close()
        with pytest.raises(ServerUnavailable, match="was closed"):
            await left

    asked(story)


def test_a_wait_that_is_over_says_where_the_execution_stands() -> None:
    async def story(opened: list[Line], endings: Endings, followed: list[str]) -> None:
        waiting = asyncio.ensure_future(endings.of("x", 0.0))
        await soon(lambda: opened and opened[0].sent)
        assert opened[0].sent[0]["params"] == {"execution_id": "x", "wait": 0.0}
        stands(opened[0], "paused")
        assert (await waiting).status == "paused"

    asked(story)


def test_a_socket_that_lets_nothing_through_is_left_for_asking_and_the_link_does_not_flicker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wf_jupyter.client.socket._GREETING", 0.01)
    monkeypatch.setattr("wf_jupyter.client.socket._SLOW", 0.005)
    opened: list[Line] = []
    asked: list[int] = []
    links: list[str] = []

    class Listener:
        def on_link(self, link: str) -> None:
            links.append(link)

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *values: None

    async def play() -> None:
        async def dial() -> Line:
            opened.append(Line())
            return opened[-1]

        async def ask(execution: str, after: int) -> DecodedPage:
            asked.append(after)
            return DecodedPage("epoch", [])

        async def ask_afresh(execution: str) -> Snapshot:
            raise AssertionError("the log was continued")

        socket = EventSocket(dial, Poller(ask, ask_afresh))
        replica = Replica(empty("x", "epoch", NOW, "w"))
        replica.attach(Listener(), lambda snapshot: None)
        socket.add(replica)
        try:
            await soon(lambda: asked and len(opened) > 2)
        finally:
            await socket.close()

    asyncio.run(play())
    assert links == ["reconnecting", "live"]
