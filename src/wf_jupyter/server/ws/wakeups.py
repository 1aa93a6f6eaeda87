"""Wakes those sockets for which something has come: all with one wake-up of the loop, a few at a time.

An event that a thousand sockets follow fills a thousand mailboxes at once. Were each to wake its own
socket, the orchestrator's thread would write a thousand times to the loop's pipe, and the loop would
run a thousand sockets in one turn while everything else the server does waits for the last of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

#: Seconds from the beginning of one round to that of the next: events gather meanwhile and share a frame.
TICK = 0.02
#: Sockets woken per turn of the loop.
FEW = 8
#: Seconds of that until others get as long.
SLICE = 0.004


class Wakeups:
    """One for all sockets of a server. Make it on the server's loop."""

    def __init__(self, tick: float = TICK, few: int = FEW, slice_seconds: float = SLICE) -> None:
        self._loop = asyncio.get_running_loop()
        self._tick = tick
        self._few = few
        self._slice = slice_seconds
        self._waiting: deque[asyncio.Event] = deque()
        self._is_under_way = False
        self._began = float("-inf")
        self._left = 0
        self._stepped = 0.0
        self._worked = 0.0

    def wake(self, sleeper: asyncio.Event) -> None:
        """Set it with the next round. From any thread; returns at once."""
        self._waiting.append(sleeper)
        # After the append: a round that ends just now either sees it, or has already said that it ended.
        if not self._is_under_way:
            self._is_under_way = True
            # The orchestrator may still be publishing while the server's loop is already closed.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._next_round)

    def _next_round(self) -> None:
        now = self._loop.time()
        if now < self._began + self._tick:
            self._loop.call_at(self._began + self._tick, self._next_round)
            return
        self._began = self._stepped = now
        self._left = len(self._waiting)
        self._step()

    def _step(self) -> None:
        now = self._loop.time()
        self._worked += now - self._stepped
        if self._worked >= self._slice:
            self._stepped = now + self._worked
            self._worked = 0.0
            self._loop.call_at(self._stepped, self._go_on)
            return
        self._stepped = now
        for _ in range(min(self._few, self._left)):
            self._waiting.popleft().set()
            self._left -= 1
        if self._left:
            self._loop.call_soon(self._step)
            return
        self._is_under_way = False
        if self._waiting:
            self._is_under_way = True
            self._loop.call_soon(self._next_round)

    def _go_on(self) -> None:
        self._stepped = self._loop.time()
        self._step()
