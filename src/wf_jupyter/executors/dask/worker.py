"""What runs on a Dask worker: one attempt, its output, and the ways to stop it.

Everything here is called by Dask with plain data. An attempt belongs to one worker process and runs
there or nowhere: should Dask want to compute a lost result once more, the process that it asks is
another one and refuses.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from wf_jupyter.executors.dask import values as dask_values
from wf_jupyter.executors.dask.values import Kept
from wf_jupyter.executors.wire.messages import PROTOCOL, Final, FromWorker, Run, Stopped
from wf_jupyter.executors.worker.attempt import freshness
from wf_jupyter.executors.worker.attempt.admission import admit
from wf_jupyter.executors.worker.attempt.runner import Runner
from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.executors.worker.output import capture, console, display, ownership
from wf_jupyter.executors.worker.output.stream import Flusher, Output
from wf_jupyter.executors.worker.thread_interrupt import ThreadInterrupt

#: Final messages up to this size travel with the output; larger ones are fetched.
EVENT_LIMIT = 16_384
_REVOKED = 10_000
_decode = msgspec.msgpack.Decoder(Run).decode
_encode = msgspec.msgpack.Encoder().encode


class About(msgspec.Struct, frozen=True):
    """What the executor knows of a worker process."""

    identity: str
    protocol: int
    pid: int
    threads: int
    memory: int


class Misplaced(RuntimeError):
    """This process was not the one that the attempt was given to."""


class Host:
    """The attempts of this process. All methods but `run` are quick and called on Dask's event loop."""

    def __init__(self, own: bool, threads: int) -> None:
        self.identity = secrets.token_hex(8)
        self._own = own
        self._is_alone = threads == 1
        self._runner = Runner(owns_figures=own, is_alone=self._is_alone)
        self._flusher = Flusher()
        self._freshness = freshness.Freshness()
        self._lock = threading.Lock()
        self._running: dict[int, Callable[[], None]] = {}
        self._revoked: dict[int, None] = {}
        watch = ImportWatch()
        watch.install()
        display.install(watch)
        ownership.install(watch)
        os.register_at_fork(after_in_child=capture.note_fork)
        # A cluster of somebody else's keeps seeing what its tasks print; ours has nobody who reads it.
        sys.stdout = capture.CaptureStream("stdout", 1, through=None if own else sys.stdout)
        sys.stderr = capture.CaptureStream("stderr", 2, through=None if own else sys.stderr)
        console.install()
        self._freshness.note(freshness.now())

    def run(self, run: Run, code: bytes, call: bytes, tell: Callable[[object], None], is_async: bool) -> Final:
        """Run an attempt in this thread; never raises."""
        guard = ThreadInterrupt()
        loop = asyncio.new_event_loop() if is_async else None
        stop = _Cancel(loop) if loop is not None else (lambda: guard.stop(run.token))
        with self._lock:
            if run.token in self._revoked:
                return Stopped(run.token, 0.0)
            self._running[run.token] = stop
            if self._freshness.is_stale_for(run.execution):
                self._freshness.forget_modules()
                self._runner = Runner(owns_figures=self._own, is_alone=self._is_alone)
            runner = self._runner
        began = freshness.now()
        sink = Output(run.token, lambda messages: tell(_packed(messages)), self._flusher, run.log_limit)
        tell(None)
        try:
            if isinstance(stop, _Cancel):
                final = stop.run(runner, run, code, call, sink)
            else:
                final = runner.run(run, code, call, sink, guard)
        finally:
            with self._lock:
                self._running.pop(run.token, None)
                self._freshness.note(began)
        final = admit(run, final, sink, self._freshness, began)
        last = sink.close()
        if last:
            tell(_packed(last))
        return final

    def stop(self, token: int) -> None:
        """Interrupt an attempt, or keep it from beginning."""
        with self._lock:
            interrupt = self._running.get(token)
            if interrupt is None:
                self._revoke(token)
        if interrupt is not None:
            interrupt()

    def revoke(self, token: int) -> bool:
        """Keep an attempt from beginning; False when it has begun."""
        with self._lock:
            if token not in self._running:
                self._revoke(token)
            return token in self._revoked

    def _revoke(self, token: int) -> None:
        self._revoked[token] = None
        if len(self._revoked) > _REVOKED:
            del self._revoked[next(iter(self._revoked))]


class _Cancel:
    """An `async def` attempt on a loop of its own: stopping cancels it, also while it waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[Final] | None = None
        self._stopped = False

    def __call__(self) -> None:
        self._stopped = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def run(self, runner: Runner, run: Run, code: bytes, call: bytes, sink: Output) -> Final:
        began = time.perf_counter()
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as loop:
                return loop.run(self._run(runner, run, code, call, sink), context=contextvars.copy_context())
        except asyncio.CancelledError:
            return Stopped(run.token, time.perf_counter() - began)

    async def _run(self, runner: Runner, run: Run, code: bytes, call: bytes, sink: Output) -> Final:
        self._task = asyncio.current_task()
        if self._stopped:
            raise asyncio.CancelledError
        return await runner.run_async(run, code, call, sink)


_host: Host | None = None


def prepare(own: bool, dask_worker: Any) -> bytes:
    """Make this process ready for attempts; says what it is. Dask fills in `dask_worker`."""
    global _host
    if _host is None:
        _host = Host(own, dask_worker.state.nthreads)
    memory = dask_worker.memory_manager.memory_limit or 0
    return _encode(About(_host.identity, PROTOCOL, os.getpid(), dask_worker.state.nthreads, memory))


def run_attempt(
    identity: str, topic: str, inode: int, is_async: bool, data: bytes, code: bytes, call: bytes, *held: Kept
) -> Kept:
    """One attempt, as a Dask task; `held` are results of other attempts that its inputs refer to."""
    from distributed import get_worker
    from distributed.utils import sync

    host = _host
    if host is None or host.identity != identity:
        raise Misplaced("the worker process that this attempt was given to is gone")
    run = _decode(data)
    worker = get_worker()

    def tell(what: object) -> None:
        if what is None:
            # A round trip: should this process die with the task, nobody must believe that it had not begun.
            sync(worker.loop, worker.scheduler.log_event, topic=topic, msg=(run.token, None))
        else:
            worker.log_event(topic, (run.token, what))

    inputs = tuple(dask_values.filled(given, held) for given in run.inputs)
    final = host.run(msgspec.structs.replace(run, inputs=inputs, directory=""), code, call, tell, is_async)
    final, parts = dask_values.kept(final, run, inode)
    message = _encode(final)
    if len(message) <= EVENT_LIMIT:
        tell([message])
        message = b""
    return message, parts


def stop_attempt(token: int) -> None:
    """Ask an attempt of this process to stop."""
    if _host is not None:
        _host.stop(token)


def revoke_attempts(tokens: Sequence[int]) -> list[bool]:
    """Keep attempts from beginning, the last one first; False where it is too late for that."""
    return [_host is None or _host.revoke(token) for token in reversed(tokens)][::-1]


def _packed(messages: Sequence[FromWorker]) -> list[bytes]:
    return [_encode(message) for message in messages]


def sees(paths: Sequence[str]) -> list[bool]:
    """Which of these files this process can open."""
    return [os.access(path, os.R_OK) for path in paths]


def final_of(result: Kept) -> bytes:
    """The final message that was too large to be told at once."""
    return result[0]


def part_of(result: Kept, part: str) -> bytes:
    """One part of a result."""
    return result[1][part]
