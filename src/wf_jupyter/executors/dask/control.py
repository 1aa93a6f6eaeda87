"""Reaching an attempt on its worker: interrupt it, take it back, or kill the worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from wf_jupyter.executors.dask import worker as dask_worker
from wf_jupyter.executors.dask.job import Job
from wf_jupyter.executors.dask.link import Link


class Control:
    """For the attempts on one cluster. `withdrawn(job)` is called for those taken back before they began."""

    def __init__(self, link: Link, grace: float, withdrawn: Callable[[Job], None]) -> None:
        self._link = link
        self._grace = grace
        self._withdrawn = withdrawn
        self._loop = asyncio.get_running_loop()
        self._aside: set[asyncio.Task[None]] = set()
        #: Workers that have not yet said what they give back.
        self._asked: set[str] = set()

    def began(self, job: Job) -> None:
        """The attempt runs: its time is up after its timeout, or its grace when it was to stop already."""
        job.began = self._loop.time()
        if job.stopping is not None:
            self._arm(job, self._grace, self._kill)
        elif job.attempt.timeout is not None:
            self._arm(job, job.attempt.timeout, self._expire)

    def stop(self, job: Job) -> None:
        """Interrupt an attempt that has a worker, or keep it from beginning."""
        self.aside(self._stop(job))
        if job.began is not None:
            self._arm(job, self._grace, self._kill)

    def withdraw(self, jobs: Sequence[Job]) -> None:
        """Take attempts back that have not begun. One question per worker, and none while it owes an answer.

        On a busy machine answers come later than the next look: a question for each attempt and look opened
        hundreds of connections, whose handshakes kept everything else from getting its turn.
        """
        by_seat: dict[str, list[Job]] = {}
        for job in jobs:
            if job.seat is not None and job.began is None and job.seat.address not in self._asked:
                by_seat.setdefault(job.seat.address, []).append(job)
        for address, waiting in by_seat.items():
            self._asked.add(address)
            self.aside(self._withdraw(address, waiting))

    def aside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside the rest, until closed."""
        task = self._loop.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return task

    async def close(self, jobs: list[Job]) -> None:
        """End what goes on beside; on a cluster of somebody else's, ask what runs to stop."""
        for job in jobs:
            disarm(job)
        tasks = list(self._aside)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._link.cluster is None and self._link.is_alive:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._grace):
                    await asyncio.gather(*map(self._stop, jobs))

    async def _stop(self, job: Job) -> None:
        if job.seat is not None:
            with contextlib.suppress(Exception):  # a worker that is gone is told of by the scheduler
                await self._link.call(job.seat.address, dask_worker.stop_attempt, job.token)

    async def _withdraw(self, address: str, jobs: Sequence[Job]) -> None:
        tokens = [job.token for job in jobs]
        try:
            with contextlib.suppress(Exception):  # the same
                revoked = await self._link.call(address, dask_worker.revoke_attempts, tokens)
                for job, token, is_back in zip(jobs, tokens, revoked, strict=True):
                    if is_back and job.token == token and job.seat is not None and job.stopping is None:
                        self._withdrawn(job)
        finally:
            self._asked.discard(address)

    def _expire(self, job: Job) -> None:
        job.stopping = job.stopping or "timeout"
        self.stop(job)

    def _kill(self, job: Job) -> None:
        """Only on a cluster of our own: its workers run one attempt at a time, and are replaced."""
        if self._link.cluster is not None and job.seat is not None:
            with contextlib.suppress(OSError):
                os.kill(job.seat.about.pid, signal.SIGKILL)

    def _arm(self, job: Job, delay: float, action: Callable[[Job], None]) -> None:
        disarm(job)
        job.timer = self._loop.call_later(delay, action, job)


def disarm(job: Job) -> None:
    """Forget the attempt's timer."""
    if job.timer is not None:
        job.timer.cancel()
        job.timer = None
