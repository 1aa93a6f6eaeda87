"""Interrupting the main thread of a worker, and only while the attempt to be stopped runs in it.

A late signal must not hit the next task, and a signal in the middle of a message must not cut the
message in two. So the handler raises only between `begin` and `end` of the attempt in question, and
waits for the end of a shielded section.
"""

from __future__ import annotations

import importlib
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

# The function behind that of `signal`, which makes an enumeration of what it returns: five times as slow.
_getsignal: Any = importlib.import_module("_signal").getsignal


class Interrupts:
    """One per worker process. All but `stop` is for the main thread."""

    def __init__(self) -> None:
        self._main = threading.main_thread()
        self._main_id = threading.main_thread().ident
        self._current: int | None = None
        self._stopping: set[int] = set()
        self._delivered: set[int] = set()
        self._shields = 0
        self._late = False
        self._handle = self._handler
        #: Replaced by the asyncio host: the token of the attempt whose code is on the stack just now.
        self.on_stack: Callable[[], int | None] = lambda: self._current

    def install(self) -> None:
        """Take SIGINT over; also before each attempt, as the one before may have taken it back."""
        if _getsignal(signal.SIGINT) is not self._handle:
            signal.signal(signal.SIGINT, self._handle)

    def begin(self, token: int) -> None:
        """From here on the attempt may be interrupted; raises when it has already been stopped."""
        self._current = token
        if token in self._stopping:
            self._raise(token)

    def end(self) -> None:
        """From here on it may not."""
        self._current = None

    def is_stopping(self, token: int) -> bool:
        """Whether a stop of that attempt was asked for."""
        return token in self._stopping

    def forget(self, token: int) -> bool:
        """The attempt is over; whether it had been interrupted."""
        self._stopping.discard(token)
        was = token in self._delivered
        self._delivered.discard(token)
        return was

    def stop(self, token: int) -> None:
        """Interrupt that attempt if it runs, or when it begins. From any thread."""
        self._stopping.add(token)
        if self._main_id is not None and self._main.is_alive():
            signal.pthread_kill(self._main_id, signal.SIGINT)

    def shield(self) -> None:
        """Hold interrupts back until `unshield`. Does nothing in other threads, which are never interrupted."""
        if threading.get_ident() == self._main_id:
            self._shields += 1

    def unshield(self) -> None:
        """Undo `shield`; raises an interrupt that came meanwhile."""
        if threading.get_ident() != self._main_id:
            return
        self._shields -= 1
        if self._late and not self._shields:
            self._late = False
            self._deliver()

    def _handler(self, signum: int, frame: FrameType | None) -> None:
        if self._shields:
            self._late = True
        else:
            self._deliver()

    def _deliver(self) -> None:
        token = self.on_stack()
        if token is not None and token in self._stopping and token not in self._delivered:
            self._raise(token)

    def _raise(self, token: int) -> None:
        self._delivered.add(token)
        raise KeyboardInterrupt
