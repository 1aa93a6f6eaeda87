"""Time that passes when a test says so."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any


class FakeClock:
    """A clock for whatever takes one: call it for the time, `advance` it, or set it wrong with `jump`."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time, in UTC."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def jump(self, **delta: float) -> None:
        """Set the clock wrong: `jump(days=100)`, `jump(hours=-1)`."""
        self.now += timedelta(**delta)


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, moves the loop's time to it."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            self.loop.advance(timeout)
        elif not ready and timeout is None:
            raise RuntimeError("nothing is left that could happen, and somebody still waits")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which nobody really waits: sleeping for an hour takes no time.

    Work for threads is done at once, on the loop. A `clock` goes with it. When nothing can happen any
    more while something is awaited, it raises RuntimeError instead of waiting for ever.
    """

    def __init__(self, clock: FakeClock | None = None) -> None:
        selector = _JumpingSelector()
        super().__init__(selector)
        selector.loop = self
        self.clock = clock or FakeClock()
        self._now = 0.0

    def time(self) -> float:
        """Seconds since the loop was made, as it sees it."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass, for the loop and its clock."""
        self._now += seconds
        self.clock.advance(seconds)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call it now: a thread would live in another time."""
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done
