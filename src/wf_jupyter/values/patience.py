"""A limit in time for what a user's own methods do while their objects are looked at.

A `__repr__` may sleep, loop for ever, or ask a database. It runs in the thread that asks, with an
alarm set: it is never left behind in a thread of its own, and what it holds is let go by its own
`finally` and `with`. Only the main thread can have an alarm; elsewhere a second thread raises in the
first, whose Python code is stopped at its next step, and only a call into C that does not return is
waited for. Either comes again and again: the first may hit a method that catches everything, or a
`__del__` that the garbage collector runs meanwhile, where Python prints and drops whatever is raised.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

#: Seconds between two alarms.
_AGAIN = 0.5


class TookTooLong(BaseException):
    """Raised inside the method; no `except Exception` of its own keeps it."""


def within(seconds: float, compute: Callable[[], T], otherwise: T) -> T:
    """Return what `compute` returns, or `otherwise` when that takes longer. Raises what it raises."""
    limit = _alarm if _has_alarm() else _interrupts
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


def _interrupts(seconds: float, watch: _Watch, compute: Callable[[], T]) -> T:
    thread, over = threading.get_ident(), threading.Event()
    lock = threading.Lock()

    def ring() -> None:
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not watch.is_over:
                    raise_in_thread(thread, TookTooLong)
            wait = _AGAIN

    bell = threading.Thread(target=ring, name="wf-jupyter-patience", daemon=True)
    bell.start()
    try:
        return compute()
    finally:
        while not over.is_set():
            with suppress(TookTooLong):
                with lock:
                    watch.is_over = True
                    # One that was sent and has not arrived is taken back.
                    raise_in_thread(thread, None)
                over.set()
        bell.join()


def raise_in_thread(thread: int, error: type[BaseException] | None) -> None:
    """Have `error` raised in the thread of that identity, at its next step of Python code; None takes one back."""
    raised = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
