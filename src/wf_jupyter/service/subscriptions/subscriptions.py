"""Following executions: snapshots, gaps, and what comes after them, without a hole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from wf_jupyter.engine.fold import Picture
from wf_jupyter.model.events import Event
from wf_jupyter.model.snapshot import Snapshot, is_at_rest
from wf_jupyter.ports import Store
from wf_jupyter.protocol.pages import EventPage, Standing, standing
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.queries.execution_reader import copy_snapshot
from wf_jupyter.service.subscriptions.broker import EVERYTHING, Broker, Recent
from wf_jupyter.service.subscriptions.log_follower import LogFollower
from wf_jupyter.service.subscriptions.mailbox import Bell, Events, Mailbox


class Subscribed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a subscription: events after `seq` follow in the mailbox.

    `recovered` says that they continue exactly where the subscriber was; otherwise `snapshot` is the
    state at `seq` (None for `"*"`), or `json` is the same encoded, when that was asked for.
    """

    execution_id: str
    epoch: str
    seq: int
    recovered: bool
    snapshot: Snapshot | None = None
    json: bytes | None = None


class Subscriptions:
    """Subscriptions and long polls.

    `picture` gives the present picture of an execution, `is_run_here` says whether it has a driver.
    """

    def __init__(
        self,
        store: Store,
        broker: Broker,
        log_follower: LogFollower,
        config: RuntimeConfig,
        picture: Callable[[str], Awaitable[Picture]],
        is_run_here: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._broker = broker
        self._log_follower = log_follower
        self._config = config
        self._picture = picture
        self._is_run_here = is_run_here

    async def subscribe(
        self,
        execution: str,
        mailbox: Mailbox,
        after: int | None = None,
        epoch: str | None = None,
        *,
        encoded: bool = False,
    ) -> Subscribed:
        """Follow an execution, or the workflow-level events of all (`"*"`).

        Going live is atomic with the answer: the mailbox gets every event after `seq`, in order and
        without a hole, first those that are on disk already. With `encoded` a snapshot comes as `json`,
        shared with others.
        """
        if execution == EVERYTHING:
            self._broker.add(EVERYTHING, mailbox)
            return Subscribed(execution_id=EVERYTHING, epoch=self._store.epoch, seq=0, recovered=False)
        picture = await self._picture(execution)
        largest_gap = min(self._config.gap_limit, mailbox.limit)
        is_known = after is not None and epoch is not None and picture.holds(epoch, after)
        # That it is parked stands in no event.
        is_known = is_known and picture.snapshot.parked is None
        if after is not None and is_known and picture.snapshot.seq - after <= largest_gap:
            at = picture.epoch_at(after)
            gap: list[Event] = []
            while picture.snapshot.seq > (last := gap[-1].seq if gap else after):
                gap += await self._store.events(execution, last, picture.snapshot.seq - last)
                picture = await self._newer(execution, picture)
            mailbox.forget(execution)
            if gap:
                mailbox.put(Events(execution, tuple(gap)))
            self._go_live(execution, mailbox, picture)
            return Subscribed(execution_id=execution, epoch=at, seq=after, recovered=True)
        if encoded:
            recent = self._broker.begin(execution, picture, mailbox)
            self._go_live(execution, mailbox, picture)
            return Subscribed(
                execution_id=execution, epoch=recent.epoch, seq=recent.seq, recovered=False, json=recent.json
            )
        mailbox.forget(execution)
        self._go_live(execution, mailbox, picture)
        snapshot = copy_snapshot(picture)
        return Subscribed(
            execution_id=execution, epoch=snapshot.epoch, seq=snapshot.seq, recovered=False, snapshot=snapshot
        )

    def _go_live(self, execution: str, mailbox: Mailbox | Bell, picture: Picture) -> None:
        self._broker.add(execution, mailbox)
        if not self._is_run_here(execution):
            self._log_follower.follow(execution, picture)

    async def _newer(self, execution: str, picture: Picture) -> Picture:
        """The picture that subscribers were told up to by now."""
        if self._is_run_here(execution) or picture.snapshot.status.is_final:
            return await self._picture(execution)
        # What runs elsewhere may move on faster than its log can be read as a whole.
        return self._log_follower.picture(execution) or picture

    def unsubscribe(self, execution: str, mailbox: Mailbox) -> None:
        """Follow it no longer; unknown subscriptions are fine."""
        self._broker.remove(execution, mailbox)
        mailbox.forget(execution)

    async def resync(self, execution: str, mailbox: Mailbox) -> Snapshot:
        """A snapshot for a subscriber that lagged; its mailbox goes on right after it."""
        picture = await self._picture(execution)
        mailbox.forget(execution)
        if self._broker.has(execution, mailbox):
            self._go_live(execution, mailbox, picture)
        return copy_snapshot(picture)

    async def resync_encoded(self, execution: str, mailbox: Mailbox) -> Recent | None:
        """Resync as encoded JSON, shared with others; None when it does not follow the execution any more."""
        picture = await self._picture(execution)
        if not self._broker.has(execution, mailbox):
            return None
        self._go_live(execution, mailbox, picture)
        return self._broker.begin(execution, picture, mailbox)

    async def page(self, execution: str, after: int = 0, limit: int | None = None, wait: float = 0.0) -> EventPage:
        """`events` with the epoch at `after`: when it is not the caller's, they continue another history.

        It is empty, and no event follows, when the log does not reach up to `after`.
        """
        at = (await self._picture(execution)).epoch_at(after)
        events = await self.events(execution, after, limit, wait) if at else []
        return EventPage(execution_id=execution, epoch=at, seq=events[-1].seq if events else after, events=events)

    async def events(self, execution: str, after: int = 0, limit: int | None = None, wait: float = 0.0) -> list[Event]:
        """Events with `seq > after`; waits up to `wait` seconds for one when there is none and one may still come."""
        found = await self._store.events(execution, after, limit)
        if found:
            return found
        picture = await self._picture(execution)  # ExecutionNotFound for an unknown id
        if wait <= 0 or picture.snapshot.status.is_final:
            return found
        arrived = asyncio.Event()
        mailbox = Mailbox(arrived.set, limit=1)
        self._go_live(execution, mailbox, picture)
        try:
            found = await self._store.events(execution, after, limit)
            if not found:
                async with asyncio.timeout(wait):
                    await arrived.wait()
        except TimeoutError:
            return []
        finally:
            self._broker.remove(execution, mailbox)
        return found or await self._store.events(execution, after, limit)

    async def ending(self, execution: str, wait: float = 0.0) -> Standing:
        """Where an execution stands as soon as it is at rest, or after `wait` seconds in any case.

        Nothing that happens on the way is told or kept.
        """
        picture = await self._picture(execution)
        if wait <= 0 or is_at_rest(picture.snapshot):
            return standing(picture.snapshot)
        rung = asyncio.Event()
        bell = Bell(rung.set)
        self._go_live(execution, bell, picture)
        try:
            async with asyncio.timeout(wait):
                while not is_at_rest(picture.snapshot):
                    await rung.wait()
                    rung.clear()
                    # A driver's picture has gone on meanwhile; any other is a new one.
                    if not is_at_rest(picture.snapshot):
                        picture = await self._picture(execution)
        except TimeoutError:
            picture = await self._picture(execution)
        finally:
            self._broker.remove(execution, bell)
        return standing(picture.snapshot)
