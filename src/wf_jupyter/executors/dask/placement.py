"""The worker hosts of a cluster, and how many attempts each can take.

As many plain ones as it has places; and behind these, when attempts have been short, a few sent ahead, as
much as a place does in `AHEAD_SECONDS`: the way there and back takes Dask some milliseconds, however little
there is to do. `async def` attempts share one process of the host, and wait for no place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from wf_jupyter.executors.dask import inputs as dask_inputs
from wf_jupyter.executors.dask.messages import Source, Start, ToHost
from wf_jupyter.executors.local.executor import ASYNC_FIRST, ASYNC_LIMIT
from wf_jupyter.executors.local.shared_blobs import SHARED_CALL
from wf_jupyter.model.keys import Digest
from wf_jupyter.ports import Attempt
from wf_jupyter.values.digest import digest

SHORT_SECONDS = 0.02
AHEAD_SECONDS = 0.02
AHEAD = 8
_KNOWN = 10_000


class ClusterJob:
    """An attempt in the hands of the executor. `began` is the loop's time, None before."""

    __slots__ = ("attempt", "began", "host", "key", "stopping", "timer", "token")

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.key = (attempt.execution, attempt.task, attempt.number)
        self.token = 0
        self.host: HostState | None = None
        self.began: float | None = None
        self.stopping: Literal["cancel", "timeout"] | None = None
        self.timer: asyncio.TimerHandle | None = None

    def disarm(self) -> None:
        """Forget the timer."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(eq=False)
class HostState:
    """One worker host as the executor knows it."""

    address: str
    keys: tuple[str, ...] = ()
    plain: dict[int, ClusterJob] = field(default_factory=dict)
    asyncs: dict[int, ClusterJob] = field(default_factory=dict)
    outbox: list[ToHost] = field(default_factory=list)
    blobs: dict[Digest, int] = field(default_factory=dict)
    is_sending: bool = False
    #: It did not answer when it had to: no more attempts until it says something.
    is_silent: bool = False
    #: Attempts take long in all its places, so those behind them were called back: none is sent ahead until one ends.
    is_stuck: bool = False

    @property
    def idle(self) -> int:
        """Places without an attempt; negative when attempts wait."""
        return len(self.keys) - len(self.plain)

    def jobs(self, job: ClusterJob) -> dict[int, ClusterJob]:
        """Where an attempt of its kind is counted."""
        return self.asyncs if job.attempt.is_async else self.plain


class Placement:
    """The worker hosts of one cluster, and the choice between them for each attempt."""

    def __init__(self) -> None:
        self.by_address: dict[str, HostState] = {}
        #: Where values are that are on no disk which everybody sees, by the path that the log knows.
        self.sources: dict[str, Source] = {}
        self._means: dict[Digest, float] = {}
        self._depth = 1
        self._expects_async = False
        #: Until when nothing is sent ahead.
        self.careful_until = 0.0

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(list(self.by_address.values()))

    @property
    def places(self) -> int:
        """Places of all hosts."""
        return sum(len(host.keys) for host in self.by_address.values())

    def free(self, waiting: int, limit: int) -> Sequence[str]:
        """Addresses, once per attempt that could be placed now beside the `waiting` ones: idle places first."""
        usable = [host for host in self.by_address.values() if host.keys and not host.is_silent]
        found: list[str] = []
        if self._expects_async:
            for host in usable:
                found += [host.address] * min(max(ASYNC_FIRST, len(host.asyncs)), ASYNC_LIMIT - len(host.asyncs))
        for depth in range(1, self._depth + 1):
            if len(found) >= waiting + limit:
                break
            room = [(host, len(host.keys) * (1 if host.is_stuck else depth) - len(host.plain)) for host in usable]
            most = [(host, min(len(host.keys), free)) for host, free in room]
            found += [host.address for host, room in most for _ in range(room)]
        return found[waiting:][:limit]

    def place(self, job: ClusterJob) -> HostState | None:
        """The host for an attempt: of those with room, the one that has what it reads, then the idlest."""
        depth = 1 if job.attempt.is_async else self._sending_depth(job.attempt.code)
        self._expects_async, self._depth = job.attempt.is_async, depth
        near = {self.sources[path].address for path in dask_inputs.paths(job.attempt.inputs) if path in self.sources}
        chosen = max(
            (host for host in self.by_address.values() if self._has_room(host, job, depth)),
            key=lambda host: (host.address in near, host.idle),
            default=None,
        )
        if chosen is not None:
            job.host = chosen
            chosen.jobs(job)[job.token] = job
        return chosen

    def message(self, job: ClusterJob) -> Start:
        """The message that starts the attempt, without blobs that are sent once."""
        attempt = job.attempt
        code, call = None, None
        if len(attempt.code_data) > SHARED_CALL:
            code, attempt = attempt.code, msgspec.structs.replace(attempt, code_data=b"")
        if len(attempt.call_data) > SHARED_CALL:
            call, attempt = digest(attempt.call_data), msgspec.structs.replace(attempt, call_data=b"")
        sources = {path: self.sources[path] for path in dask_inputs.paths(attempt.inputs) if path in self.sources}
        return Start(job.token, attempt, code, call, dask_inputs.inode(attempt.directory), sources)

    def learn(self, job: ClusterJob, duration: float) -> None:
        """Update the mean duration of attempts with that code."""
        mean = self._means.get(job.attempt.code)
        if len(self._means) > _KNOWN:
            self._means.clear()
        self._means[job.attempt.code] = duration if mean is None else 0.7 * mean + 0.3 * duration

    def remember(self, path: str, source: Source) -> None:
        """Note where a value is."""
        if len(self.sources) > _KNOWN:
            self.sources.pop(next(iter(self.sources)))
        self.sources[path] = source

    def forget(self, address: str) -> HostState | None:
        """Remove a worker that has gone, and the values that only it had."""
        for path in [path for path, source in self.sources.items() if source.address == address]:
            del self.sources[path]
        return self.by_address.pop(address, None)

    def _has_room(self, host: HostState, job: ClusterJob, depth: int) -> bool:
        if not host.keys or host.is_silent:
            return False
        if job.attempt.is_async:
            return len(host.asyncs) < ASYNC_LIMIT
        return len(host.plain) < len(host.keys) * (1 if host.is_stuck else depth)

    def _sending_depth(self, code: Digest) -> int:
        mean = self._means.get(code, 1.0)
        if time.monotonic() < self.careful_until:
            return 1
        return 1 if mean >= SHORT_SECONDS else max(1, int(min(AHEAD_SECONDS / max(mean, 1e-6), AHEAD)))


def missing_blobs(host: HostState, batch: Sequence[ToHost], jobs: Mapping[int, ClusterJob]) -> dict[Digest, bytes]:
    """Code and arguments that these messages refer to and that the host has not."""
    found: dict[Digest, bytes] = {}
    for message in batch:
        if not isinstance(message, Start) or (job := jobs.get(message.token)) is None:
            continue
        if message.code is not None and message.code not in host.blobs:
            found[message.code] = job.attempt.code_data
        if message.call is not None and message.call not in host.blobs:
            found[message.call] = job.attempt.call_data
    return found
