"""Interrupting one thread from another, where a signal would hit the wrong one."""

from __future__ import annotations

import threading

from wf_jupyter.values.patience import raise_in_thread


class ThreadInterrupt:
    """A guard for `Runner.run` that raises `KeyboardInterrupt` in the thread of the attempt.

    It arrives at the thread's next step of Python code, so a call into C or a sleep ends first. An
    interrupt that came too late is taken back and hits nothing else.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread = 0
        self._current: int | None = None
        self._stopped: set[int] = set()

    def begin(self, token: int) -> None:
        """The attempt runs in this thread and may be interrupted from here on."""
        with self._lock:
            self._thread = threading.get_ident()
            self._current = token

    def end(self) -> None:
        """Stop allowing interrupts for the current attempt."""
        with self._lock:
            token, self._current = self._current, None
            if token in self._stopped:
                raise_in_thread(self._thread, None)

    def forget(self, token: int) -> bool:
        """The attempt is over; whether it had been interrupted."""
        was = token in self._stopped
        self._stopped.discard(token)
        return was

    def stop(self, token: int) -> None:
        """Interrupt that attempt, if it is the one that runs."""
        with self._lock:
            if self._current == token and token not in self._stopped:
                self._stopped.add(token)
                raise_in_thread(self._thread, KeyboardInterrupt)
