"""The WebSocket to a server: subscriptions that survive everything that happens to the wire.

Each subscription is a mirror. After a loss the socket asks for exactly the events after what each
mirror has folded (`after` and `epoch`); the server answers with them, or with a snapshot.
All of this runs on the background loop.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from wf_jupyter.client.mirror import Mirror
from wf_jupyter.client.polling import Poller
from wf_jupyter.client.reconnect import Backoff
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.protocol import jsonrpc, problems
from wf_jupyter.protocol.codec import decode_event_notice
from wf_jupyter.protocol.messages import Hello, SnapshotNotice, Subscription

_log = logging.getLogger("wf_jupyter")

#: So many failed attempts in a row mean that there may be a server, but no WebSocket to it.
_BLOCKED = 3
#: So does one that took this many seconds: a refusal comes at once.
_SLOW = 3.0
#: A server greets a new socket at once; a proxy may open one and let nothing through.
_GREETING = 10.0


class EventSocket:
    """One WebSocket for all subscriptions of a connection, opened with the first of them.

    `dial` opens a tornado WebSocket; it is called again for every attempt, so that it can look up
    where the server is now. `poller` takes over what cannot be subscribed to.
    """

    def __init__(self, dial: Callable[[], Awaitable[Any]], poller: Poller) -> None:
        self._dial = dial
        self._poller = poller
        self._mirrors: WeakValueDictionary[str, Mirror] = WeakValueDictionary()
        self._asked: dict[int, str] = {}
        self._ids = itertools.count(1)
        self._socket: Any = None
        self._task: asyncio.Task[None] | None = None
        self._silence = 25.0
        self._greeted = False

    def add(self, mirror: Mirror) -> None:
        """Keep this mirror up to date from now on."""
        self._mirrors[mirror.id] = mirror
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve(), name="wf_jupyter events")
        elif self._socket is not None:
            self._subscribe(mirror)

    def drop(self, execution: str) -> None:
        """Nobody looks at this execution any more."""
        if execution not in self._mirrors and self._socket is not None:
            self._send("unsubscribe", {"execution_id": execution})

    async def close(self) -> None:
        """Close the socket and stop reconnecting."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._poller.close()

    async def _serve(self) -> None:
        backoff = Backoff()
        while True:
            tried = time.monotonic()
            self._greeted = False
            try:
                self._socket = await self._dial()
                await self._read(backoff)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # Refused, a proxy's error page, a malformed frame: the answer is always the same.
                _log.debug("the event socket was lost: %s", error)
            finally:
                self._hang_up()
            pause = backoff.failed(random.random())
            is_blocked = backoff.failures > _BLOCKED or (not self._greeted and time.monotonic() - tried > _SLOW)
            for mirror in list(self._mirrors.values()):
                # What is asked for goes on, whether or not the socket opens this time.
                if mirror not in self._poller:
                    mirror.set_link("reconnecting")
                    if is_blocked:
                        self._poller.add(mirror)
            await asyncio.sleep(pause)

    async def _read(self, backoff: Backoff) -> None:
        for mirror in list(self._mirrors.values()):
            self._subscribe(mirror)
        while True:
            # Not `wait_for`: on Python 3.11 it loses a cancellation that meets an arriving message.
            async with asyncio.timeout(self._silence if self._greeted else _GREETING):
                raw = await self._socket.read_message()
            if raw is None:
                return
            self._greeted = True
            if backoff.failures:
                backoff.succeeded()
            match jsonrpc.read_reply(raw):
                case jsonrpc.Notice() as notice:
                    self._take(notice)
                case jsonrpc.Reply() as reply:
                    self._answered(reply)

    def _take(self, notice: jsonrpc.Notice) -> None:
        match notice.method:
            case "events":
                execution, events = decode_event_notice(notice.params)
                mirror = self._followed(execution)
                if mirror is not None and not mirror.fold(events):
                    self._subscribe(mirror)
            case "snapshot":
                told = msgspec.json.decode(notice.params, type=SnapshotNotice)
                if (mirror := self._followed(told.execution_id)) is not None:
                    mirror.replace(told.snapshot)
            case "hello":
                self._silence = 2.5 * max(1.0, msgspec.json.decode(notice.params, type=Hello).heartbeat)

    def _followed(self, execution: str) -> Mirror | None:
        """Who is told of an execution. Before the answer to a subscription, what comes belongs to an older one."""
        return None if execution in self._asked.values() else self._mirrors.get(execution)

    def _answered(self, reply: jsonrpc.Reply) -> None:
        execution = self._asked.pop(reply.id, None) if isinstance(reply.id, int) else None
        mirror = self._mirrors.get(execution) if execution else None
        if mirror is None:
            return
        if reply.error is not None:
            _log.debug("the server refused a subscription: %s", problems.error_from_object(reply.error))
            self._poller.add(mirror)
            return
        answer = msgspec.json.decode(reply.result or b"", type=Subscription)
        if isinstance(answer.snapshot, Snapshot):
            mirror.replace(answer.snapshot)
        self._poller.discard(mirror)
        mirror.set_link("live")

    def _subscribe(self, mirror: Mirror) -> None:
        epoch, seq = mirror.position
        number = self._send("subscribe", {"execution_id": mirror.id, "after": seq, "epoch": epoch})
        self._asked[number] = mirror.id

    def _send(self, method: str, params: dict[str, object]) -> int:
        number = next(self._ids)
        from tornado.websocket import WebSocketClosedError

        try:
            written = self._socket.write_message(jsonrpc.request(number, method, params).decode())
        except WebSocketClosedError:
            return number  # The reader meets the same end in a moment, and subscribes again after it.
        written.add_done_callback(lambda future: future.cancelled() or future.exception())
        return number

    def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        self._asked.clear()
        if socket is not None:
            socket.close()
