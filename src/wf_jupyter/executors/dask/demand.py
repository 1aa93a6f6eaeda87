"""How many places are asked for on a cluster, when they are given back, and what is said when none comes.

An attempt is handed over when there is a place for it. So what is asked for is what is missing, and what
nobody has asked for in a while goes back: others use the cluster, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wf_jupyter.executors.dask.placement import Post, Posts
from wf_jupyter.executors.dask.scheduler_client import Link

#: Places that nobody wants for so long go back to the cluster.
REST_SECONDS = 2.0
#: For how long it is believed that there is no place to be had: what waits for one learns of it together.
COMPLAINT_SECONDS = 3.0


class Demand:
    """The places of one cluster.

    `refused` is called with the reason when none came within `patience` seconds, `rise` gives places of a station
    back, `poke` lets everybody who waits ask again.
    """

    def __init__(
        self,
        link: Link,
        posts: Posts,
        patience: float,
        refused: Callable[[str], None],
        rise: Callable[[Post, tuple[str, ...]], None],
        poke: Callable[[], None],
    ) -> None:
        self._link = link
        self._posts = posts
        self._patience = patience
        self._refused = refused
        self._rise = rise
        self._poke = poke
        self._loop = asyncio.get_running_loop()
        #: When more places were wanted than there are.
        self._wanted = self._loop.time()
        self._until, self._complaint = 0.0, ""
        self._impatience: asyncio.TimerHandle | None = None
        self._rest = self._loop.call_later(REST_SECONDS, self._look_for_rest)

    @property
    def complaint(self) -> str:
        """Why there is no place to be had; empty when nothing is known against it."""
        return self._complaint if not self._posts.seats and self._loop.time() < self._until else ""

    def ask_for(self, more: int, busy: int) -> None:
        """Ask for as many places as are missing: no more than twice the threads that are there, so that a cluster
        that grows with its load does so, and one that does not has few tasks that wait for ever."""
        self._wanted = self._loop.time()
        threads = sum(self._link.threads.values())
        most = threads if self._link.cluster is not None else max(2 * threads, threads + 1)
        self._link.ask_for(max(0, min(busy + more, most) - self._link.seats))
        self._be_impatient()

    def satisfy(self) -> None:
        """There is a place."""
        self._until = 0.0
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def complain(self, told: str) -> None:
        """Believe for a while that there is no place to be had."""
        self._until, self._complaint = self._loop.time() + COMPLAINT_SECONDS, told

    def close(self) -> None:
        """Ask for nothing more."""
        self._rest.cancel()
        if self._impatience is not None:
            self._impatience.cancel()

    def _be_impatient(self) -> None:
        if not self._posts.seats and self._impatience is None:
            self._impatience = self._loop.call_later(self._patience, self._lose_patience)

    def _lose_patience(self) -> None:
        self._impatience = None
        if not self._posts.seats:
            there_are = sum(self._link.threads.values())
            why = "has had no workers" if not there_are else "gave no place on its workers"
            self._refused(f"the Dask scheduler {why} for {self._patience:g} s")

    def _look_for_rest(self) -> None:
        """Give places back that nobody needs."""
        self._rest = self._loop.call_later(REST_SECONDS, self._look_for_rest)
        seated = {key for post in self._posts for key in post.keys}
        waiting = self._link.waiting(seated)
        if waiting:
            self._be_impatient()
        if self._loop.time() - self._wanted < 1.5 * REST_SECONDS:
            if waiting:
                self._poke()  # whoever still wants them asks again
            return
        self._link.give_up(waiting)
        if self._link.cluster is not None:
            return  # nobody else has a use for it
        for post in self._posts:
            busy = len(post.plain) + bool(post.asyncs)
            if len(post.keys) > busy:
                post.keys, given_up = post.keys[:busy], post.keys[busy:]
                self._rise(post, given_up)
