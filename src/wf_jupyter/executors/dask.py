"""Attempts on a Dask cluster, for work that outgrows one machine.

The engine decides what runs when, as everywhere; Dask gives the workers, and carries data between
them. Each attempt is one Dask task bound to one worker, so that what a lost worker was doing is told
and retried by the engine, and nothing runs twice behind its back.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

from wf_jupyter.errors import InputError
from wf_jupyter.executors import dask_worker
from wf_jupyter.executors.dask_cluster import CannotConnect
from wf_jupyter.executors.dask_job import DaskJob, Lost
from wf_jupyter.executors.dask_link import Link, Seat
from wf_jupyter.executors.dask_values import Held
from wf_jupyter.executors.reports import timed_out, worker_lost
from wf_jupyter.model.stimuli import AttemptStopped, Report
from wf_jupyter.model.submission import Environment
from wf_jupyter.ports import Attempt, ReportSink

ADDRESSES = ("WF_JUPYTER_DASK_ADDRESS", "DASK_SCHEDULER_ADDRESS")
#: For how long a cluster without workers is waited for.
_PATIENCE = 30.0
_BROKEN_SECONDS = 3.0
_TRIES = 3


class DaskExecutor:
    """`ports.Executor` on a Dask scheduler: that of `address`, of the environment, or one of our own.

    Stopping interrupts Python code at its next step, and cancels an `async def` task where it waits.
    What does not react is killed with its worker after the grace on a cluster of our own. On a given
    one nothing is killed: the attempt keeps its place until it ends. Text that C code writes to the
    descriptors goes to the worker's log.
    """

    def __init__(
        self,
        environment: Environment,
        report: ReportSink,
        *,
        address: str = "",
        max_workers: int = 2,
        idle_seconds: float = 60.0,
        grace: float = 2.0,
    ) -> None:
        if importlib.util.find_spec("distributed") is None:
            raise InputError("executor='dask' needs: pip install 'wf-jupyter[dask]'", "executor")
        named = [environment.variables.get(name, "") for name in ADDRESSES]
        self._address = named[0] or address or named[1]
        self._environment = environment
        self._report = report
        self._max_workers = max_workers
        self._idle_seconds = idle_seconds
        self._grace = grace
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._held = Held(0)
        self._backlog: deque[DaskJob] = deque()
        self._jobs: dict[tuple[str, str, int], DaskJob] = {}
        self._tokens: dict[int, DaskJob] = {}
        self._token = 0
        self._broken: tuple[float, str] = (0.0, "")
        self._side: set[asyncio.Task[None]] = set()
        self._connecting = False
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False

    # -- the port ---------------------------------------------------------------------------------

    def slots(self, limit: int) -> Sequence[str]:
        """Free threads of the workers; before there is a cluster, as many as ours would have."""
        if self._closed:
            return []
        if self._link is None or not self._link.seats:
            room = (self._max_workers if self._link is None else 1) - len(self._jobs)
            return ["dask"] * min(limit, max(0, room))
        free = [seat.address for seat in self._link.seats.values() for _ in range(seat.free)]
        return free[len(self._backlog) :][:limit]

    def start(self, attempt: Attempt, worker: str) -> None:
        """Hand an attempt over. `worker` is a wish: the one that has the inputs is better."""
        job = DaskJob(attempt)
        self._jobs[job.key] = job
        self._backlog.append(job)
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        self._loop.call_soon(self._dispatch)

    def stop(self, execution: str, task: str, number: int) -> None:
        """Drop an attempt that waits; interrupt one that runs."""
        job = self._jobs.get((execution, task, number))
        if job is not None:
            self._stop(job, "cancel")

    async def close(self) -> None:
        """End our own cluster; on a given one, ask what runs to stop and leave."""
        self._closed = True
        jobs, side = list(self._jobs.values()), list(self._side)
        self._jobs.clear()
        self._backlog.clear()
        if self._idle is not None:
            self._idle.cancel()
        for task in side:
            task.cancel()
        await asyncio.gather(*side, return_exceptions=True)
        link, self._link = self._link, None
        if link is None:
            return
        if link.cluster is None and link.is_alive:
            stops = [link.call(job.seat.address, dask_worker.stop_attempt, job.token) for job in jobs if job.seat]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._grace):
                    await asyncio.gather(*stops, return_exceptions=True)
        self._held.clear()
        await link.close()

    # -- placing ----------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        if not self._backlog or self._closed:
            return
        link = self._link
        if link is not None and not link.is_alive:
            self._disconnect()
            link = None
        if link is None or not link.seats:
            self._connect_soon()
            return
        while self._backlog and (seat := self._seat_for(self._backlog[0], link)) is not None:
            job = self._backlog.popleft()
            seat.busy += 1
            self._token += 1
            job.place(self._token, seat)
            self._tokens[job.token] = job
            job.task = self._aside(self._run(job, link))

    def _seat_for(self, job: DaskJob, link: Link) -> Seat | None:
        free = {seat.address: seat for seat in link.seats.values() if seat.free > 0}
        homes = job.homes(self._held)
        best = max(free, key=lambda address: (homes.get(address, 0), free[address].free), default=None)
        return None if best is None else free[best]

    async def _run(self, job: DaskJob, link: Link) -> None:
        try:
            report = await job.run(link, self._held)
        except Lost as error:
            if job.began is None and job.tries < _TRIES and link.is_alive and job.stopping is None:
                self._again(job)
                return
            report = worker_lost(job.attempt, job.duration(self._loop.time()), str(error))
        if isinstance(report, AttemptStopped) and job.stopping == "timeout":
            report = timed_out(job.attempt, report.duration)
        self._finish(job, report)

    def _again(self, job: DaskJob) -> None:
        """Nothing of it has begun: from the files, or elsewhere, it may work."""
        self._leave(job)
        for path in job.paths():
            self._held.drop(path)
        self._backlog.appendleft(job)
        self._loop.call_soon(self._dispatch)

    # -- what the cluster says --------------------------------------------------------------------

    def _on_event(self, token: int, what: list[bytes] | None) -> None:
        job = self._tokens.get(token)
        if job is None or self._closed:
            return
        if what is None:
            job.began = self._loop.time()
            if job.stopping is not None:
                self._arm(job, self._grace, self._kill, job)
            elif job.attempt.timeout is not None:
                self._arm(job, job.attempt.timeout, self._stop, job, "timeout")
            return
        for report in job.reports(what):
            self._report(job.attempt.execution, report)

    def _on_gone(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            self._held.drop_home(address)
        for job in list(self._tokens.values()):
            if job.seat is not None and job.seat.address in addresses:
                self._lose(job, job.seat)
            elif job.began is None and job.needs_any(addresses):
                self._aside(self._withdraw(job))

    def _lose(self, job: DaskJob, seat: Seat) -> None:
        if job.task is not None:
            job.task.cancel()
        told = f"the Dask worker {seat.address} was lost while it ran the task"
        duration = job.duration(self._loop.time())
        if job.stopping == "timeout":
            self._finish(job, timed_out(job.attempt, duration))
        elif job.stopping == "cancel":
            self._finish(job, _stopped(job, duration))
        elif job.began is None and job.tries < _TRIES:
            self._again(job)
        else:
            self._finish(job, worker_lost(job.attempt, duration, told))

    async def _withdraw(self, job: DaskJob) -> None:
        """An input of an attempt that waits for it has gone: start it anew, unless it has begun after all."""
        link, token = self._link, job.token
        if link is None or job.seat is None:
            return
        with contextlib.suppress(OSError):
            if await link.call(job.seat.address, dask_worker.revoke_attempt, token) and self._tokens.get(token) is job:
                if job.task is not None:
                    job.task.cancel()
                self._again(job)
