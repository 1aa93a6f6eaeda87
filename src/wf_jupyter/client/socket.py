"""The WebSocket to a server: subscriptions that survive everything that happens to the wire, and questions.

Each subscription is a replica. After a loss the socket asks for exactly the events after what each
replica has folded (`after` and `epoch`); the server answers with them, or with a snapshot.
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

from wf_jupyter.client.polling import Poller
from wf_jupyter.client.reconnect import Backoff
from wf_jupyter.client.replica import Replica
from wf_jupyter.errors import ExecutionNotFound, NotPermitted, ServerUnavailable, StoreError
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


class Unasked(Exception):
    """No answer to a question: not with this server, or on no way that there is now."""


class NotReached(Unasked, ServerUnavailable):
    """The connection was lost before the answer, or the server could not give it: ask again."""


class Closed(ServerUnavailable):
    """Raised to those who still wait on a connection that its holder closed."""


class EventSocket:
    """One WebSocket for all subscriptions and questions of a connection, opened with the first of them.

    `dial` opens a tornado WebSocket; it is called again for every attempt, so that it can look up
    where the server is now. `poller` takes over what cannot be subscribed to.
    """

    def __init__(self, dial: Callable[[], Awaitable[Any]], poller: Poller) -> None:
        self._dial = dial
        self._poller = poller
        self._replicas: WeakValueDictionary[str, Replica] = WeakValueDictionary()
        self._asked: dict[int, str] = {}
        self._questions: dict[int, asyncio.Future[bytes]] = {}
        #: The socket was opened, or is known not to open.
        self._changed = asyncio.Event()
        self._is_blocked = False
        self._ids = itertools.count(1)
        self._socket: Any = None
        self._task: asyncio.Task[None] | None = None
        self._silence = 25.0
        self._greeted = False

    def add(self, replica: Replica) -> None:
        """Keep this replica up to date from now on."""
        self._replicas[replica.id] = replica
        if not self._start() and self._socket is not None:
            self._subscribe(replica)

    def drop(self, execution: str) -> None:
        """Unsubscribe: nobody looks at this execution any more."""
        if execution not in self._replicas and self._socket is not None:
            self._send("unsubscribe", {"execution_id": execution})

    async def ask(self, method: str, params: msgspec.Struct) -> bytes:
        """The answer to a question, in JSON; errors as the server tells them, or `Unasked`."""
        self._start()
        while self._socket is None:
            if self._task is None:
                raise Closed("the connection to the server was closed")
            if self._is_blocked:
                raise Unasked
            self._changed.clear()
            await self._changed.wait()
        asked: dict[str, object] = msgspec.to_builtins(params)
        number = self._send(method, asked)
        answer = self._questions[number] = asyncio.get_running_loop().create_future()
        try:
            found: bytes = await answer
            return found
        finally:
            self._questions.pop(number, None)

    def _start(self) -> bool:
        """Whether this was the first use."""
        if self._task is not None:
            return False
        self._task = asyncio.get_running_loop().create_task(self._serve(), name="wf_jupyter events")
        return True

    async def close(self) -> None:
        """Close the socket and stop reconnecting."""
        task, self._task = self._task, None
        self._fail(Closed("the connection to the server was closed"))
        self._changed.set()
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
                self._is_blocked = False
                self._changed.set()
                await self._read(backoff)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # Refused, a proxy's error page, a malformed frame: the answer is always the same.
                _log.debug("the event socket was lost: %s", error)
            finally:
                self._hang_up()
            pause = backoff.next_delay(random.random())
            is_blocked = backoff.failures > _BLOCKED or (not self._greeted and time.monotonic() - tried > _SLOW)
            self._is_blocked = is_blocked
            self._changed.set()
            self._tell_of_loss(is_blocked)
            await asyncio.sleep(pause)

    # Apart, as a variable of a coroutine that goes on for ever would keep the last replica for ever.
    def _tell_of_loss(self, is_blocked: bool) -> None:
        for replica in list(self._replicas.values()):
            # What is asked for goes on, whether or not the socket opens this time.
            if replica not in self._poller:
                replica.set_link("reconnecting")
                if is_blocked:
                    self._poller.add(replica)

    def _subscribe_all(self) -> None:
        for replica in list(self._replicas.values()):
            self._subscribe(replica)

    async def _read(self, backoff: Backoff) -> None:
        self._subscribe_all()
        while True:
            # Not `wait_for`: on Python 3.11 it loses a cancellation that meets an arriving message.
            async with asyncio.timeout(self._silence if self._greeted else _GREETING):
                raw = await self._socket.read_message()
            if raw is None:
                return
            self._greeted = True
            if backoff.failures:
                backoff.reset()
            match jsonrpc.read_reply(raw):
                case jsonrpc.Notice() as notice:
                    self._take(notice)
                case jsonrpc.Reply() as reply:
                    self._settle_reply(reply)

    def _take(self, notice: jsonrpc.Notice) -> None:
        match notice.method:
            case "events":
                execution, events = decode_event_notice(notice.params)
                replica = self._find_replica(execution)
                if replica is not None and not replica.fold(events):
                    self._subscribe(replica)
            case "snapshot":
                notice_params = msgspec.json.decode(notice.params, type=SnapshotNotice)
                if (replica := self._find_replica(notice_params.execution_id)) is not None:
                    replica.replace(notice_params.snapshot)
            case "hello":
                self._silence = 2.5 * max(1.0, msgspec.json.decode(notice.params, type=Hello).heartbeat)

    def _find_replica(self, execution: str) -> Replica | None:
        """The replica of an execution. Before the answer to a subscription, what comes belongs to an older one."""
        return None if execution in self._asked.values() else self._replicas.get(execution)

    def _settle_reply(self, reply: jsonrpc.Reply) -> None:
        question = self._questions.get(reply.id) if isinstance(reply.id, int) else None
        if question is not None:
            if not question.done():
                _settle(question, reply)
            return
        execution = self._asked.pop(reply.id, None) if isinstance(reply.id, int) else None
        replica = self._replicas.get(execution) if execution else None
        if replica is None:
            return
        if reply.error is not None:
            _log.debug("the server refused a subscription: %s", problems.error_from_object(reply.error))
            self._poller.add(replica)
            return
        answer = msgspec.json.decode(reply.result or b"", type=Subscription)
        if isinstance(answer.snapshot, Snapshot):
            replica.replace(answer.snapshot)
        self._poller.discard(replica)
        replica.set_link("live")

    def _subscribe(self, replica: Replica) -> None:
        epoch, seq = replica.position
        number = self._send("subscribe", {"execution_id": replica.id, "after": seq, "epoch": epoch})
        self._asked[number] = replica.id

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
        self._fail(NotReached("the connection to the server was lost"))
        if socket is not None:
            socket.close()

    def _fail(self, error: Exception) -> None:
        for question in self._questions.values():
            if not question.done():
                question.set_exception(error)


def _settle(question: asyncio.Future[bytes], reply: jsonrpc.Reply) -> None:
    if reply.error is None:
        question.set_result(reply.result or b"")
        return
    error = problems.error_from_object(reply.error)
    if isinstance(error, ServerUnavailable | StoreError):
        question.set_exception(NotReached(str(error)))
    elif isinstance(error, ExecutionNotFound | NotPermitted):
        question.set_exception(error)
    else:
        _log.debug("the server refused a question: %s", error)
        question.set_exception(Unasked(str(error)))
