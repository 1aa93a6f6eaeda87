"""Reader of the parent's messages: the main thread between attempts, a second one while an attempt takes long.

Handing a message from a reading thread to the thread that runs attempts costs two switches of thread,
some 50 µs, as much as the rest of a small attempt. So an idle worker reads in its main thread. A stop
must reach an attempt that is running, though, and only a thread can read then: it looks every few
milliseconds, and takes over the reading once an attempt has been running for that long.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Iterator

from wf_jupyter.executors.wire.messages import ToWorker
from wf_jupyter.executors.worker.connection import WorkerConnection

#: Seconds between two looks of the second thread, and looks without an attempt until it sleeps.
TICK = 0.01
QUIET = 100


class MessageReader:
    """Passes messages on to `handle`, one after the other, in order. All but `start` is for the main thread."""

    def __init__(self, connection: WorkerConnection, handle: Callable[[ToWorker], None]) -> None:
        self._connection = connection
        self._handle = handle
        #: Who holds it reads: the main thread, except while an attempt runs.
        self._reading = threading.Lock()
        self._reading.acquire()
        self._bell_out, self._bell_in = os.pipe()
        self._attempts = 0
        self._is_running = False
        self._is_watched = False
        self._asleep = threading.Semaphore(0)

    def start(self) -> None:
        """Start the second thread."""
        threading.Thread(target=self._watch, name="wf-messages", daemon=True).start()

    def wait(self) -> None:
        """Read until something came."""
        self._read(block=True)

    def glance(self) -> None:
        """Read what is there."""
        self._read(block=False)

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """An attempt runs inside; messages are handled meanwhile, if it takes long enough to need any."""
        self._attempts += 1
        self._is_running = True
        self._reading.release()
        # After saying that an attempt runs: the other thread looks again after it has said that it sleeps.
        if not self._is_watched:
            self._is_watched = True
            self._asleep.release()
        try:
            yield
        finally:
            self._is_running = False
            if not self._reading.acquire(blocking=False):
                os.write(self._bell_in, b"\0")
                self._reading.acquire()

    def _read(self, block: bool) -> None:
        for message in self._connection.read(block):
            self._handle(message)

    def _watch(self) -> None:
        while True:
            self._asleep.acquire()
            self._look_until_quiet()

    def _look_until_quiet(self) -> None:
        quiet = 0
        while quiet < QUIET:
            seen = self._attempts
            time.sleep(TICK)
            if self._attempts != seen:
                quiet = 0
            elif self._is_running:
                quiet = 0
                self._take_over(seen)
            else:
                quiet += 1
            if quiet == QUIET:
                self._is_watched = False
                if self._is_running:
                    # It began before that was said, and woke nobody.
                    self._is_watched = True
                    quiet = 0

    def _take_over(self, attempt: int) -> None:
        if not self._reading.acquire(blocking=False):
            return
        try:
            while self._is_running and self._attempts == attempt:
                ready, _, _ = select.select([self._connection.fileno(), self._bell_out], [], [])
                if self._bell_out in ready:
                    os.read(self._bell_out, 64)
                elif ready:
                    self._read(block=False)
        finally:
            self._reading.release()
