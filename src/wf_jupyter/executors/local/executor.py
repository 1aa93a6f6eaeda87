"""Worker processes on this machine.

A worker has one attempt, and behind it short ones sent ahead, as much as it does in 20 ms: for a
function of a few microseconds the round trip is most of the cost, and what ends together shares a
turn of its execution and a commit (1,000 such tasks took 250 turns with 8 sent ahead, 30 with 64).
Short is what was measured to be short. When an attempt takes longer than thought, those behind it
are called back and go to whoever is free, so being sent ahead costs no attempt more than some 50 ms.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Sequence

import msgspec

from wf_jupyter.executors.local.ahead import Durations
from wf_jupyter.executors.local.devices import Devices
from wf_jupyter.executors.local.limits import DEVICE_LOOK, Limits, memory_failure, threads_for
from wf_jupyter.executors.local.worker_queue import CannotStart, Job, Line, Role
from wf_jupyter.executors.wire.frames import FrameTooLarge
from wf_jupyter.executors.wire.messages import Final, Stopped
from wf_jupyter.executors.wire.outcome_mapping import report_of, timeout_failure, worker_lost
from wf_jupyter.model.events import Failure
from wf_jupyter.model.stimuli import AttemptFailed, AttemptStopped, Report
from wf_jupyter.model.submission import Environment
from wf_jupyter.owner_thread import OwnerThread
from wf_jupyter.ports import Attempt, ReportSink

STUCK_SECONDS = 0.05
#: `async def` attempts running at the same time, in one process; and how many begin unseen.
ASYNC_LIMIT = 1000
ASYNC_FIRST = 8
#: For how long a failed start of a worker is believed to fail again.
_BROKEN_SECONDS = 3.0


class LocalExecutor:
    """`ports.Executor` on subprocesses that run the environment's interpreter.

    Use it on one event loop, whose thread must live as long as the workers. Losing a worker fails the
    attempt that it was running; those sent ahead run elsewhere. `async def` attempts share one more
    process. An attempt's timeout counts from when its worker takes it up. `devices` are the machine's GPUs. With
    several workers, numeric libraries start as many threads in each as there are cores for it.
    """

    def __init__(
        self,
        environment: Environment,
        report: ReportSink,
        *,
        max_workers: int,
        idle_seconds: float = 60.0,
        grace: float = 2.0,
        devices: Devices | None = None,
    ) -> None:
        self._limits = Limits(devices)
        given = environment.variables or os.environ
        environment = msgspec.structs.replace(environment, variables={**threads_for(max_workers, given), **given})
        self._device_timer: asyncio.TimerHandle | None = None
        self._environment = environment
        self._report = report
        self._idle_seconds = idle_seconds
        self._grace = grace
        self._loop = asyncio.get_running_loop()
        self._thread = OwnerThread("the pool of workers")
        self._lines = {name: self._line(name, "plain") for name in (f"worker-{i + 1}" for i in range(max_workers))}
        self._async = self._line("async-1", "async")
        self._leaving: set[Line] = set()
        self._backlog: deque[Job] = deque()
        self._jobs: dict[tuple[str, str, int], Job] = {}
        self._token = 0
        self._durations = Durations()
        #: How many of the kind that was started last one worker may hold.
        self._depth = 1
        self._expects_async = False
        self._broken: tuple[float, str] | None = None
        self._review: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._poke: asyncio.Handle | None = None
        self._closed = False

    # -- the port ---------------------------------------------------------------------------------

    def slots(self, limit: int) -> Sequence[str]:
        """Free workers first; then, if the latest attempts were such, places for short or async ones."""
        self._thread.check()
        if self._closed:
            return []
        found = [name for name, line in self._lines.items() if not line.jobs][self._queued :]
        if self._queued or len(found) >= limit:
            return found[:limit]
        if self._expects_async:
            # As many again as are running: should the next ones be no async ones, few have been promised too much.
            room = min(max(ASYNC_FIRST, len(self._async.jobs)), ASYNC_LIMIT - len(self._async.jobs))
            found += [self._async.name] * min(room, limit - len(found))
        else:
            for depth in range(1, self._depth):
                found += [
                    name
                    for name, line in self._lines.items()
                    if len(line.jobs) <= depth and line.only_short and not line.is_stuck and line.process is not None
                ]
                if len(found) >= limit:
                    break
        return found[:limit]

    def start(self, attempt: Attempt, worker: str) -> None:
        """Hand an attempt over. `worker` is a wish: an async attempt goes to the asyncio host, and one that is
        not short does not go behind another one."""
        self._thread.check()
        self._token += 1
        job = Job(self._token, attempt)
        self._jobs[attempt.execution, attempt.task, attempt.number] = job
        is_async = attempt.is_async
        self._expects_async = is_async
        self._depth = 1 if is_async else self._durations.ahead(attempt.code)
        line = self._async if is_async else self._lines.get(worker)
        if is_async:
            self._poke_soon()
        if line is not None and self._can_take(line, job) and self._limits.has_devices_for(job):
            self._put(line, job)
        else:
            self._backlog.append(job)
            self._dispatch()

    def stop(self, execution: str, task: str, number: int) -> None:
        """Interrupt an attempt, and kill its worker when it has not stopped after the grace."""
        self._thread.check()
        job = self._jobs.get((execution, task, number))
        if job is not None:
            self._stop(job, "cancel")

    async def close(self) -> None:
        """Kill all workers and wait until they are gone."""
        self._thread.check()
        self._closed = True
        self._jobs.clear()
        self._backlog.clear()
        for timer in (self._review, self._sweep, self._poke, self._device_timer):
            if timer is not None:
                timer.cancel()
        processes = [line.process for line in self._all() if line.process is not None]
        for line in self._all():
            for job in line.jobs.values():
                _disarm(job)
            line.kill()
        await asyncio.gather(*(process.wait() for process in processes))

    # -- what lines say ---------------------------------------------------------------------------

    def on_begin(self, job: Job) -> None:
        if job.attempt.memory:
            self._limits.watch(job, lambda: self._kill(job))
        if job.stopping is not None:
            job.timer = self._loop.call_later(self._grace, self._kill, job)
        elif job.attempt.timeout is not None:
            job.timer = self._loop.call_later(job.attempt.timeout, self._stop, job, "timeout")

    def on_report(self, job: Job, report: Report) -> None:
        if not self._closed:
            self._report(job.attempt.execution, report)

    def on_final(self, line: Line, job: Job, message: Final) -> None:
        self._durations.learn(job.attempt.code, message.duration)
        if isinstance(message, Stopped) and job.stopping == "timeout":
            self._finish(job, timeout_failure(job.attempt, message.duration, message.began))
        else:
            self._finish(job, report_of(message, job.attempt))
        if line.devices:
            self._replace(line)  # what it has on them goes with it
        if not line.jobs:
            self._dispatch()
            self._sweep_later()

    def on_returned(self, line: Line, jobs: Sequence[Job]) -> None:
        for job in reversed(jobs):
            job.line, job.began = None, None
            _disarm(job)
            if job.stopping is not None:
                self._finish(job, _stopped_report(job, 0.0))
            else:
                self._backlog.appendleft(job)
        self._dispatch()

    def on_stale(self, line: Line) -> None:
        self._replace(line)

    def on_lost(self, line: Line, jobs: Sequence[Job], reason: str, is_broken: bool) -> None:
        self._leaving.discard(line)
        self._limits.give_back(line)
        if is_broken and jobs:
            self._broken = (self._loop.time() + _BROKEN_SECONDS, reason)
        killed_for, line.killed_for = line.killed_for, None
        for job in jobs:
            duration = 0.0 if job.began is None else self._loop.time() - job.began
            began = None if job.began is None else time.time() - duration
            if job.exceeded:
                self._finish(job, memory_failure(job, duration, began))
            elif job.stopping == "cancel":
                self._finish(job, _stopped_report(job, duration, began))
            elif job.stopping == "timeout":
                self._finish(job, timeout_failure(job.attempt, duration, began))
            else:
                if killed_for is not None:
                    reason = f"its process was ended, because the async task {killed_for.attempt.task!r} did not stop"
                self._finish(job, worker_lost(job.attempt, duration, reason, began))
        line.is_stuck, line.only_short = False, True
        self._dispatch()
        self._poke_soon()

    # -- placing ----------------------------------------------------------------------------------

    def _can_take(self, line: Line, job: Job) -> bool:
        if line.role == "async":
            return len(line.jobs) < ASYNC_LIMIT
        if not line.jobs:
            return not self._queued
        if job.attempt.threads or job.attempt.devices:
            return False
        return line.only_short and not line.is_stuck and len(line.jobs) < self._durations.ahead(job.attempt.code)

    def _put(self, line: Line, job: Job) -> None:
        if line.role == "plain" and not line.jobs:
            variables = self._limits.variables(job)
            if variables != line.variables:
                if line.process is not None:
                    self._replace(line)
                    line = self._lines[line.name]
                line.variables = variables
        if self._broken is not None and line.process is None:
            until, reason = self._broken
            if self._loop.time() < until:
                self._finish_soon(job, worker_lost(job.attempt, 0.0, reason))
                return
            self._broken = None
        try:
            line.put(job)
        except CannotStart as error:
            self._broken = (self._loop.time() + _BROKEN_SECONDS, str(error))
            self._finish_soon(job, worker_lost(job.attempt, 0.0, str(error)))
            return
        except FrameTooLarge as error:
            reason = f"the inputs of task {job.attempt.task!r} are too large to be sent: {error}"
            failure = Failure(kind="value", type="ValueTooLarge", message=reason, retriable=False)
            attempt = job.attempt
            report = AttemptFailed(task=attempt.task, attempt=attempt.number, duration=0.0, failure=failure)
            self._finish_soon(job, report)
            return
        if line.role == "plain":
            line.devices, job.devices = line.devices or job.devices, ()
            if len(line.jobs) == 1:
                line.only_short = self._durations.ahead(job.attempt.code) > 1 and not line.variables
            elif self._review is None:
                self._review = self._loop.call_later(STUCK_SECONDS, self._look)

    @property
    def _queued(self) -> int:
        """Attempts that wait for a worker, and not for a GPU."""
        return sum(1 for job in self._backlog if not job.waits_since) if self._backlog else 0

    def _dispatch(self) -> None:
        backlog = self._backlog
        if not backlog or self._closed:
            return
        for line in self._lines.values():
            if not backlog:
                return
            if not line.jobs:
                job = next((job for job in backlog if self._limits.has_devices_for(job)), None)
                if job is None:
                    break
                backlog.remove(job)
                self._put(line, job)
        if self._device_timer is None and any(job.attempt.devices for job in backlog):
            self._device_timer = self._loop.call_later(DEVICE_LOOK, self._wait_for_devices)

    def _wait_for_devices(self) -> None:
        self._device_timer = None
        for job in [job for job in self._backlog if self._limits.has_waited(job)]:
            self._backlog.remove(job)
            self._finish(job, self._limits.no_devices(job))
        self._dispatch()

    def _look(self) -> None:
        """Call attempts back from behind those that take long."""
        self._review = None
        now = self._loop.time()
        again = False
        for line in self._lines.values():
            if len(line.jobs) < 2:
                continue
            head = line.head
            again = True
            if not line.is_stuck and head is not None and head.began is not None and now - head.began > STUCK_SECONDS:
                line.recall()
        if again:
            self._review = self._loop.call_later(STUCK_SECONDS, self._look)

    # -- ending -----------------------------------------------------------------------------------

    def _stop(self, job: Job, why: str) -> None:
        first = job.stopping is None
        job.stopping = "timeout" if why == "timeout" else "cancel"
        line = job.line
        if line is None:
            if job in self._backlog:
                self._backlog.remove(job)
                self._finish_soon(job, _stopped_report(job, 0.0))
        elif first:
            line.stop(job)
            if job.began is not None:
                _disarm(job)
                job.timer = self._loop.call_later(self._grace, self._kill, job)

    def _kill(self, job: Job) -> None:
        if job.line is not None and job.token in job.line.jobs:
            job.line.kill(job)

    def _finish_soon(self, job: Job, report: Report) -> None:
        # Never from within `start` or `stop`: the caller is in the middle of its turn.
        self._loop.call_soon(self._finish, job, report)

    def _finish(self, job: Job, report: Report) -> None:
        _disarm(job)
        attempt = job.attempt
        self._limits.give_back(job)
        known = self._jobs.pop((attempt.execution, attempt.task, attempt.number), None)
        if known is not None and not self._closed:
            self._report(attempt.execution, report)

    def _replace(self, line: Line) -> None:
        """Let a worker end after its attempts; its place is taken by a new one at once."""
        if line.is_leaving:
            return
        if line is self._async:
            self._async = self._line(line.name, line.role)
        else:
            self._lines[line.name] = self._line(line.name, line.role)
        if line.process is not None:
            self._leaving.add(line)
            line.leave()

    def _sweep_later(self) -> None:
        if self._sweep is None and not self._closed:
            self._sweep = self._loop.call_later(self._idle_seconds, self._sweep_idle)

    def _sweep_idle(self) -> None:
        self._sweep = None
        now = self._loop.time()
        for line in [*self._lines.values(), self._async]:
            if line.process is None or line.jobs:
                continue
            if now - line.idle_since >= self._idle_seconds * 0.9:
                self._replace(line)
            else:
                self._sweep_later()

    def _poke_soon(self) -> None:
        if self._poke is None and not self._closed:
            self._poke = self._loop.call_soon(self._poke_now)

    def _poke_now(self) -> None:
        self._poke = None
        self._report("", None)

    def _line(self, name: str, role: Role) -> Line:
        return Line(name, role, self._environment, self)

    def _all(self) -> list[Line]:
        return [*self._lines.values(), self._async, *self._leaving]


def _disarm(job: Job) -> None:
    if job.timer is not None:
        job.timer.cancel()
        job.timer = None


def _stopped_report(job: Job, duration: float, began: float | None = None) -> AttemptStopped:
    return AttemptStopped(task=job.attempt.task, attempt=job.attempt.number, duration=duration, began=began)
