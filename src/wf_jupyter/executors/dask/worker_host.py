"""The worker host: a pool of our own worker processes on a Dask worker, beside Dask's threads.

Dask runs a task in a thread of its worker, where nothing can end it, and where what C code prints is the
worker's. So here the attempts run in the same processes as on the machine of the kernel, started by the
same pool: what is promised of an attempt is promised here, by the same code. Of Dask's own tasks there is
one for each place that the host has: it takes a thread's place for as long as attempts may run there,
so that the scheduler gives it to nobody else, and keeps a worker that it would retire for being idle.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from wf_jupyter.executors.dask import inputs as dask_inputs
from wf_jupyter.executors.dask.messages import (
    EVENT_LIMIT,
    FINALS,
    PROTOCOL,
    Began,
    FromHost,
    PlacesHeld,
    ReleasePlaces,
    Reported,
    Revoke,
    Revoked,
    Settings,
    Source,
    Start,
    Stop,
    ValueAvailable,
    decode_settings,
    decode_to_host,
    encode,
    kind_of,
)
from wf_jupyter.executors.dask.messages import ValueNeeded as ValueNeeded
from wf_jupyter.executors.local.devices import Devices
from wf_jupyter.executors.local.executor import LocalExecutor
from wf_jupyter.executors.local.worker_queue import Job
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.stimuli import AttemptExpanded, AttemptFailed, AttemptStopped, AttemptSucceeded, Report
from wf_jupyter.model.submission import Environment
from wf_jupyter.ports import Attempt
from wf_jupyter.values import files

#: Variables that describe a machine or a place on it, and not what the kernel was set up to be.
_OF_THE_MACHINE = {"CUDA_VISIBLE_DEVICES", "HOME", "HOSTNAME", "LD_LIBRARY_PATH", "PATH", "PWD", "TMPDIR"}
_OF_THE_MACHINE_PREFIXES = ("DASK_", "SLURM_", "XDG_", "KUBERNETES_")
#: Seconds between two looks whether the cluster still wants the host's places.
_LOOK = 1.0

#: By topic and worker: with threads for workers, several are in one process.
_hosts: dict[tuple[str, str], WorkerHost] = {}


class _Pool(LocalExecutor):
    """A pool that calls `on_began` when an attempt begins, and gives back what has not."""

    on_began: Callable[[Job], None]

    def on_begin(self, job: Job) -> None:
        super().on_begin(job)
        self.on_began(job)

    def take_back(self, keys: set[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
        """Forget those of these attempts that no process has, and return their keys."""
        back = [job for job in self._backlog if job.stopping is None and _key(job.attempt) in keys]
        for job in back:
            self._backlog.remove(job)
            del self._jobs[_key(job.attempt)]
        return [_key(job.attempt) for job in back]


class WorkerHost:
    """The attempts of one executor on one worker. On the worker's event loop."""

    def __init__(self, worker: Any, settings: Settings) -> None:
        self.topic = settings.topic
        self._worker = worker
        self._threads = worker.state.nthreads
        environment = settings.environment.to_native()
        self._pool = _Pool(
            environment if settings.is_own else adapt_environment(environment, worker.local_directory),
            self._report,
            max_workers=self._threads,
            idle_seconds=settings.idle_seconds,
            grace=settings.grace,
            devices=Devices(),
        )
        self._pool.on_began = self._send_began
        self._directory = Path(worker.local_directory) / f"wf-jupyter-{secrets.token_hex(4)}"
        self._directory.mkdir(mode=0o700)
        self._tokens: dict[tuple[str, str, int], int] = {}
        self._attempts: dict[int, Attempt] = {}
        self._waiting: dict[int, asyncio.Task[None]] = {}
        self._blobs: dict[Digest, bytes] = {}
        self._local: dict[str, str] = {}
        self._requested: dict[str, asyncio.Future[str | None]] = {}
        self._large_reports: dict[int, bytes] = {}
        self._outbox: list[FromHost] = []
        self._places: dict[str, asyncio.Event] = {}
        self._client: Any = None
        self._listens = asyncio.Event()
        self._opening: asyncio.Task[None] | None = None
        self._idle_seconds = settings.idle_seconds
        self._end: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    # -- places -----------------------------------------------------------------------------------

    async def hold_place(self, key: str) -> None:
        """Have one more place, until it is given up or the cluster wants it back."""
        from distributed import Client

        if self._client is None:
            self._client = Client(  # type: ignore[no-untyped-call]
                self._worker.scheduler.address,
                asynchronous=True,
                set_as_default=False,
                name="wf_jupyter-worker-host",
                security=self._worker.security,
            )
            self._opening = asyncio.ensure_future(self._open())
        assert self._opening is not None
        await asyncio.shield(self._opening)
        if self._end is not None:
            self._end.cancel()
        released = self._places[key] = asyncio.Event()
        self._send_places()
        try:
            while not released.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        await released.wait()
                task = self._worker.state.tasks.get(key)
                if task is None or task.state not in ("executing", "long-running"):
                    break  # whoever wanted it has gone
        finally:
            self._places.pop(key, None)
            self._send_places()
            if not self._places:
                # Processes stay for a while, as on the kernel's machine: the next place finds them warm.
                wait = self._idle_seconds if released.is_set() else 0.0
                self._end = asyncio.get_running_loop().call_later(wait, self._close_soon)

    def _close_soon(self) -> None:
        if not self._places:
            self._closing = asyncio.ensure_future(self._close())

    async def _open(self) -> None:
        await self._client
        topic = f"{self.topic}-{self._worker.address}"
        self._client.subscribe_topic(topic, lambda event: self._receive(event[1]))
        # Events are not kept for those who come later, and what is subscribed to takes another way than questions:
        # it must be known to listen before anything is said to it.
        while not self._listens.is_set():
            await self._client.scheduler.log_event(topic=topic, msg=encode([]))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK / 4):
                    await self._listens.wait()

    def _send_places(self) -> None:
        self._send(PlacesHeld(tuple(self._places), self._threads))

    async def _close(self) -> None:
        _hosts.pop((self.topic, self._worker.address), None)
        for waiting in self._waiting.values():
            waiting.cancel()
        await self._pool.close()
        self._flush()
        shutil.rmtree(self._directory, ignore_errors=True)
        with contextlib.suppress(Exception):
            await self._client.close(timeout=2)

    # -- messages of the executor -----------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        self._listens.set()
        for message in decode_to_host(data):
            match message:
                case Start():
                    self._waiting[message.token] = asyncio.ensure_future(
                        self._start(message, self._complete_attempt(message))
                    )
                case Stop(token=token):
                    if (attempt := self._attempts.get(token)) is not None:
                        self._pool.stop(attempt.execution, attempt.task, attempt.number)
                    elif (waiting := self._waiting.pop(token, None)) is not None:
                        waiting.cancel()
                        self._send(Revoked((token,)))
                case Revoke(tokens=tokens):
                    taken = self._pool.take_back({_key(self._attempts[t]) for t in tokens if t in self._attempts})
                    back = [self._tokens.pop(key) for key in taken]
                    for token in back:
                        self._attempts.pop(token, None)
                    self._send(Revoked(tuple(back)))
                case ReleasePlaces(keys=keys):
                    for key in keys:
                        if key in self._places:
                            self._places[key].set()
                case ValueAvailable(path=path, local=local):
                    requested = self._requested.pop(path, None)
                    if requested is not None and not requested.done():
                        requested.set_result(local)

    def _complete_attempt(self, message: Start) -> Attempt:
        """The attempt with its code and arguments, and with a directory that there is."""
        changes: dict[str, Any] = {}
        if message.code is not None:
            changes["code_data"] = self._blobs[message.code]
        if message.call is not None:
            changes["call_data"] = self._blobs[message.call]
        if message.inode and message.inode != dask_inputs.inode(message.attempt.directory):
            changes["directory"] = str(self._directory)
        return msgspec.structs.replace(message.attempt, **changes) if changes else message.attempt

    async def _start(self, message: Start, attempt: Attempt) -> None:
        names = await self._names(attempt, message.sources)
        if names:
            renamed = tuple(dask_inputs.rename_paths(each, names) for each in attempt.inputs)
            attempt = msgspec.structs.replace(attempt, inputs=renamed)
        del self._waiting[message.token]
        self._attempts[message.token] = attempt
        self._tokens[_key(attempt)] = message.token
        room = self._pool.slots(1)
        self._pool.start(attempt, room[0] if room else "")

    async def _names(self, attempt: Attempt, sources: Mapping[str, Source]) -> dict[str, str]:
        """The files of the attempt's inputs that have other names here."""
        names = {}
        for path in dict.fromkeys(dask_inputs.paths(attempt.inputs)):
            if not os.access(path, os.R_OK) and (local := await self._find(path, sources.get(path))) is not None:
                names[path] = local
        return names

    async def _find(self, path: str, source: Source | None) -> str | None:
        if path in self._local:
            return self._local[path]
        if source is not None and source.address == self._worker.address:
            return source.path
        if source is not None:
            with contextlib.suppress(Exception):  # that worker has gone: the executor has the value, too
                data = await self._worker.rpc(source.address).wf_jupyter_read(path=source.path)
                return self.put_value(path, data)
        requested = self._requested.get(path)
        if requested is None:
            requested = self._requested[path] = asyncio.get_running_loop().create_future()
            self._send(ValueNeeded(path))
        return await asyncio.shield(requested)

    def put_value(self, path: str, data: bytes) -> str:
        """Keep a value on this worker's own disk."""
        self._local[path] = files.write(self._directory, [data])
        return self._local[path]

    def put_blobs(self, blobs: Mapping[Digest, bytes], only: bool) -> None:
        """Keep code or arguments that attempts refer to; `only`: and no others."""
        if only:
            self._blobs.clear()
        self._blobs.update(blobs)

    def take_report(self, token: int) -> bytes:
        """Return, once, a report that was too large for an event."""
        return self._large_reports.pop(token)

    # -- messages to the executor -----------------------------------------------------------------

    def _send_began(self, job: Job) -> None:
        token = self._tokens.get(_key(job.attempt))
        if token is not None:
            self._send(Began(token))

    def _report(self, execution: str, report: Report | None) -> None:
        if report is None:
            return
        key = (execution, report.task, report.attempt)  # type: ignore[union-attr]
        age = 0.0
        if isinstance(report, AttemptSucceeded | AttemptExpanded | AttemptFailed | AttemptStopped):
            age = report.duration if report.began is None else time.time() - report.began
            report = msgspec.structs.replace(report, began=None)
        token = self._tokens.get(key)
        if token is None:
            return
        kind = kind_of(report)
        if kind < FINALS:
            del self._tokens[key], self._attempts[token]
        data = encode(report)
        if len(data) > EVENT_LIMIT and kind < FINALS:
            self._large_reports[token], data = data, b""
        self._send(Reported(token, kind, data, age))

    def _send(self, message: FromHost) -> None:
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outbox.append(message)

    def _flush(self) -> None:
        messages, self._outbox = self._outbox, []
        if messages:
            self._worker.log_event(self.topic, (self._worker.address, encode(messages)))


