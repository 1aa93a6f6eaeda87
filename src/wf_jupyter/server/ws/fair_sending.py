"""Keeps sending from taking over the server's loop, however many sockets have something to send.

A hundred sockets that are woken by the same event would all send in one turn of the loop, and whatever
else the server has to do would wait for the last of them. Here they send one after the other, a turn of
the loop between them, and after a few milliseconds everybody else gets as long as they had. What
arrives meanwhile waits in the mailboxes and shares a frame.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds of sending until others get their turn.
SLICE = 0.004


class FairSending:
    """One for all sockets of a server; used on its loop only."""

    def __init__(self, slice_seconds: float = SLICE) -> None:
        self._slice = slice_seconds
        self._turn = asyncio.Lock()
        self._used = 0.0
        self._last = 0.0

    async def through(self, send: Callable[[], T]) -> T:
        """Call `send` when it is its turn; what it returns is not waited for."""
        async with self.turn():
            return send()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A turn of one's own. Whoever waits for something slow loses it after a slice, and holds up nobody."""
        loop = asyncio.get_running_loop()
        await self._turn.acquire()
        try:
            if loop.time() - self._last > self._slice:
                self._used = 0.0
            elif self._used >= self._slice:
                await asyncio.sleep(self._used)
                self._used = 0.0
        except BaseException:
            self._turn.release()
            raise
        started = loop.time()
        ending = _Once(lambda: self._end(started))
        # What works without waiting is measured whole: the timer cannot fire meanwhile.
        timer = loop.call_later(self._slice, ending)
        try:
            yield
        finally:
            timer.cancel()
            ending()

    def _end(self, started: float) -> None:
        self._last = asyncio.get_running_loop().time()
        self._used += self._last - started
        self._turn.release()


class _Once:
    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def __call__(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()
