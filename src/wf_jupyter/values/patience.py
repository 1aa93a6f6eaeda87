"""A limit in time for what a user's own methods do while their objects are looked at.

A `__repr__` may sleep, loop for ever, or ask a database. It runs in the thread that asks, with an
alarm set: no second thread that would be left behind, and what the method holds is let go by its own
`finally` and `with`. Only the main thread can have an alarm; elsewhere Python code is stopped at its
next line, by a trace function, and only a call into C that does not return is waited for.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

#: Between two alarms, for a method that catches the first one.
_AGAIN = 0.5


class TookTooLong(BaseException):
    """Raised inside the method; no `except Exception` of its own keeps it."""


def within(seconds: float, compute: Callable[[], T], otherwise: T) -> T:
    """What `compute` returns, or `otherwise` when that takes longer. Raises what it raises."""
    limit = _alarm if _has_alarm() else _trace
    watch = _Watch()
    try:
        try:
            return limit(seconds, watch, compute)
        finally:
            watch.is_over = True
    except TookTooLong:
        return otherwise


class _Watch:
    """Raises while the method runs, and no more once it is over."""

    def __init__(self) -> None:
        self.is_over = False

    def ring(self, signum: int, frame: FrameType | None) -> None:
        if not self.is_over:
            raise TookTooLong


def _has_alarm() -> bool:
    return (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        # None: a handler that was not set from Python, and cannot be put back.
        and signal.getsignal(signal.SIGALRM) is not None
    )


def _alarm(seconds: float, watch: _Watch, compute: Callable[[], T]) -> T:
    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, watch.ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        try:
            return compute()
        finally:
            watch.is_over = True
    finally:
        # Once more: the alarm may have rung just before the line above. The next one is far away.
        watch.is_over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            # An alarm of the user's own, put off by what this took.
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - began)), interval)


def _trace(seconds: float, watch: _Watch, compute: Callable[[], T]) -> T:
    if sys.gettrace() is not None:
        return compute()  # a debugger, which would be disturbed
    end = time.monotonic() + seconds

    def look(frame: FrameType, event: str, argument: object) -> Any:
        if time.monotonic() > end and not watch.is_over:
            raise TookTooLong
        return look

    sys.settrace(look)
    try:
        return compute()
    finally:
        watch.is_over = True
        with suppress(TookTooLong):
            sys.settrace(None)
