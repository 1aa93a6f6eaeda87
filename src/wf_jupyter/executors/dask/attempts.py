"""Which attempt is at which station of a cluster, and what becomes of it when the cluster changes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from wf_jupyter.executors.dask import station as dask_station
from wf_jupyter.executors.dask.demand import Demand
from wf_jupyter.executors.dask.messages import (
    FINALS,
    Began,
    FromStation,
    Put,
    Recall,
    Returned,
    Rise,
    Said,
    Seated,
    Stop,
    ToStation,
    Wants,
    report_from,
)
from wf_jupyter.executors.dask.placement import Job, Post, Posts, missing_blobs
from wf_jupyter.executors.dask.scheduler_client import Link
from wf_jupyter.executors.dask.transfers import Transfers, is_complete
from wf_jupyter.executors.local.shared_blobs import LIMIT
from wf_jupyter.executors.wire.outcome_mapping import node_lost, timed_out, worker_lost
from wf_jupyter.model.stimuli import (
    AttemptRequeued,
    AttemptStopped,
    AttemptSucceeded,
    Printed,
    Report,
)
from wf_jupyter.ports import ReportSink

#: For how long nothing is sent ahead after attempts went back that had been.
CAREFUL_SECONDS = 1.0
#: An attempt that runs for longer gets those behind it called back.
STUCK_SECONDS = 0.05
#: How much longer than the grace a station is waited for that was asked to end an attempt.
SILENCE = 10.0

_log = logging.getLogger(__name__)


class Board:
    """The attempts on one cluster. `ended` is called just before each final report, `lost` when the scheduler is."""

    def __init__(
        self,
        link: Link,
        report: ReportSink,
        ended: Callable[[Job], None],
        lost: Callable[[], None],
        *,
        grace: float,
        patience: float,
        requeue_after: float | None,
    ) -> None:
        self._link = link
        self._report = report
        self._ended = ended
        self._lost = lost
        self._grace = grace
        self._requeue_after = requeue_after
        self._requeue: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._posts = Posts()
        self._transfers = Transfers(link, self._posts)
        self._backlog: deque[Job] = deque()
        self._jobs: dict[int, Job] = {}
        self._tokens = 0
        self._demand = Demand(link, self._posts, patience, self.on_refused, self._rise, lambda: report("", None))
        self._review: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler can be reached."""
        return self._link.is_alive and not self._is_closed

    def free(self, limit: int) -> Sequence[str]:
        """Workers, once per attempt they would take. One when there is none to be had, for the attempt that tells."""
        if self._demand.complaint:
            return [] if self._backlog else ["dask"]
        found = self._posts.free(len(self._backlog), limit)
        if len(found) < limit:
            self._demand.ask_for(limit - len(found), len(self._jobs) + len(self._backlog))
        return found

    def take(self, job: Job) -> None:
        """Run an attempt as soon as there is room."""
        if job.stopping is not None:
            self._finish(job, _stopped(job, 0.0))
        elif complaint := self._demand.complaint:
            self._loop.call_soon(self._finish, job, worker_lost(job.attempt, 0.0, complaint))
        else:
            self._backlog.append(job)
            self._dispatch()

    def stop(self, job: Job) -> None:
        """Interrupt an attempt, or keep it from beginning."""
        if job in self._backlog:
            self._backlog.remove(job)
            self._loop.call_soon(self._finish, job, _stopped(job, 0.0))
        elif job.post is not None:
            self._say(job.post, Stop(job.token))
            self._arm(job, self._grace + SILENCE)

    async def close(self) -> list[Job]:
        """Report nothing more, and leave the cluster, which ends what runs there. Returns what had not begun."""
        self._is_closed = True
        self._demand.close()
        for timer in (self._review, self._requeue):
            if timer is not None:
                timer.cancel()
        left = [*(job for job in self._jobs.values() if job.began is None), *self._backlog]
        for job in self._jobs.values():
            job.disarm()
        await self._link.close()
        return left

    # -- places -----------------------------------------------------------------------------------

    def on_refused(self, told: str) -> None:
        if self._is_closed or self._posts.seats:
            return
        self._demand.complain(told)
        backlog, self._backlog = self._backlog, deque()
        for job in backlog:
            self._finish(job, worker_lost(job.attempt, 0.0, told))
        self._report("", None)

    def _rise(self, post: Post, keys: tuple[str, ...]) -> None:
        self._say(post, Rise(keys))

    def _on_seated(self, address: str, message: Seated) -> None:
        post = self._posts.by_address.get(address)
        if post is None:
            post = self._posts.by_address[address] = Post(address)
        post.keys, post.is_silent = message.keys, False
        if not post.keys:
            return
        self._demand.satisfy()
        self._dispatch()
        self._report("", None)

    def on_gone(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            self._lose(address, f"the Dask worker {address} was lost while it ran the task")

    def on_lost(self) -> None:
        if self._is_closed:
            return
        for address in list(self._posts.by_address):
            self._lose(address, "the connection to the Dask scheduler was lost")
        self._lost()

    def _lose(self, address: str, told: str) -> None:
        post = self._posts.forget(address)
        if post is None:
            return
        for job in [*post.asyncs.values(), *post.plain.values()]:
            # Whether it had begun is not known: what a worker says last may be lost with it. So each is an attempt.
            duration = 0.0 if job.began is None else self._loop.time() - job.began
            began = None if job.began is None else time.time() - duration
            if job.stopping == "cancel":
                self._finish(job, _stopped(job, duration, began))
            else:
                self._finish(job, node_lost(job.attempt, duration, told, began))
        self._dispatch()

    # -- attempts ---------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        self._place_waiting()
        if self._backlog and not self._is_closed and self._requeue is None and self._requeue_after is not None:
            self._requeue = self._loop.call_later(self._requeue_after, self._requeue_waiting)

    def _requeue_waiting(self) -> None:
        """Give attempts back for which there is no place, and promise less for a while: they are shown as running."""
        self._requeue = None
        waiting, self._backlog = self._backlog, deque()
        if waiting:
            self._posts.careful_until = time.monotonic() + CAREFUL_SECONDS
        for job in waiting:
            self._finish(job, AttemptRequeued(task=job.attempt.task, attempt=job.attempt.number))

    def _place_waiting(self) -> None:
        while self._backlog and not self._is_closed:
            job = self._backlog[0]
            self._tokens += 1
            job.token = self._tokens
            post = self._posts.place(job)
            if post is None:
                return
            self._backlog.popleft()
            self._jobs[job.token] = job
            self._say(post, self._posts.message(job))
            if post.idle < 0 and self._review is None:
                self._review = self._loop.call_later(STUCK_SECONDS, self._look)

    def _say(self, post: Post, message: ToStation) -> None:
        post.outbox.append(message)
        if not post.is_sending:
            post.is_sending = True
            self._link.aside(self._send(post))

    async def _send(self, post: Post) -> None:
        """Send what there is: together, and after the blobs that it refers to."""
        try:
            while post.outbox:
                batch, post.outbox = post.outbox, []
                missing = missing_blobs(post, batch, self._jobs)
                if missing:
                    only = sum(post.blobs.values()) > LIMIT
                    if only:
                        post.blobs.clear()
                        missing = missing_blobs(post, batch, self._jobs)
                    await self._link.call(post.address, dask_station.put_blobs, self._link.topic, missing, only)
                    post.blobs.update({name: len(data) for name, data in missing.items()})
                await self._link.tell(post.address, batch)
        except Exception as error:  # whatever Dask thinks up: every attempt is answered
            _log.info("the Dask worker %s could not be told what to do: %s", post.address, error)
            self._lose(post.address, f"the Dask worker {post.address} was lost")
        finally:
            post.is_sending = False

    def _look(self) -> None:
        """Call attempts back from behind those that take long, when others have room or all places are taken so."""
        self._review = None
        now, again = self._loop.time(), False
        for post in self._posts:
            if post.idle >= 0:
                continue
            again = True
            stuck = [job for job in post.plain.values() if job.began is not None and now - job.began > STUCK_SECONDS]
            waiting = tuple(token for token, job in post.plain.items() if job.began is None)
            post.is_stuck = len(stuck) >= len(post.keys)
            if waiting and (post.is_stuck or (stuck and any(other.idle > 0 for other in self._posts))):
                self._say(post, Recall(waiting))
        if again:
            self._review = self._loop.call_later(STUCK_SECONDS, self._look)

    # -- what stations say ------------------------------------------------------------------------

    def on_said(self, address: str, messages: Sequence[FromStation]) -> None:
        for message in messages:
            if self._is_closed:
                return
            match message:
                case Seated():
                    self._on_seated(address, message)
                case Began(token=token):
                    self._on_began(self._jobs.get(token))
                case Said(token=token):
                    self._on_report(self._jobs.get(token), message)
                case Returned(tokens=tokens):
                    for token in reversed(tokens):
                        if (job := self._jobs.get(token)) is not None:
                            self._back(job)
                    self._dispatch()
                case Wants(path=path):
                    self._link.aside(self._put(address, path))

    def _on_began(self, job: Job | None) -> None:
        if job is None:
            return
        job.began = self._loop.time()
        if job.attempt.timeout is not None and job.stopping is None:
            self._arm(job, job.attempt.timeout + self._grace + SILENCE)

    def _on_report(self, job: Job | None, message: Said) -> None:
        if job is None:
            return
        if message.kind >= FINALS:
            self._report(job.attempt.execution, report_from(message.kind, message.report))
            return
        post = job.post
        began = time.time() - message.age
        report = report_from(message.kind, message.report) if message.report else None
        if report is None or not is_complete(job, report):
            self._link.aside(self._fetch(job, message, post, began))
            return
        self._conclude(job, report, began)

    def _conclude(self, job: Job, report: Any, began: float | None) -> None:
        if self._jobs.get(job.token) is not job:
            return
        report = msgspec.structs.replace(report, began=began)
        if job.post is not None:
            job.post.is_stuck = False
        if isinstance(report, AttemptSucceeded):
            self._posts.learn(job, report.duration)
        self._finish(job, report)
        self._dispatch()

    def _back(self, job: Job) -> None:
        self._leave(job)
        if job.stopping is not None:
            self._finish(job, _stopped(job, 0.0))
        else:
            self._backlog.appendleft(job)

    def _leave(self, job: Job) -> None:
        job.disarm()
        self._jobs.pop(job.token, None)
        if job.post is not None:
            job.post.jobs(job).pop(job.token, None)
            job.post = None

    def _finish(self, job: Job, report: Report) -> None:
        self._leave(job)
        if not self._is_closed:
            self._ended(job)
            self._report(job.attempt.execution, report)

    # -- what does not answer ---------------------------------------------------------------------

    def _arm(self, job: Job, delay: float) -> None:
        job.disarm()
        job.timer = self._loop.call_later(delay, self._abandon, job)

    def _abandon(self, job: Job) -> None:
        """End an attempt that its station does not end: it may still run, and its place is not used any more."""
        post = job.post
        if post is None or self._is_closed:
            return
        post.is_silent = True
        told = f"abandoned: the Dask worker {post.address} does not answer, and may still be running the task"
        attempt = job.attempt
        duration = 0.0 if job.began is None else self._loop.time() - job.began
        began = None if job.began is None else time.time() - duration
        printed = Printed(task=attempt.task, attempt=attempt.number, stream="stderr", text=f"wf_jupyter: {told}\n")
        self._report(attempt.execution, printed)
        if job.stopping == "cancel":
            self._finish(job, _stopped(job, duration, began))
        else:
            report = timed_out(attempt, duration, began)
            failure = msgspec.structs.replace(report.failure, message=f"{report.failure.message}; {told}")
            self._finish(job, msgspec.structs.replace(report, failure=failure))

    async def _fetch(self, job: Job, message: Said, post: Post | None, began: float | None) -> None:
        """End an attempt whose report has to be completed first."""
        if post is None:
            return
        try:
            report = await self._transfers.completed(job, message, post)
        except Exception as error:
            _log.info("a result on the Dask worker %s could not be fetched: %s", post.address, error)
            self._lose(post.address, f"the Dask worker {post.address} was lost before its result could be fetched")
            return
        self._conclude(job, report, began)

    async def _put(self, address: str, path: str) -> None:
        local = await self._transfers.put(address, path)
        post = self._posts.by_address.get(address)
        if post is not None:
            self._say(post, Put(path, local))


def _stopped(job: Job, duration: float, began: float | None = None) -> AttemptStopped:
    return AttemptStopped(task=job.attempt.task, attempt=job.attempt.number, duration=duration, began=began)
