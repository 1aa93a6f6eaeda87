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
from wf_jupyter.executors.local.worker_queue import CannotStart, Job, Role, WorkerQueue
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
        self._queues = {
            name: self._make_queue(name, "plain") for name in (f"worker-{i + 1}" for i in range(max_workers))
        }
        self._async = self._make_queue("async-1", "async")
        self._leaving: set[WorkerQueue] = set()
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
        found = [name for name, queue in self._queues.items() if not queue.jobs][self._queued :]
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
                    for name, queue in self._queues.items()
                    if len(queue.jobs) <= depth
                    and queue.only_short
                    and not queue.is_stuck
                    and queue.process is not None
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
        queue = self._async if is_async else self._queues.get(worker)
        if is_async:
            self._poke_soon()
        if queue is not None and self._can_take(queue, job) and self._limits.has_devices_for(job):
            self._put(queue, job)
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
        processes = [queue.process for queue in self._all() if queue.process is not None]
        for queue in self._all():
            for job in queue.jobs.values():
                _disarm(job)
            queue.kill()
        await asyncio.gather(*(process.wait() for process in processes))

    # -- what queues report ---------------------------------------------------------------------------

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

    def on_final(self, queue: WorkerQueue, job: Job, message: Final) -> None:
        self._durations.learn(job.attempt.code, message.duration)
        if isinstance(message, Stopped) and job.stopping == "timeout":
            self._finish(job, timeout_failure(job.attempt, message.duration, message.began))
        else:
            self._finish(job, report_of(message, job.attempt))
        if queue.devices:
            self._replace(queue)  # what it has on them goes with it
        if not queue.jobs:
            self._dispatch()
            self._sweep_later()

    def on_returned(self, queue: WorkerQueue, jobs: Sequence[Job]) -> None:
        for job in reversed(jobs):
            job.queue, job.began = None, None
            _disarm(job)
            if job.stopping is not None:
                self._finish(job, _stopped_report(job, 0.0))
            else:
                self._backlog.appendleft(job)
        self._dispatch()

    def on_stale(self, queue: WorkerQueue) -> None:
        self._replace(queue)

    def on_lost(self, queue: WorkerQueue, jobs: Sequence[Job], reason: str, is_broken: bool) -> None:
        self._leaving.discard(queue)
        self._limits.give_back(queue)
        if is_broken and jobs:
            self._broken = (self._loop.time() + _BROKEN_SECONDS, reason)
        killed_for, queue.killed_for = queue.killed_for, None
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
        queue.is_stuck, queue.only_short = False, True
        self._dispatch()
        self._poke_soon()

    # -- placing ----------------------------------------------------------------------------------

    def _can_take(self, queue: WorkerQueue, job: Job) -> bool:
        if queue.role == "async":
            return len(queue.jobs) < ASYNC_LIMIT
        if not queue.jobs:
            return not self._queued
        if job.attempt.threads or job.attempt.devices:
            return False
        return queue.only_short and not queue.is_stuck and len(queue.jobs) < self._durations.ahead(job.attempt.code)

    def _put(self, queue: WorkerQueue, job: Job) -> None:
        if queue.role == "plain" and not queue.jobs:
            variables = self._limits.variables(job)
            if variables != queue.variables:
                if queue.process is not None:
                    self._replace(queue)
                    queue = self._queues[queue.name]
                queue.variables = variables
        if self._broken is not None and queue.process is None:
            until, reason = self._broken
            if self._loop.time() < until:
                self._finish_soon(job, worker_lost(job.attempt, 0.0, reason))
                return
            self._broken = None
        try:
            queue.put(job)
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
        if queue.role == "plain":
            queue.devices, job.devices = queue.devices or job.devices, ()
            if len(queue.jobs) == 1:
                queue.only_short = self._durations.ahead(job.attempt.code) > 1 and not queue.variables
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
        for queue in self._queues.values():
            if not backlog:
                return
            if not queue.jobs:
                job = next((job for job in backlog if self._limits.has_devices_for(job)), None)
                if job is None:
                    break
                backlog.remove(job)
                self._put(queue, job)
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
        for queue in self._queues.values():
            if len(queue.jobs) < 2:
                continue
            head = queue.head
            again = True
            if not queue.is_stuck and head is not None and head.began is not None and now - head.began > STUCK_SECONDS:
                queue.recall()
        if again:
            self._review = self._loop.call_later(STUCK_SECONDS, self._look)

    # -- ending -----------------------------------------------------------------------------------

    def _stop(self, job: Job, why: str) -> None:
        first = job.stopping is None
        job.stopping = "timeout" if why == "timeout" else "cancel"
        queue = job.queue
        if queue is None:
            if job in self._backlog:
                self._backlog.remove(job)
                self._finish_soon(job, _stopped_report(job, 0.0))
        elif first:
            queue.stop(job)
            if job.began is not None:
                _disarm(job)
                job.timer = self._loop.call_later(self._grace, self._kill, job)

    def _kill(self, job: Job) -> None:
        if job.queue is not None and job.token in job.queue.jobs:
            job.queue.kill(job)

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

    def _replace(self, queue: WorkerQueue) -> None:
        """Let a worker end after its attempts; its place is taken by a new one at once."""
        if queue.is_leaving:
            return
        if queue is self._async:
            self._async = self._make_queue(queue.name, queue.role)
        else:
            self._queues[queue.name] = self._make_queue(queue.name, queue.role)
        if queue.process is not None:
            self._leaving.add(queue)
            queue.leave()

    def _sweep_later(self) -> None:
        if self._sweep is None and not self._closed:
            self._sweep = self._loop.call_later(self._idle_seconds, self._sweep_idle)

    def _sweep_idle(self) -> None:
        self._sweep = None
        now = self._loop.time()
        for queue in [*self._queues.values(), self._async]:
            if queue.process is None or queue.jobs:
                continue
            if now - queue.idle_since >= self._idle_seconds * 0.9:
                self._replace(queue)
            else:
                self._sweep_later()

    def _poke_soon(self) -> None:
        if self._poke is None and not self._closed:
            self._poke = self._loop.call_soon(self._poke_now)

    def _poke_now(self) -> None:
        self._poke = None
        self._report("", None)

    def _make_queue(self, name: str, role: Role) -> WorkerQueue:
        return WorkerQueue(name, role, self._environment, self)

    def _all(self) -> list[WorkerQueue]:
        return [*self._queues.values(), self._async, *self._leaving]


def _disarm(job: Job) -> None:
    if job.timer is not None:
        job.timer.cancel()
        job.timer = None


def _stopped_report(job: Job, duration: float, began: float | None = None) -> AttemptStopped:
    return AttemptStopped(task=job.attempt.task, attempt=job.attempt.number, duration=duration, began=began)
