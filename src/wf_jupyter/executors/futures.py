"""Attempts on any `concurrent.futures.Executor`: an object that was given, or one that a package offers by name.

Such an executor takes calls and gives futures, and no more. Nothing that runs can be ended: a timeout or a cancel
ends the attempt, whose log says *abandoned*, and its place is taken until it returns. What it prints by way of Python
and its progress arrive with its end; what C code and child processes print is whoever's the process is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass

import msgspec

from wf_jupyter.executors.wire.outcome_mapping import report_of, timeout_failure, worker_lost
from wf_jupyter.executors.worker.called import decode_said, run_attempt
from wf_jupyter.model.stimuli import AttemptStopped, Printed, Report
from wf_jupyter.owner_thread import OwnerThread
from wf_jupyter.ports import Attempt, ReportSink

_encode = msgspec.msgpack.Encoder().encode
_ABANDONED = "abandoned: its executor cannot end what runs, which may go on"


@dataclass(eq=False)
class _Job:
    attempt: Attempt
    future: Future[bytes]
    timer: asyncio.TimerHandle | None = None
    is_over: bool = False


class FuturesExecutor:
    """`ports.Executor` on an executor of somebody else's, which is left open unless it `is_ours`."""

    def __init__(
        self, executor: Executor, report: ReportSink, *, max_workers: int, grace: float = 2.0, is_ours: bool = False
    ) -> None:
        self._executor = executor
        self._report = report
        known = (getattr(executor, name, None) for name in ("_max_workers", "max_workers", "num_workers"))
        self._places = next((count for count in known if isinstance(count, int) and count > 0), max_workers)
        self._grace = grace
        self._is_ours = is_ours
        self._loop = asyncio.get_running_loop()
        self._jobs: dict[tuple[str, str, int], _Job] = {}
        self._taken: set[Future[bytes]] = set()
        self._thread = OwnerThread("an executor of somebody else's")
        self._closed = False

    def slots(self, limit: int) -> Sequence[str]:
        """As many as the executor has workers; what was abandoned takes its place until it returns."""
        self._thread.check()
        free = 0 if self._closed else self._places - len(self._taken)
        return [type(self._executor).__name__] * max(0, min(free, limit))

    def start(self, attempt: Attempt, worker: str) -> None:
        """Submit a call that runs the attempt."""
        self._thread.check()
        try:
            future = self._executor.submit(run_attempt, _encode(attempt), os.getpid())
        except Exception as error:  # it is broken, was shut down, or whatever else it says
            reason = f"{worker} takes no more tasks: {type(error).__name__}: {error}"
            self._loop.call_soon(self._report, attempt.execution, worker_lost(attempt, 0.0, reason))
            return
        job = self._jobs[attempt.execution, attempt.task, attempt.number] = _Job(attempt, future)
        self._taken.add(future)
        if attempt.timeout is not None:
            late = timeout_failure(attempt, attempt.timeout)
            job.timer = self._loop.call_later(attempt.timeout, self._give_up, job, late)
        future.add_done_callback(lambda _: self._from_any_thread(job))

    def stop(self, execution: str, task: str, number: int) -> None:
        """Keep an attempt from beginning; one that runs is abandoned after the grace."""
        self._thread.check()
        job = self._jobs.get((execution, task, number))
        if job is None:
            return
        stopped = AttemptStopped(task=task, attempt=number, duration=0.0)
        if job.future.cancel():
            self._end(job)
            self._loop.call_soon(self._report, execution, stopped)
        else:
            self._loop.call_later(self._grace, self._give_up, job, stopped)

    async def close(self) -> None:
        """Forget everything; an executor of ours ends when what runs there does."""
        self._thread.check()
        self._closed = True
        for job in list(self._jobs.values()):
            self._end(job)
            job.future.cancel()
        if self._is_ours:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _from_any_thread(self, job: _Job) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
            self._loop.call_soon_threadsafe(self._done, job)

    def _done(self, job: _Job) -> None:
        self._taken.discard(job.future)
        attempt = job.attempt
        if not job.is_over:
            try:
                age, (*said, last) = decode_said(job.future.result())
                last = msgspec.structs.replace(last, began=time.time() - age)
                *reports, final = (report_of(message, attempt) for message in (*said, last))  # type: ignore[arg-type]
            except (CancelledError, Exception) as error:
                reason = f"the executor lost the task: {type(error).__name__}: {error}"
                self._finish(job, worker_lost(attempt, 0.0, reason))
            else:
                for report in reports:
                    self._report(attempt.execution, report)
                self._finish(job, final)
        if not self._closed:
            self._report("", None)

    def _give_up(self, job: _Job, report: Report) -> None:
        if job.is_over:
            return
        attempt = job.attempt
        if not job.future.cancelled() and not job.future.cancel():
            text = f"wf_jupyter: {_ABANDONED}\n"
            said = Printed(task=attempt.task, attempt=attempt.number, stream="stderr", text=text)
            self._report(attempt.execution, said)
        self._finish(job, report)

    def _end(self, job: _Job) -> None:
        job.is_over = True
        if job.timer is not None:
            job.timer.cancel()
        self._jobs.pop((job.attempt.execution, job.attempt.task, job.attempt.number), None)

    def _finish(self, job: _Job, report: Report) -> None:
        self._end(job)
        self._report(job.attempt.execution, report)
