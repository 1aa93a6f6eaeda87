"""Sender of one socket: replies, heartbeats, and what its mailbox received, in order.

Exactly one frame is being written at a time, and each is awaited: a slow reader fills its own mailbox
(which turns into one snapshot), never the server's memory. A reader that takes nothing for
`deadline` seconds is given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from wf_jupyter.errors import WorkflowError
from wf_jupyter.protocol import jsonrpc
from wf_jupyter.protocol.messages import EncodedNotice, Heartbeat, ListChanged
from wf_jupyter.server.host import OrchestratorHost
from wf_jupyter.server.ws.batching import Resync, frames
from wf_jupyter.server.ws.fair_sending import FairSending
from wf_jupyter.server.ws.wakeups import Wakeups
from wf_jupyter.service.subscriptions.broker import EVERYTHING, Recent
from wf_jupyter.service.subscriptions.mailbox import Mailbox

#: Frames of so many bytes go through `FairSending`. `Wakeups` see to it that the others, which
#: take some 50 µs each, leave room on the loop.
LARGE = 1 << 16

_log = logging.getLogger("wf_jupyter")


class Sender:
    """Sends. `write` puts one frame on the socket; what it returns is done when the socket took it."""

    def __init__(
        self,
        *,
        host: OrchestratorHost,
        write: Callable[[bytes], Awaitable[None]],
        heartbeat: float,
        deadline: float,
        limit: int,
        fair_sending: FairSending | None = None,
        wakeups: Wakeups | None = None,
    ) -> None:
        self._host = host
        self._write = write
        self._heartbeat = heartbeat
        self._deadline = deadline
        self._ready = asyncio.Event()
        self._turn = asyncio.Lock()
        self._fair_sending = fair_sending or FairSending()
        self._is_beat_due = False
        wake = (wakeups or Wakeups()).wake
        self.mailbox = Mailbox(lambda: wake(self._ready), limit)

    async def send(self, frame: bytes) -> None:
        """Send a frame after those that are being sent; `TimeoutError` when the reader takes nothing."""
        async with self._turn:
            await self._put(frame)

    @contextlib.asynccontextmanager
    async def hold(self) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
        """Keep everything else back; only the given function sends meanwhile."""
        async with self._turn:
            yield self._put

    async def run(self) -> None:
        """Deliver until cancelled, or until the socket is gone (raises what `write` raises) or stuck."""
        beating = asyncio.get_running_loop().call_later(self._heartbeat, self._beat)
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                await self._deliver()
                if self._is_beat_due:
                    self._is_beat_due = False
                    beating = asyncio.get_running_loop().call_later(self._heartbeat, self._beat)
                    await self.send(jsonrpc.notification("heartbeat", Heartbeat(time=datetime.now(UTC))))
        finally:
            beating.cancel()

    def _beat(self) -> None:
        self._is_beat_due = True
        self._ready.set()

    async def _deliver(self) -> None:
        async with self._turn:
            for frame in frames(self.mailbox.take()):
                if isinstance(frame, Resync):
                    await self._resync(frame.topic)
                else:
                    await self._put(frame)

    async def _resync(self, topic: str) -> None:
        if topic == EVERYTHING:
            self.mailbox.forget(topic)
            await self._put(jsonrpc.notification("snapshot", ListChanged(epoch=self._host.hello().epoch)))
            return
        try:
            recent = await self._host.ask(lambda engine: engine.resync_encoded(topic, self.mailbox))
        except WorkflowError as error:
            _log.debug("no snapshot for a slow subscriber: %s", error)
            return
        if recent is not None:
            await self._put(_frame_snapshot(topic, recent))

    async def _put(self, frame: bytes) -> None:
        if len(frame) < LARGE:
            taken = self._write(frame)
        else:
            taken = await self._fair_sending.through(lambda: self._write(frame))
        async with asyncio.timeout(self._deadline):
            await taken


def _frame_snapshot(topic: str, recent: Recent) -> bytes:
    """The snapshot as a frame; it has megabytes, and often many sockets need the same."""
    if recent.framed is None:
        shown = msgspec.Raw(recent.json)
        notice = EncodedNotice(execution_id=topic, epoch=recent.epoch, seq=recent.seq, snapshot=shown)
        recent.framed = jsonrpc.notification("snapshot", notice)
    return recent.framed
