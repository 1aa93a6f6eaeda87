"""What goes out on one socket: replies, heartbeats, and what its mailbox received, in order.

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
from wf_jupyter.server.batching import Resync, frames
from wf_jupyter.server.host import OrchestratorHost
from wf_jupyter.server.turnstile import Turnstile
from wf_jupyter.service.hub import EVERYTHING
from wf_jupyter.service.mailbox import Mailbox

#: Between two deliveries to one socket, in seconds: events gather meanwhile and share a frame.
TICK = 0.02

_log = logging.getLogger("wf_jupyter")


class Pump:
    """Sends. `write` puts one frame on the socket; what it returns is done when the socket took it."""

    def __init__(
        self,
        *,
        host: OrchestratorHost,
        write: Callable[[bytes], Awaitable[None]],
        heartbeat: float,
        deadline: float,
        limit: int,
        turnstile: Turnstile | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._host = host
        self._write = write
        self._heartbeat = heartbeat
        self._deadline = deadline
        self._ready = asyncio.Event()
        self._turn = asyncio.Lock()
        self._turnstile = turnstile or Turnstile()
        self.mailbox = Mailbox(lambda: _call_soon(loop, self._ready.set), limit)

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
        loop = asyncio.get_running_loop()
        beat = loop.time() + self._heartbeat
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(beat):
                    await self._ready.wait()
            if self._ready.is_set():
                self._ready.clear()
                await self._deliver()
            if loop.time() >= beat:
                beat = loop.time() + self._heartbeat
                await self.send(jsonrpc.notification("heartbeat", Heartbeat(time=datetime.now(UTC))))
            await asyncio.sleep(TICK)

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
            shown = msgspec.Raw(recent.json)
            notice = EncodedNotice(execution_id=topic, epoch=recent.epoch, seq=recent.seq, snapshot=shown)
            await self._put(jsonrpc.notification("snapshot", notice))

    async def _put(self, frame: bytes) -> None:
        taken = await self._turnstile.through(lambda: self._write(frame))
        async with asyncio.timeout(self._deadline):
            await taken


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    # The orchestrator may still be publishing while the server's loop is already closed.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function)
