"""Attempts on a Dask cluster, for work that outgrows one machine.

The engine decides what runs when, as everywhere; Dask gives places on its workers, and says who comes and
goes. In each place stands a worker process of our own (`worker_host`), so that an attempt there is what it is
on the kernel's machine: ended when it must end, heard whatever it prints, alone in its process.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence

import msgspec

from wf_jupyter.errors import InputError
from wf_jupyter.executors.dask.attempts import ClusterAttempts
from wf_jupyter.executors.dask.cluster import CannotConnect
from wf_jupyter.executors.dask.placement import ClusterJob
from wf_jupyter.executors.dask.scheduler_client import SchedulerClient
from wf_jupyter.executors.wire.outcome_mapping import node_lost, worker_lost
from wf_jupyter.model.stimuli import AttemptFailed, AttemptStopped, Report
from wf_jupyter.model.submission import Environment
from wf_jupyter.owner_thread import OwnerThread
from wf_jupyter.ports import Attempt, ReportSink

#: Where the submitting process says which cluster it means; the setting of the server stands between the two.
OWN_VARIABLE = "WF_JUPYTER_DASK_ADDRESS"
COMMON_VARIABLE = "DASK_SCHEDULER_ADDRESS"
#: For how long a failed connection is believed to fail again.
_BROKEN_SECONDS = 3.0
_KNOWN_LOSSES = 10_000


class DaskExecutor:
    """`ports.Executor` on a Dask scheduler: one whose address is given, else a cluster of our own.

    An attempt that its Dask worker took with it is reported as one that costs no retry of its task's, at
    most `losses` times per task. One whose own process crashed is the task's own failure, as everywhere.
    """

    def __init__(
        self,
        environment: Environment,
        report: ReportSink,
        *,
        address: str = "",
        max_workers: int,
        idle_seconds: float = 60.0,
        grace: float = 2.0,
        losses: int = 3,
        patience: float = 300.0,
        requeue_after: float | None = None,
    ) -> None:
        self._requeue_after = requeue_after
        if importlib.util.find_spec("distributed") is None:
            raise InputError("executor='dask' needs more packages: pip install 'wf-jupyter[dask]'", "executor")
        variables = environment.variables
        self._address = variables.get(OWN_VARIABLE) or address or variables.get(COMMON_VARIABLE) or ""
        self._environment = environment
        self._report = report
        self._max_workers = max_workers
        self._idle_seconds = idle_seconds
        self._grace = grace
        self._most_losses = losses
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._thread = OwnerThread("the Dask executor")
        self._jobs: dict[tuple[str, str, int], ClusterJob] = {}
        self._losses: dict[tuple[str, str], int] = {}
        self._attempts: ClusterAttempts | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._broken = (0.0, "")
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False

    def slots(self, limit: int) -> Sequence[str]:
        """Places that are free. Asking is what connects, and asks the cluster for more places: an attempt is
        handed over when it can begin. One place when there is nothing to connect to, for the attempt that says so."""
        self._thread.check()
        if self._closed or limit <= 0:
            return []
        if self._attempts is not None and not self._attempts.is_alive:
            self._disconnect()
        if self._attempts is not None:
            return self._attempts.free(limit)
        if self._loop.time() < self._broken[0]:
            return ["dask"]
        if self._connecting is None:
            self._connecting = self._loop.create_task(self._connect())
        return []

    def start(self, attempt: Attempt, worker: str) -> None:
        """Hand an attempt over. `worker` is a hint: one that has the inputs is better."""
        self._thread.check()
        job = ClusterJob(attempt)
        self._jobs[job.key] = job
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        self._loop.call_soon(self._place, job)

    def stop(self, execution: str, task: str, number: int) -> None:
        """Interrupt an attempt, or drop it when it has not begun."""
        self._thread.check()
        job = self._jobs.get((execution, task, number))
        if job is None:
            return
        first, job.stopping = job.stopping is None, job.stopping or "cancel"
        if first and self._attempts is not None:
            self._attempts.stop(job)

    async def close(self) -> None:
        """End our own cluster; on a given one end what runs, and leave."""
        self._thread.check()
        self._closed = True
        self._jobs.clear()
        if self._idle is not None:
            self._idle.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        self._disconnect()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _place(self, job: ClusterJob) -> None:
        if self._closed:
            return
        if self._attempts is not None and self._attempts.is_alive:
            self._attempts.take(job)
        elif job.stopping is not None:
            stopped = AttemptStopped(task=job.attempt.task, attempt=job.attempt.number, duration=0.0)
            self._finish(job, stopped)
        elif self._loop.time() < self._broken[0]:
            self._finish(job, worker_lost(job.attempt, 0.0, self._broken[1]))
        else:
            self._finish(job, node_lost(job.attempt, 0.0, "the connection to the Dask scheduler was lost"))

    async def _connect(self) -> None:
        try:
            scheduler = await SchedulerClient.open(self._address, self._environment, self._max_workers)
            self._attempts = ClusterAttempts(
                scheduler,
                self._report_counting_losses,
                self._on_ended,
                self._disconnect,
                grace=self._grace,
                patience=self._patience,
                requeue_after=self._requeue_after,
            )
            scheduler.listen(self._attempts, self._environment, grace=self._grace, idle_seconds=self._idle_seconds)
            self._broken = (0.0, "")
        except CannotConnect as error:
            self._broken = (self._loop.time() + _BROKEN_SECONDS, str(error))
        finally:
            self._connecting = None
        self._report("", None)

    def _report_counting_losses(self, execution: str, report: Report | None) -> None:
        """Report an outcome. A task with which too many workers were lost fails by its own doing."""
        # Nothing is counted of an attempt that had not begun as far as is known.
        if isinstance(report, AttemptFailed) and report.failure.is_of_the_node and report.duration > 0:
            key = (execution, report.task)
            count = self._losses[key] = self._losses.get(key, 0) + 1
            if len(self._losses) > _KNOWN_LOSSES:
                self._losses.pop(next(iter(self._losses)))
            if count > self._most_losses:
                message = f"{report.failure.message} ({count} workers were lost with this task)"
                failure = msgspec.structs.replace(report.failure, type="WorkerLost", message=message)
                report = msgspec.structs.replace(report, failure=failure)
        self._report(execution, report)

    def _finish(self, job: ClusterJob, report: Report) -> None:
        self._on_ended(job)
        self._report_counting_losses(job.attempt.execution, report)

    def _on_ended(self, job: ClusterJob) -> None:
        """Forget an attempt that is about to be reported, and leave an idle cluster later."""
        self._jobs.pop(job.key, None)
        if not self._jobs and not self._closed:
            if self._idle is not None:
                self._idle.cancel()
            self._idle = self._loop.call_later(self._idle_seconds, self._disconnect)

    def _disconnect(self) -> None:
        """Give the cluster up, with all values on it; the next attempt gets another one."""
        attempts, self._attempts = self._attempts, None
        if attempts is not None:
            closing = self._loop.create_task(self._close_attempts(attempts))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _close_attempts(self, attempts: ClusterAttempts) -> None:
        for job in await attempts.close():
            if not self._closed and self._jobs.get(job.key) is job:
                self._finish(job, node_lost(job.attempt, 0.0, "the connection to the Dask scheduler was lost"))
