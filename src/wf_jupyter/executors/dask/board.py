"""Which attempt is on which worker of a cluster, and what becomes of it when the cluster changes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from wf_jupyter.executors.dask.control import Control, disarm
from wf_jupyter.executors.dask.job import Job, Lost
from wf_jupyter.executors.dask.link import Link
from wf_jupyter.executors.dask.seats import Seat, Seating
from wf_jupyter.executors.dask.values import Held
from wf_jupyter.executors.wire.reports import timed_out, worker_lost
from wf_jupyter.model.stimuli import AttemptStopped, AttemptSucceeded, Report
from wf_jupyter.ports import ReportSink

#: Seconds for which a cluster without workers is waited for.
PATIENCE = 30.0
#: An attempt that runs for longer gets those behind it called back.
STUCK_SECONDS = 0.1
#: How often an attempt is handed out that came to nothing before it began.
_TRIES = 5
#: Values on the cluster when its workers have no limit; otherwise they may fill a quarter of its memory.
_HELD = 4 << 30

_log = logging.getLogger(__name__)


class Board:
    """The attempts on one cluster. `ended` is called just before each final report."""

    def __init__(self, link: Link, report: ReportSink, ended: Callable[[Job], None], grace: float) -> None:
        self._link = link
        self._report = report
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._held = Held(sum(seat.about.memory for seat in link.seats.values()) // 4 or _HELD)
        self._seating = Seating(link.seats, self._held)
        self._control = Control(link, grace, self._withdrawn)
        self._backlog: deque[Job] = deque()
        self._placed: dict[int, Job] = {}
        self._tokens = 0
        self._giving_up: asyncio.TimerHandle | None = None
        self._review: asyncio.TimerHandle | None = None
        self._closed = False
        link.listen(self._heard, self._gone, self._came)

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler can be reached."""
        return self._link.is_alive

    def free(self, limit: int) -> Sequence[str]:
        """Workers, once per attempt they would take. One when there are no workers, to find out about it."""
        if not self._link.seats:
            return [] if self._backlog else ["dask"][:limit]
        return self._seating.free(len(self._backlog), limit)

    def take(self, job: Job) -> None:
        """Run an attempt as soon as a worker has room."""
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
            self._control.stop(job)

    async def close(self) -> None:
        """Report nothing more; ask what runs to stop, and leave the cluster."""
        self._closed = True
        for timer in (self._giving_up, self._review):
            if timer is not None:
                timer.cancel()
        await self._control.close(list(self._placed.values()))
        self._held.clear()
        await self._link.close()

    def _dispatch(self) -> None:
        if not self._link.seats and self._backlog and self._giving_up is None:
            self._giving_up = self._loop.call_later(0.0 if self._link.complaint else PATIENCE, self._give_up)
        while self._backlog and (seat := self._seating.place(self._backlog[0])) is not None:
            job = self._backlog.popleft()
            self._tokens += 1
            job.token, job.seat, job.began, job.tries = self._tokens, seat, None, job.tries + 1
            self._placed[job.token] = job
            job.running = self._control.aside(self._run(job, seat))
            if seat.free < 0 and self._review is None:
                self._review = self._loop.call_later(STUCK_SECONDS, self._look)

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
        if isinstance(report, AttemptSucceeded):
            self._seating.learn(job, report.duration)
        elif isinstance(report, AttemptStopped) and job.stopping == "timeout":
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
            # Nothing of it has happened: elsewhere, with all that it needs sent once more, it may work. What it
            # took from the cluster may have been on a worker that was lost.
            for name in job.held():
                self._held.drop(name)
            self._backlog.appendleft(job)
            self._dispatch()
        else:
            self._finish(job, worker_lost(job.attempt, duration, told))

    def _withdrawn(self, job: Job) -> None:
        if job.running is not None:
            job.running.cancel()
        self._leave(job)
        job.tries -= 1
        self._backlog.appendleft(job)
        self._dispatch()

    def _leave(self, job: Job) -> None:
        disarm(job)
        self._placed.pop(job.token, None)
        if job.seat is not None:
            job.seat.busy -= 1
            job.seat = None

    def _finish(self, job: Job, report: Report) -> None:
        if not self._closed:
            self._ended(job)
            self._report(job.attempt.execution, report)
            self._dispatch()

    def _look(self) -> None:
        """Call attempts back from behind those that take long."""
        self._review = None
        now, crowded = self._loop.time(), {seat.address for seat in self._link.seats.values() if seat.free < 0}
        stuck = {
            job.seat.address
            for job in self._placed.values()
            if job.seat is not None and job.began is not None and now - job.began > STUCK_SECONDS
        }
        placed = list(self._placed.values())
        self._control.withdraw([job for job in placed if job.seat is not None and job.seat.address in crowded & stuck])
        if crowded:
            self._review = self._loop.call_later(STUCK_SECONDS, self._look)

    def _heard(self, token: int, what: list[bytes] | None) -> None:
        job = self._placed.get(token)
        if job is None or self._closed:
            return
        if what is None:
            self._control.began(job)
            return
        for report in job.hear(what):
            self._report(job.attempt.execution, report)

    def _gone(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            self._held.drop_home(address)
        for job in list(self._placed.values()):
            if job.seat is not None and job.seat.address in addresses:
                if job.running is not None:
                    job.running.cancel()
                self._came_to_nothing(job, f"the Dask worker {job.seat.address} was lost while it ran the task")
            elif job.began is None and job.homes.intersection(addresses):
                self._control.withdraw([job])

    def _came(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        self._dispatch()
        self._report("", None)


def _stopped(job: Job, duration: float) -> AttemptStopped:
    return AttemptStopped(task=job.attempt.task, attempt=job.attempt.number, duration=duration)
