"""When attempts that failed are tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from wf_jupyter.model.snapshot import TaskSnapshot
from wf_jupyter.model.stimuli import RetryDue


class RetryTimers:
    """One timer per task that waits; `due` is told of each that ends."""

    def __init__(self, due: Callable[[RetryDue], None]) -> None:
        self._due = due
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def arm(self, key: str, attempt: int, delay: float) -> None:
        """Tell of this task after so many seconds."""
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(delay, self._end, key, attempt)

    def arm_again(self, shown: TaskSnapshot, attempt: int, now: datetime) -> None:
        """After a replay: wait for as long as was left."""
        left = 0.0
        if shown.retry_at is not None and shown.ended is not None:
            # A clock that went back does not make the wait longer than it was to be.
            left = min(max(shown.retry_at - now, timedelta()), shown.retry_at - shown.ended).total_seconds()
        self.arm(shown.key, attempt, left)

    def close(self) -> None:
        """Tell of nothing more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _end(self, key: str, attempt: int) -> None:
        self._timers.pop(key, None)
        self._due(RetryDue(task=key, attempt=attempt))
