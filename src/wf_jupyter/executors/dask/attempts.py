"""The attempts that are on a cluster: on which worker each is, and what becomes of it when the cluster changes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from wf_jupyter.executors.dask import worker_host
from wf_jupyter.executors.dask.demand import Demand
from wf_jupyter.executors.dask.messages import (
    FINALS,
    Began,
    FromHost,
    PlacesHeld,
    ReleasePlaces,
    Reported,
    Revoke,
    Revoked,
    Stop,
    ToHost,
    ValueAvailable,
    ValueNeeded,
    report_from,
)
from wf_jupyter.executors.dask.placement import ClusterJob, HostState, Placement, missing_blobs
from wf_jupyter.executors.dask.scheduler_client import SchedulerClient
from wf_jupyter.executors.dask.transfers import Transfers, is_complete
from wf_jupyter.executors.local.shared_blobs import LIMIT
from wf_jupyter.executors.wire.outcome_mapping import node_lost, timeout_failure, worker_lost
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
#: Seconds, beyond the grace, to wait for a worker that was asked to end an attempt.
SILENCE = 10.0

_log = logging.getLogger(__name__)


class ClusterAttempts:
    """The attempts on one cluster. Calls `on_ended` just before each final report, `on_lost` when the scheduler is."""

    def __init__(
        self,
        scheduler: SchedulerClient,
        report: ReportSink,
        on_ended: Callable[[ClusterJob], None],
        on_lost: Callable[[], None],
        *,
        grace: float,
        patience: float,
        requeue_after: float | None,
    ) -> None:
        self._scheduler = scheduler
        self._report = report
        self._on_ended = on_ended
        self._on_lost = on_lost
        self._grace = grace
        self._requeue_after = requeue_after
        self._requeue: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._placement = Placement()
        self._transfers = Transfers(scheduler, self._placement)
        self._backlog: deque[ClusterJob] = deque()
        self._jobs: dict[int, ClusterJob] = {}
        self._tokens = 0
        self._demand = Demand(
            scheduler, self._placement, patience, self.on_refused, self._release_places, lambda: report("", None)
        )
        self._rebalancing: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler can be reached."""
        return self._scheduler.is_alive and not self._is_closed

    def free(self, limit: int) -> Sequence[str]:
        """Workers, once per attempt they would take. One when there is none, for the attempt that reports it."""
        if self._demand.complaint:
            return [] if self._backlog else ["dask"]
        found = self._placement.free(len(self._backlog), limit)
        if len(found) < limit:
            self._demand.ask_for(limit - len(found), len(self._jobs) + len(self._backlog))
        return found

    def take(self, job: ClusterJob) -> None:
        """Run an attempt as soon as there is room."""
        if job.stopping is not None:
            self._finish(job, _stopped_report(job, 0.0))
        elif complaint := self._demand.complaint:
            self._loop.call_soon(self._finish, job, worker_lost(job.attempt, 0.0, complaint))
        else:
            self._backlog.append(job)
            self._dispatch()

    def stop(self, job: ClusterJob) -> None:
        """Interrupt an attempt, or keep it from beginning."""
        if job in self._backlog:
            self._backlog.remove(job)
            self._loop.call_soon(self._finish, job, _stopped_report(job, 0.0))
        elif job.host is not None:
            self._enqueue(job.host, Stop(job.token))
            self._arm(job, self._grace + SILENCE)

    async def close(self) -> list[ClusterJob]:
        """Report nothing more, and leave the cluster, which ends what runs there. Returns what had not begun."""
        self._is_closed = True
        self._demand.close()
        for timer in (self._rebalancing, self._requeue):
            if timer is not None:
                timer.cancel()
        left = [*(job for job in self._jobs.values() if job.began is None), *self._backlog]
        for job in self._jobs.values():
            job.disarm()
        await self._scheduler.close()
        return left

    # -- places -----------------------------------------------------------------------------------

    def on_refused(self, reason: str) -> None:
        if self._is_closed or self._placement.places:
            return
        self._demand.complain(reason)
        backlog, self._backlog = self._backlog, deque()
        for job in backlog:
            self._finish(job, worker_lost(job.attempt, 0.0, reason))
        self._report("", None)

    def _release_places(self, host: HostState, keys: tuple[str, ...]) -> None:
        self._enqueue(host, ReleasePlaces(keys))

    def _on_places(self, address: str, message: PlacesHeld) -> None:
        host = self._placement.by_address.get(address)
        if host is None:
            host = self._placement.by_address[address] = HostState(address)
        host.keys, host.is_silent = message.keys, False
        if not host.keys:
            return
        self._demand.satisfy()
        self._dispatch()
        self._report("", None)

    def on_workers_left(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            self._lose_worker(address, f"the Dask worker {address} was lost while it ran the task")

    def on_scheduler_lost(self) -> None:
        if self._is_closed:
            return
        for address in list(self._placement.by_address):
            self._lose_worker(address, "the connection to the Dask scheduler was lost")
        self._on_lost()

    def _lose_worker(self, address: str, reason: str) -> None:
        host = self._placement.forget(address)
        if host is None:
            return
        for job in [*host.asyncs.values(), *host.plain.values()]:
            # Whether it had begun is not known: what a worker says last may be lost with it. So each is an attempt.
            duration = 0.0 if job.began is None else self._loop.time() - job.began
            began = None if job.began is None else time.time() - duration
            if job.stopping == "cancel":
                self._finish(job, _stopped_report(job, duration, began))
            else:
                self._finish(job, node_lost(job.attempt, duration, reason, began))
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
            self._placement.careful_until = time.monotonic() + CAREFUL_SECONDS
        for job in waiting:
            self._finish(job, AttemptRequeued(task=job.attempt.task, attempt=job.attempt.number))

    def _place_waiting(self) -> None:
        while self._backlog and not self._is_closed:
            job = self._backlog[0]
            self._tokens += 1
            job.token = self._tokens
            host = self._placement.place(job)
            if host is None:
                return
            self._backlog.popleft()
            self._jobs[job.token] = job
            self._enqueue(host, self._placement.message(job))
            if host.idle < 0 and self._rebalancing is None:
                self._rebalancing = self._loop.call_later(STUCK_SECONDS, self._rebalance)

    def _enqueue(self, host: HostState, message: ToHost) -> None:
        host.outbox.append(message)
        if not host.is_sending:
            host.is_sending = True
            self._scheduler.run_in_background(self._flush(host))

    async def _flush(self, host: HostState) -> None:
        """Send what there is: together, and after the blobs that it refers to."""
        try:
            while host.outbox:
                batch, host.outbox = host.outbox, []
                missing = missing_blobs(host, batch, self._jobs)
                if missing:
                    only = sum(host.blobs.values()) > LIMIT
                    if only:
                        host.blobs.clear()
                        missing = missing_blobs(host, batch, self._jobs)
                    await self._scheduler.call(
                        host.address, worker_host.put_blobs, self._scheduler.topic, missing, only
                    )
                    host.blobs.update({name: len(data) for name, data in missing.items()})
                await self._scheduler.send(host.address, batch)
        except Exception as error:  # whatever Dask thinks up: every attempt is answered
            _log.info("the Dask worker %s could not be told what to do: %s", host.address, error)
            self._lose_worker(host.address, f"the Dask worker {host.address} was lost")
        finally:
            host.is_sending = False

    def _rebalance(self) -> None:
        """Call attempts back from behind those that take long, when others have room or all places are taken so."""
        self._rebalancing = None
        now, has_waiting = self._loop.time(), False
        for host in self._placement:
            if host.idle >= 0:
                continue
            has_waiting = True
            stuck = [job for job in host.plain.values() if job.began is not None and now - job.began > STUCK_SECONDS]
            waiting = tuple(token for token, job in host.plain.items() if job.began is None)
            host.is_stuck = len(stuck) >= len(host.keys)
            if waiting and (host.is_stuck or (stuck and any(other.idle > 0 for other in self._placement))):
                self._enqueue(host, Revoke(waiting))
        if has_waiting:
            self._rebalancing = self._loop.call_later(STUCK_SECONDS, self._rebalance)

    # -- messages of worker hosts ------------------------------------------------------------------

    def on_messages(self, address: str, messages: Sequence[FromHost]) -> None:
        for message in messages:
            if self._is_closed:
                return
            match message:
                case PlacesHeld():
                    self._on_places(address, message)
                case Began(token=token):
                    self._on_began(self._jobs.get(token))
                case Reported(token=token):
                    self._on_report(self._jobs.get(token), message)
                case Revoked(tokens=tokens):
                    for token in reversed(tokens):
                        if (job := self._jobs.get(token)) is not None:
                            self._requeue_revoked(job)
                    self._dispatch()
                case ValueNeeded(path=path):
                    self._scheduler.run_in_background(self._put(address, path))

    def _on_began(self, job: ClusterJob | None) -> None:
        if job is None:
            return
        job.began = self._loop.time()
        if job.attempt.timeout is not None and job.stopping is None:
            self._arm(job, job.attempt.timeout + self._grace + SILENCE)

    def _on_report(self, job: ClusterJob | None, message: Reported) -> None:
        if job is None:
            return
        if message.kind >= FINALS:
            self._report(job.attempt.execution, report_from(message.kind, message.report))
            return
        host = job.host
        began = time.time() - message.age
        report = report_from(message.kind, message.report) if message.report else None
        if report is None or not is_complete(job, report):
            self._scheduler.run_in_background(self._fetch(job, message, host, began))
            return
        self._conclude(job, report, began)

    def _conclude(self, job: ClusterJob, report: Any, began: float | None) -> None:
        if self._jobs.get(job.token) is not job:
            return
        report = msgspec.structs.replace(report, began=began)
        if job.host is not None:
            job.host.is_stuck = False
        if isinstance(report, AttemptSucceeded):
            self._placement.learn(job, report.duration)
        self._finish(job, report)
        self._dispatch()

    def _requeue_revoked(self, job: ClusterJob) -> None:
        self._remove(job)
        if job.stopping is not None:
            self._finish(job, _stopped_report(job, 0.0))
        else:
            self._backlog.appendleft(job)

    def _remove(self, job: ClusterJob) -> None:
        job.disarm()
        self._jobs.pop(job.token, None)
        if job.host is not None:
            job.host.jobs(job).pop(job.token, None)
            job.host = None

    def _finish(self, job: ClusterJob, report: Report) -> None:
        self._remove(job)
        if not self._is_closed:
            self._on_ended(job)
            self._report(job.attempt.execution, report)

    # -- what does not answer ---------------------------------------------------------------------

    def _arm(self, job: ClusterJob, delay: float) -> None:
        job.disarm()
        job.timer = self._loop.call_later(delay, self._abandon, job)

    def _abandon(self, job: ClusterJob) -> None:
        """End an attempt that its worker does not end: it may still run, and its place is not used any more."""
        host = job.host
        if host is None or self._is_closed:
            return
        host.is_silent = True
        reason = f"abandoned: the Dask worker {host.address} does not answer, and may still be running the task"
        attempt = job.attempt
        duration = 0.0 if job.began is None else self._loop.time() - job.began
        began = None if job.began is None else time.time() - duration
        printed = Printed(task=attempt.task, attempt=attempt.number, stream="stderr", text=f"wf_jupyter: {reason}\n")
        self._report(attempt.execution, printed)
        if job.stopping == "cancel":
            self._finish(job, _stopped_report(job, duration, began))
        else:
            report = timeout_failure(attempt, duration, began)
            failure = msgspec.structs.replace(report.failure, message=f"{report.failure.message}; {reason}")
            self._finish(job, msgspec.structs.replace(report, failure=failure))

    async def _fetch(self, job: ClusterJob, message: Reported, host: HostState | None, began: float | None) -> None:
        """End an attempt whose report has to be completed first."""
        if host is None:
            return
        try:
            report = await self._transfers.complete(job, message, host)
        except Exception as error:
            _log.info("a result on the Dask worker %s could not be fetched: %s", host.address, error)
            self._lose_worker(
                host.address, f"the Dask worker {host.address} was lost before its result could be fetched"
            )
            return
        self._conclude(job, report, began)

    async def _put(self, address: str, path: str) -> None:
        local = await self._transfers.put(address, path)
        host = self._placement.by_address.get(address)
        if host is not None:
            self._enqueue(host, ValueAvailable(path, local))


def _stopped_report(job: ClusterJob, duration: float, began: float | None = None) -> AttemptStopped:
    return AttemptStopped(task=job.attempt.task, attempt=job.attempt.number, duration=duration, began=began)
