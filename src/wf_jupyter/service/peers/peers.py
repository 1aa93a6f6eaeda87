"""Other orchestrators on the same data directory: what they do is told here, what they leave is taken over.

They tell each other which executions do not move, and why. Alone, a look costs a few system calls and no query.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping

from wf_jupyter.errors import ExecutionNotFound
from wf_jupyter.model.snapshot import Parked, Summary
from wf_jupyter.ports import Store
from wf_jupyter.service.subscriptions.broker import EVERYTHING, Broker
from wf_jupyter.service.subscriptions.log_follower import LogFollower

#: Seconds between two looks at what peers do while somebody follows that.
READING = 0.5
#: Finished executions of peers that are looked at again.
KNOWN = 200

_log = logging.getLogger(__name__)


class Peers:
    """Looks around every `interval` seconds. `recover` takes over what belongs to nobody, `ours` is what to tell."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        log_follower: LogFollower,
        recover: Callable[[], Awaitable[object]],
        ours: Callable[[], Mapping[str, Parked]],
        interval: float,
    ) -> None:
        self._store = store
        self._broker = broker
        self._log_follower = log_follower
        self._recover = recover
        self._ours = ours
        self._published: Mapping[str, Parked] = {}
        self._theirs: Mapping[str, Parked] = {}
        self._interval = interval
        self._news = _News(store, broker)
        self._has_any = False
        self._is_due = False
        self._trouble = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look around from now on."""
        await self._news.read(is_first=True)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="peers")

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def find_parked(self, execution: str) -> Parked | None:
        """Reason why an execution that a peer runs does not move, as of the last look."""
        return self._theirs.get(execution)

    async def look(self) -> None:
        """Tell what peers did; when one came or went, take over what belongs to nobody."""
        self._tell()
        seen = self._store.peers()
        before, self._theirs = self._theirs, seen.parked
        for execution in {*before, *self._theirs}:
            if before.get(execution) != self._theirs.get(execution):
                self._broker.lag(execution)
        if seen.living or seen.are_changed or self._has_any:
            await self._read()
        self._has_any = bool(seen.living)
        self._is_due |= seen.are_changed
        if self._is_due:
            await self._recover()
            self._is_due = False

    def _tell(self) -> None:
        ours = self._ours()
        if ours != self._published:
            # What cannot be told now is told with a later look.
            with contextlib.suppress(OSError):
                self._store.tell_parked(ours)
                self._published = ours

    async def _read(self) -> None:
        await self._news.read()
        await self._log_follower.read()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                if loop.time() >= due:
                    due = loop.time() + self._interval
                    await self.look()
                elif (self._has_any and self._broker.is_watched(EVERYTHING)) or self._log_follower.are_going_on:
                    await self._read()
                self._trouble = ""
            except Exception as error:
                # Said once, not with every look: a data directory may be gone for good.
                if str(error) != self._trouble:
                    _log.warning("other orchestrators on this data directory cannot be seen: %s", error)
                self._trouble = str(error)
            await asyncio.sleep(min(READING, self._interval))


class _News:
    """The workflow-level events of peers' executions, for those who follow all of them."""

    def __init__(self, store: Store, broker: Broker) -> None:
        self._store = store
        self._broker = broker
        self._announced: dict[str, int] = {}
        self._newest = 0

    async def read(self, *, is_first: bool = False) -> None:
        """Tell what happened since the last time."""
        announced = self._announced
        summaries, self._newest = await self._store.elsewhere(self._newest, announced)
        finished = [summary for summary in summaries if summary.status.is_final]
        # Of the finished ones the latest stay known: they are those that somebody retries.
        forgotten = {summary.id for summary in finished[KNOWN:]}
        self._announced = {summary.id: summary.seq for summary in summaries if summary.id not in forgotten}
        if is_first or not self._broker.is_watched(EVERYTHING):
            return
        for summary in summaries:
            if summary.seq > announced.get(summary.id, 0):
                await self._tell(summary, announced.get(summary.id, 0))

    async def _tell(self, summary: Summary, after: int) -> None:
        try:
            events = await self._store.events(summary.id, after, summary.seq - after)
        except ExecutionNotFound:
            return
        self._broker.tell_all(summary.id, events)