def _key(attempt: Attempt) -> tuple[str, str, int]:
    return (attempt.execution, attempt.task, attempt.number)


def adapt_environment(given: Environment, directory: str) -> Environment:
    """The kernel's environment as far as it can be had on another machine.

    The interpreter and its libraries are the worker's: it is what was installed there. The variables, the
    working directory and the modules beside the notebook are the kernel's, where they exist.
    """
    carried = {
        name: value
        for name, value in given.variables.items()
        if name not in _OF_THE_MACHINE and not name.startswith(_OF_THE_MACHINE_PREFIXES)
    }
    path = tuple(given.path)
    if given.executable != sys.executable:
        own = [entry for entry in given.path if Path(entry).is_dir() and "/lib/python" not in entry]
        path = tuple(dict.fromkeys([*own, *(entry for entry in sys.path if entry)]))
    return Environment(
        executable=sys.executable,
        directory=given.directory if Path(given.directory).is_dir() else directory,
        path=path,
        variables={**os.environ, **carried},
        flags=given.flags,
        hidden=given.hidden,
    )


# -- called by Dask -------------------------------------------------------------------------------


async def hold_place(protocol: int, data: bytes, key: str) -> None:
    """A task of Dask's that holds one place of a worker host, for as long as the place is used."""
    from distributed import get_worker

    if protocol != PROTOCOL:
        raise RuntimeError(f"wf_jupyter there speaks protocol {PROTOCOL}, here {protocol}: install the same version")
    settings = decode_settings(data)
    worker = get_worker()
    worker_host = _hosts.get((settings.topic, worker.address))
    if worker_host is None:
        worker_host = _hosts[settings.topic, worker.address] = WorkerHost(worker, settings)
        worker.handlers.setdefault("wf_jupyter_read", read)
    await worker_host.hold_place(key)


async def read(path: str, comm: Any = None) -> bytes:
    """Read a value on this worker's own disk, for another worker."""
    return bytes(await asyncio.to_thread(files.read, path))


def read_value(path: str) -> bytes:
    """Read a value on this worker's own disk, for the executor."""
    return bytes(files.read(path))


def put_value(topic: str, path: str, data: bytes, dask_worker: Any) -> str:
    """Keep a value on this worker's own disk."""
    return _hosts[topic, dask_worker.address].put_value(path, data)


def put_blobs(topic: str, blobs: Mapping[Digest, bytes], only: bool, dask_worker: Any) -> None:
    """Keep code and arguments; `only`: and no others."""
    _hosts[topic, dask_worker.address].put_blobs(blobs, only)


def take_report(topic: str, token: int, dask_worker: Any) -> bytes:
    """Return, once, a report that was too large for an event."""
    return _hosts[topic, dask_worker.address].take_report(token)
