"""The demand for places on a cluster: how many are asked for, when they go back, and the complaint when none comes.

An attempt is handed over when there is a place for it. So what is asked for is what is missing, and what
nobody has asked for in a while goes back: others use the cluster, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wf_jupyter.executors.dask.placement import HostState, Placement
from wf_jupyter.executors.dask.scheduler_client import SchedulerClient

#: Places that nobody wants for so long go back to the cluster.
IDLE_PLACE_SECONDS = 2.0
#: For how long it is believed that there is no place to be had: what waits for one learns of it together.
COMPLAINT_SECONDS = 3.0


class Demand:
    """The places of one cluster.

    `on_unavailable` is called with the reason when none came within `patience` seconds, `release` gives places of a
    worker host back, `on_capacity` lets everybody who waits ask again.
    """

    def __init__(
        self,
        scheduler: SchedulerClient,
        placement: Placement,
        patience: float,
        on_unavailable: Callable[[str], None],
        release: Callable[[HostState, tuple[str, ...]], None],
        on_capacity: Callable[[], None],
    ) -> None:
        self._scheduler = scheduler
        self._placement = placement
        self._patience = patience
        self._on_unavailable = on_unavailable
        self._release = release
        self._on_capacity = on_capacity
        self._loop = asyncio.get_running_loop()
        #: When more places were wanted than there are.
        self._wanted = self._loop.time()
        self._until, self._complaint = 0.0, ""
        self._impatience: asyncio.TimerHandle | None = None
        self._idle_check = self._loop.call_later(IDLE_PLACE_SECONDS, self._release_idle)

    @property
    def complaint(self) -> str:
        """Reason why there is no place to be had; empty when nothing is known against it."""
        return self._complaint if not self._placement.places and self._loop.time() < self._until else ""

    def ask_for(self, more: int, busy: int) -> None:
        """Ask for as many places as are missing: no more than twice the threads that are there, so that a cluster
        that grows with its load does so, and one that does not has few tasks that wait for ever."""
        self._wanted = self._loop.time()
        threads = sum(self._scheduler.threads.values())
        most = threads if self._scheduler.cluster is not None else max(2 * threads, threads + 1)
        self._scheduler.ask_for(max(0, min(busy + more, most) - self._scheduler.places))
        self._be_impatient()

    def satisfy(self) -> None:
        """Withdraw the complaint: there is a place."""
        self._until = 0.0
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def complain(self, reason: str) -> None:
        """Believe for a while that there is no place to be had."""
        self._until, self._complaint = self._loop.time() + COMPLAINT_SECONDS, reason

    def close(self) -> None:
        """Ask for nothing more."""
        self._idle_check.cancel()
        if self._impatience is not None:
            self._impatience.cancel()

    def _be_impatient(self) -> None:
        if not self._placement.places and self._impatience is None:
            self._impatience = self._loop.call_later(self._patience, self._lose_patience)

    def _lose_patience(self) -> None:
        self._impatience = None
        if not self._placement.places:
            there_are = sum(self._scheduler.threads.values())
            why = "has had no workers" if not there_are else "gave no place on its workers"
            self._on_unavailable(f"the Dask scheduler {why} for {self._patience:g} s")

    def _release_idle(self) -> None:
        """Give places back that nobody needs."""
        self._idle_check = self._loop.call_later(IDLE_PLACE_SECONDS, self._release_idle)
        held = {key for host in self._placement for key in host.keys}
        waiting = self._scheduler.unassigned(held)
        if waiting:
            self._be_impatient()
        if self._loop.time() - self._wanted < 1.5 * IDLE_PLACE_SECONDS:
            if waiting:
                self._on_capacity()  # whoever still wants them asks again
            return
        self._scheduler.give_up(waiting)
        if self._scheduler.cluster is not None:
            return  # nobody else has a use for it
        for host in self._placement:
            busy = len(host.plain) + bool(host.asyncs)
            if len(host.keys) > busy:
                host.keys, given_up = host.keys[:busy], host.keys[busy:]
                self._release(host, given_up)
