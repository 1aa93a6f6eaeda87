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


class Turnstile:
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
        """A turn of one's own; must not be kept while waiting for something slow."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            if loop.time() - self._last > self._slice:
                self._used = 0.0
            elif self._used >= self._slice:
                await asyncio.sleep(self._used)
                self._used = 0.0
            started = loop.time()
            try:
                yield
            finally:
                self._last = loop.time()
                self._used += self._last - started
