"""Which attempt is on which worker of a cluster, and what becomes of it when the cluster changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from wf_jupyter.executors import dask_worker
from wf_jupyter.executors.dask_job import Job, Lost
from wf_jupyter.executors.dask_link import Link, Seat
from wf_jupyter.executors.dask_values import Held
from wf_jupyter.executors.reports import timed_out, worker_lost
from wf_jupyter.model.stimuli import AttemptStopped, Report
from wf_jupyter.ports import ReportSink

#: Seconds for which a cluster without workers is waited for.
PATIENCE = 30.0
#: How often an attempt is handed out that came to nothing before it began.
_TRIES = 3
#: Values on the cluster when its workers have no limit; otherwise they may fill a quarter of its memory.
_HELD = 4 << 30

_log = logging.getLogger(__name__)


class Board:
    """The attempts on one cluster. `ended` is called just before each final report."""

    def __init__(self, link: Link, report: ReportSink, ended: Callable[[Job], None], grace: float) -> None:
        self._link = link
        self._report = report
        self._ended = ended
        self._grace = grace
        self._loop = asyncio.get_running_loop()
        self._held = Held(sum(seat.about.memory for seat in link.seats.values()) // 4 or _HELD)
        self._backlog: deque[Job] = deque()
        self._placed: dict[int, Job] = {}
        self._tokens = 0
        self._side: set[asyncio.Task[None]] = set()
        self._giving_up: asyncio.TimerHandle | None = None
        self._closed = False
        link.listen(self._heard, self._gone, self._came)

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler can be reached."""
        return self._link.is_alive

    def free(self, limit: int) -> Sequence[str]:
        """Workers with a free thread, once per thread. One when there are no workers, to find out about it."""
        seats = self._link.seats.values()
        if not seats:
            return [] if self._backlog else ["dask"][:limit]
        found = [seat.address for seat in seats for _ in range(seat.free)]
        return found[len(self._backlog) :][:limit]

    def take(self, job: Job) -> None:
        """Run an attempt on the next free worker."""
        if job.stopping is not None:
            self._finish(job, _stopped(job, 0.0))
            return
        self._backlog.append(job)
        self._dispatch()

    def stop(self, job: Job) -> None:
        """Interrupt an attempt, or keep it from beginning."""
        if job in self._backlog:
            self._backlog.remove(job)
            self._loop.call_soon(self._finish, job, _stopped(job, 0.0))
        elif job.seat is not None:
            self._aside(self._ask_to_stop(job, job.seat))
            if job.began is not None:
                self._arm(job, self._grace, self._kill)

    async def close(self) -> None:
        """Report nothing more; ask what runs to stop, and leave the cluster."""
        self._closed = True
        placed = [(job, job.seat) for job in self._placed.values() if job.seat is not None]
        if self._giving_up is not None:
            self._giving_up.cancel()
        for task in self._side:
            task.cancel()
        await asyncio.gather(*self._side, return_exceptions=True)
        if self._link.cluster is None and self._link.is_alive:
            stops = [self._link.call(seat.address, dask_worker.stop_attempt, job.token) for job, seat in placed]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._grace):
                    await asyncio.gather(*stops, return_exceptions=True)
        for job, _ in placed:
            _disarm(job)
        self._held.clear()
        await self._link.close()

    # -- placing ----------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        if not self._link.seats and self._backlog and self._giving_up is None:
            self._giving_up = self._loop.call_later(0.0 if self._link.complaint else PATIENCE, self._give_up)
        while self._backlog and (seat := self._seat_for(self._backlog[0])) is not None:
            job = self._backlog.popleft()
            self._tokens += 1
            job.token, job.seat, job.began, job.tries = self._tokens, seat, None, job.tries + 1
            seat.busy += 1
            self._placed[job.token] = job
            job.running = self._aside(self._run(job, seat))

    def _seat_for(self, job: Job) -> Seat | None:
        """The free worker that has most of what the attempt reads."""
        near: dict[str, int] = {}
        for path in job.paths():
            holding = self._held.find(path)
            if holding is not None:
                near[holding.home] = near.get(holding.home, 0) + holding.size
        free = [seat for seat in self._link.seats.values() if seat.free > 0]
        return max(free, key=lambda seat: (near.get(seat.address, 0), seat.free), default=None)

    def _give_up(self) -> None:
        self._giving_up = None
        if self._link.seats:
            return
        told = self._link.complaint or f"the Dask scheduler has had no workers for {PATIENCE:g} s"
        while self._backlog:
            job = self._backlog.popleft()
            self._finish(job, worker_lost(job.attempt, 0.0, told))

    async def _run(self, job: Job, seat: Seat) -> None:
        try:
            report = await job.run(self._link, seat, self._held)
        except Lost as error:
            self._came_to_nothing(job, str(error))
            return
        except Exception as error:
            # Every attempt is answered, whatever Dask thinks up.
            _log.exception("attempt %d of %s on Dask", job.attempt.number, job.attempt.task)
            self._came_to_nothing(job, f"Dask could not run the task: {type(error).__name__}: {error}")
            return
        if isinstance(report, AttemptStopped) and job.stopping == "timeout":
            report = timed_out(job.attempt, report.duration)
        self._leave(job)
        self._finish(job, report)

    def _came_to_nothing(self, job: Job, told: str) -> None:
        duration = 0.0 if job.began is None else self._loop.time() - job.began
        self._leave(job)
        if job.stopping == "timeout":
            self._finish(job, timed_out(job.attempt, duration))
        elif job.stopping == "cancel":
            self._finish(job, _stopped(job, duration))
        elif job.began is None and job.tries < _TRIES and self.is_alive:
            # Nothing of it has happened: elsewhere, with its inputs from their files, it may work.
            for path in job.paths():
                self._held.drop(path)
            self._backlog.appendleft(job)
            self._dispatch()
        else:
            self._finish(job, worker_lost(job.attempt, duration, told))

    def _leave(self, job: Job) -> None:
        _disarm(job)
        self._placed.pop(job.token, None)
        if job.seat is not None:
            job.seat.busy -= 1
            job.seat = None

    def _finish(self, job: Job, report: Report) -> None:
        if not self._closed:
            self._ended(job)
            self._report(job.attempt.execution, report)
            self._dispatch()

    # -- what the cluster says --------------------------------------------------------------------

    def _heard(self, token: int, what: list[bytes] | None) -> None:
        job = self._placed.get(token)
        if job is None or self._closed:
            return
        if what is not None:
            for report in job.hear(what):
                self._report(job.attempt.execution, report)
            return
        job.began = self._loop.time()
        if job.stopping is not None:
            self._arm(job, self._grace, self._kill)
        elif job.attempt.timeout is not None:
            self._arm(job, job.attempt.timeout, self._expire)

    def _gone(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            self._held.drop_home(address)
        for job in list(self._placed.values()):
            if job.seat is not None and job.seat.address in addresses:
                if job.running is not None:
                    job.running.cancel()
                self._came_to_nothing(job, f"the Dask worker {job.seat.address} was lost while it ran the task")
            elif job.began is None and job.homes.intersection(addresses):
                self._aside(self._withdraw(job))

    def _came(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        self._dispatch()
        self._report("", None)

    # -- stopping ---------------------------------------------------------------------------------

    def _expire(self, job: Job) -> None:
        job.stopping = job.stopping or "timeout"
        self.stop(job)

    async def _ask_to_stop(self, job: Job, seat: Seat) -> None:
        with contextlib.suppress(Exception):  # a worker that is gone is told of by the scheduler
            await self._link.call(seat.address, dask_worker.stop_attempt, job.token)

    async def _withdraw(self, job: Job) -> None:
        """An input of an attempt that waits for it has gone: start it anew, unless it has begun after all."""
        token, seat, running = job.token, job.seat, job.running
        if seat is None or running is None:
            return
        with contextlib.suppress(Exception):
            revoked = await self._link.call(seat.address, dask_worker.revoke_attempt, token)
            if revoked and self._placed.get(token) is job:
                running.cancel()
                self._came_to_nothing(job, "a worker that held an input was lost")

    def _kill(self, job: Job) -> None:
        """Only on a cluster of our own: its workers run one attempt each, and are replaced."""
        if self._link.cluster is not None and job.seat is not None:
            with contextlib.suppress(OSError):
                os.kill(job.seat.about.pid, signal.SIGKILL)

    def _arm(self, job: Job, delay: float, action: Callable[[Job], None]) -> None:
        _disarm(job)
        job.timer = self._loop.call_later(delay, action, job)

    def _aside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._side.add(task)
        task.add_done_callback(self._side.discard)
        return task


def _disarm(job: Job) -> None:
    if job.timer is not None:
        job.timer.cancel()
        job.timer = None


def _stopped(job: Job, duration: float) -> AttemptStopped:
    return AttemptStopped(task=job.attempt.task, attempt=job.attempt.number, duration=duration)
