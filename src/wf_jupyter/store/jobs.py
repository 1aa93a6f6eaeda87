"""Jobs: work for a database thread, and the way back to whoever waits for it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from wf_jupyter.errors import StoreError
from wf_jupyter.store.database import os_error, store_error

T = TypeVar("T")


class Job(Generic[T]):
    """`work` on a connection, and the future that gets its outcome; `loop` is None for a plain thread's future."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(
        self,
        work: Callable[[sqlite3.Connection], T],
        future: asyncio.Future[T] | concurrent.futures.Future[T],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.work = work
        self.future = future
        self.loop = loop
        self.result: T | None = None
        self.error: BaseException | None = None


class JobThread(ABC):
    """A thread with a connection of its own; jobs are taken in the order in which they were given."""

    def __init__(self, name: str, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path
        self._queue: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._unfinished = 0
        self._using = threading.Lock()
        self._user = 0
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def connection(self) -> sqlite3.Connection:
        """For who has it just now: this thread while it works, or whoever found it idle. `RuntimeError` for others."""
        if threading.get_ident() != self._user:
            raise RuntimeError(
                f"the connection to {self.path} was used in the thread {threading.current_thread().name!r}, which does "
                "not have it: give the work to `run`"
            )
        return self._connection

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Have `work` done and wait for it; raises what it raised, SQLite's errors as `StoreError`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(Job(work, future, loop))
        return await future

    def run_blocking(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job from any thread but this one, without a loop."""
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._put(Job(work, future, None))
        return future.result()

    @contextmanager
    def idle(self) -> Iterator[bool]:
        """Whether nothing is queued or being done; if so, the connection is the caller's while inside.

        What is queued meanwhile is done after that, so the order in which jobs were given holds.
        """
        with self._gate:
            is_idle = not self._unfinished and not self._is_closed
            if is_idle:
                # Nobody holds it for longer than it takes to say so: the thread has no job.
                self._take()
        try:
            yield is_idle
        finally:
            if is_idle:
                self._give_back()

    def stop(self) -> None:
        """Do what was given so far, then close the connection. Idempotent."""
        with self._gate:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._thread.join()

    @abstractmethod
    def handle(self, group: list[Job[Any]]) -> None:
        """Do the jobs and settle each; called on the thread with everything that was queued."""

    def _put(self, job: Job[Any]) -> None:
        # With the lock, no job can be queued behind the end, where nobody would ever answer it.
        with self._gate:
            if self._is_closed:
                raise StoreError(f"the store of {self.path} is closed")
            self._unfinished += 1
            self._queue.put(job)

    def _run(self) -> None:
        is_ending = False
        while not is_ending:
            group: list[Job[Any]] = []
            entry = self._queue.get()
            try:
                while entry is not None:
                    group.append(entry)
                    entry = self._queue.get_nowait()
                is_ending = True
            except Empty:
                pass
            if group:
                self._take()
                try:
                    self.handle(group)
                except BaseException as error:
                    # The thread must outlive it, or whoever asks from now on would wait for ever.
                    for job in group:
                        job.error = job.error or error
                    settle(group)
                finally:
                    self._give_back()
                with self._gate:
                    self._unfinished -= len(group)
        with self._using:
            self._connection.close()

    def _take(self) -> None:
        self._using.acquire()
        self._user = threading.get_ident()

    def _give_back(self) -> None:
        self._user = 0
        self._using.release()

    def _to_store_error(self, error: Exception) -> Exception:
        if isinstance(error, OSError):
            return os_error(self.path, error)
        if not isinstance(error, sqlite3.Error):
            return error
        converted = store_error(self.path, error)
        converted.__cause__ = error
        return converted


def settle(jobs: Iterable[Job[Any]]) -> None:
    """Hand every outcome to its waiter: one wake-up per event loop, however many jobs."""
    waiting: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
    for job in jobs:
        if job.loop is None:
            _resolve(job)
        else:
            waiting.setdefault(job.loop, []).append(job)
    for loop, group in waiting.items():
        try:
            loop.call_soon_threadsafe(_resolve_all, group)
        except RuntimeError:
            # The loop was closed while its job was being done: nobody waits any more.
            continue


def _resolve_all(jobs: list[Job[Any]]) -> None:
    for job in jobs:
        _resolve(job)


def _resolve(job: Job[Any]) -> None:
    if job.future.done():
        return
    if job.error is not None:
        job.future.set_exception(job.error)
    else:
        job.future.set_result(job.result)
