"""The attempts of one worker: what was sent to it, which of them is running, and what it says.

A worker for plain functions runs its attempts in the order they were sent, so the first one here is
the one that runs: no message is needed to say that it began. An asyncio host runs them all at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from wf_jupyter.executors.local.process import CannotStart, WorkerProcess
from wf_jupyter.executors.local.shared_blobs import SHARED_CALL, BlobShelf
from wf_jupyter.executors.wire.messages import (
    LOST,
    PROTOCOL,
    UNREADABLE,
    Done,
    Drained,
    Expanded,
    Final,
    FromWorker,
    Progress,
    Quit,
    Raised,
    Ready,
    Recall,
    Recalled,
    Shown,
    Stop,
    Stopped,
    Text,
    run_of,
)
from wf_jupyter.executors.wire.outcome_mapping import ending_of, report_of
from wf_jupyter.executors.worker.output.stream import truncation_notice
from wf_jupyter.model.stimuli import Printed, Report
from wf_jupyter.model.submission import Environment
from wf_jupyter.model.texts import storable
from wf_jupyter.ports import Attempt

_log = logging.getLogger(__name__)
_TEXT_SECONDS = 0.05
_TEXT_SIZE = 32_768
_TAIL = 4000
_QUIT_SECONDS = 2.0

Role = Literal["plain", "async"]


class Job:
    """An attempt in the hands of the executor."""

    __slots__ = (
        "attempt",
        "began",
        "devices",
        "exceeded",
        "printed",
        "queue",
        "stopping",
        "timer",
        "token",
        "waits_since",
    )

    def __init__(self, token: int, attempt: Attempt) -> None:
        self.token = token
        self.attempt = attempt
        self.queue: WorkerQueue | None = None
        #: Loop time at which the worker began it, None before.
        self.began: float | None = None
        self.stopping: Literal["cancel", "timeout"] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.printed = 0
        #: GPUs taken for it, until a process has them; bytes of memory that it held when it was ended for that.
        self.devices: tuple[str, ...] = ()
        self.exceeded = 0
        #: Since when it waits for GPUs that somebody else's process has.
        self.waits_since = 0.0


class Owner(Protocol):
    """The owner of a queue, called with what became of its jobs."""

    def on_begin(self, job: Job) -> None:
        """The worker works on it now."""
        ...

    def on_report(self, job: Job, report: Report) -> None:
        """Called with each report of a running attempt."""
        ...

    def on_final(self, queue: WorkerQueue, job: Job, message: Final) -> None:
        """Called when an attempt ended; it is no longer in the queue."""
        ...

    def on_returned(self, queue: WorkerQueue, jobs: Sequence[Job]) -> None:
        """Called with attempts that have not begun, and left the queue."""
        ...

    def on_stale(self, queue: WorkerQueue) -> None:
        """The worker should be replaced, as it holds outdated modules."""
        ...

    def on_lost(self, queue: WorkerQueue, jobs: Sequence[Job], reason: str, is_broken: bool) -> None:
        """The process is gone and took these with it; `is_broken`: another one would not start either."""
        ...


class WorkerQueue:
    """One worker with its attempts. The process is started by the first one."""

    def __init__(self, name: str, role: Role, environment: Environment, owner: Owner) -> None:
        self.name = name
        self.role: Role = role
        self.jobs: dict[int, Job] = {}
        self.process: WorkerProcess | None = None
        #: All attempts in the queue are known to be short, so more may be sent ahead.
        self.only_short = True
        #: The first one takes longer than expected, so the others were called back.
        self.is_stuck = False
        #: No more attempts; the process ends after those that are in the queue.
        self.is_leaving = False
        self.idle_since = 0.0
        #: What its process has in its environment beside what all have; the GPUs among that.
        self.variables: dict[str, str] = {}
        self.devices: tuple[str, ...] = ()
        #: The attempt that the process was killed for.
        self.killed_for: Job | None = None
        self._environment = environment
        self._owner = owner
        self._ready = False
        self._loop = asyncio.get_running_loop()
        self._blobs = BlobShelf()
        self._text: list[tuple[str, str]] = []
        self._text_size = 0
        self._text_timer: asyncio.TimerHandle | None = None
        self._tail = ""

    @property
    def head(self) -> Job | None:
        """The attempt that has been in the queue for longest: in a plain worker the one that runs."""
        for job in self.jobs.values():
            return job
        return None

    @property
    def owner_of_text(self) -> Job | None:
        """The attempt that text from the pipes belongs to: the one that runs, None when there are several."""
        return self.head if self.role == "plain" or len(self.jobs) == 1 else None

    def put(self, job: Job) -> None:
        """Send an attempt; `CannotStart`, `FrameTooLarge`."""
        if self.process is None:
            base = self._environment
            given = {**(base.variables or os.environ), **self.variables}
            self.process = WorkerProcess(msgspec.structs.replace(base, variables=given), self.role, self)
        if self._text:
            self._pass_text()  # while it is still known whose it is
        self._send(self.process, job)
        job.queue = self
        self.jobs[job.token] = job
        if self._ready and (self.role == "async" or len(self.jobs) == 1):
            self._begin(job)

    def stop(self, job: Job) -> None:
        """Ask the worker to stop an attempt."""
        if self.process is not None:
            self.process.send(Stop(job.token))

    def recall(self) -> None:
        """Ask for all attempts that have not begun."""
        self.is_stuck = True
        waiting = tuple(self.jobs)[1:]
        if self.process is not None and waiting:
            self.process.send(Recall(waiting))

    def leave(self) -> None:
        """Take no more; end the process when the queue is empty."""
        self.is_leaving = True
        if not self.jobs and self.process is not None:
            self.process.send(Quit())
            # A thread that a task left behind can keep a process from ending.
            self._loop.call_later(_QUIT_SECONDS, self.kill)

    def kill(self, job: Job | None = None) -> None:
        """Kill the process, for the sake of `job` if given."""
        self.killed_for = job
        if self.process is not None:
            self.process.kill()

    # -- what the process says --------------------------------------------------------------------

    def on_messages(self, messages: Sequence[FromWorker]) -> None:
        for message in messages:
            if isinstance(message, Ready):
                self._on_ready(message)
            elif not self._ready:
                continue  # of another protocol, and being killed: what it says in the same breath counts for nothing
            elif isinstance(message, Done | Raised | Stopped | Expanded):
                self._on_final(message)
            elif isinstance(message, Text | Progress | Shown):
                job = self.jobs.get(message.token)
                if job is not None:
                    self._owner.on_report(job, report_of(message, job.attempt))
            elif isinstance(message, Recalled):
                self._on_recalled(message)

    def on_text(self, stream: str, text: str) -> None:
        """Text from a pipe, gathered for a moment: C code may write byte by byte."""
        if self.owner_of_text is None and self._ready:
            self._tell_of_unowned(text)
            return
        if not self._ready:
            self._tail = (self._tail + text)[-_TAIL:]
            return
        if self._text and self._text[-1][0] == stream:
            self._text[-1] = (stream, self._text[-1][1] + text)
        else:
            self._text.append((stream, text))
        self._text_size += len(text)
        if self._text_size >= _TEXT_SIZE:
            self._pass_text()
        elif self._text_timer is None:
            self._text_timer = self._loop.call_later(_TEXT_SECONDS, self._pass_text)

    def on_gone(self, returncode: int | None) -> None:
        self._pass_text()
        jobs, self.jobs, self.process = list(self.jobs.values()), {}, None
        started, self._ready = self._ready, False
        self._blobs = BlobShelf()
        if started:
            reason = ending_of(returncode)
            if returncode == LOST:
                reason = "the worker lost its connection: did the task close descriptors that it had not opened?"
            elif returncode == UNREADABLE:
                reason = "the worker runs another version of wf_jupyter than the server: restart the server"
        else:
            reason = f"a worker could not start with {storable(self._environment.executable)}: {ending_of(returncode)}"
            reason = reason.replace(" in the middle of the task", "") + (
                f"\n{self._tail.strip()}" if self._tail else ""
            )
        self._tail = ""
        running, waiting = (jobs, []) if self.role == "async" or not started else (jobs[:1], jobs[1:])
        if waiting:
            self._owner.on_returned(self, waiting)
        # Only a process that ended by itself would do so again; one that was killed might not.
        self._owner.on_lost(self, running, reason, is_broken=not started and (returncode or 0) >= 0)

    def _on_final(self, message: Final) -> None:
        job = self.jobs.get(message.token)
        if job is None:
            return
        if message.unread and self.process is not None:
            self.process.drain()
            self.process.send(Drained())
        if self._text:
            self._pass_text()
        del self.jobs[message.token]
        if self.role == "plain":
            self.is_stuck = False
            following = self.head
            if following is not None:
                self._begin(following)
        if not self.jobs:
            self._on_empty()
        self._owner.on_final(self, job, message)

    def _on_recalled(self, message: Recalled) -> None:
        if message.stale:
            self._owner.on_stale(self)
        jobs = [job for token in message.tokens if (job := self.jobs.pop(token, None)) is not None]
        if not self.jobs:
            self._on_empty()
        if jobs:
            self._owner.on_returned(self, jobs)

    def _on_ready(self, message: Ready) -> None:
        if message.protocol != PROTOCOL:
            self._tail = (
                f"wf_jupyter there speaks worker protocol {message.protocol}, here {PROTOCOL}: install the same version"
            )
            self.kill()
            return
        self._ready = True
        self._tail = ""
        for job in list(self.jobs.values())[: 1 if self.role == "plain" else None]:
            self._begin(job)

    def _on_empty(self) -> None:
        self.only_short = True
        self.idle_since = self._loop.time()
        if self.is_leaving:
            self.leave()

    def _begin(self, job: Job) -> None:
        job.began = self._loop.time()
        self._owner.on_begin(job)

    # -- details ----------------------------------------------------------------------------------

    def _pass_text(self) -> None:
        if self._text_timer is not None:
            self._text_timer.cancel()
            self._text_timer = None
        texts, self._text, self._text_size = self._text, [], 0
        job = self.owner_of_text
        if job is None:
            for _, text in texts:
                self._tell_of_unowned(text)
            return
        limit = job.attempt.log_limit
        for stream, text in texts:
            if job.printed > limit:
                return
            left = limit - job.printed
            job.printed += len(text)
            if job.printed > limit:
                text = text[:left] + truncation_notice(limit)
            report = Printed(task=job.attempt.task, attempt=job.attempt.number, stream=stream, text=text)
            self._owner.on_report(job, report)

    def _tell_of_unowned(self, text: str) -> None:
        # Not into the log of one of several tasks that may have printed it.
        reason = f"{self.name} printed, and it is not known for which task: {text[:_TAIL].rstrip()}"
        _log.warning(reason)
        if not logging.root.handlers:  # in a notebook without a server, nobody reads the log
            sys.stderr.write(f"{reason}\n")

    def _send(self, process: WorkerProcess, job: Job) -> None:
        attempt = job.attempt
        self._blobs.share(process, attempt.code, attempt.code_data)
        call, call_digest = attempt.call_data, None
        if len(call) > SHARED_CALL:
            call_digest = self._blobs.digest_of(call)
            self._blobs.share(process, call_digest, call)
            call = b""
        process.send(run_of(job.token, attempt, call, call_digest))


__all__ = ["CannotStart", "Job", "Owner", "Role", "WorkerQueue"]
