"""Executions that are followed here and not run here: their logs may be continued by another orchestrator.

Subscribers are told what that orchestrator committed, a moment later. Without this they would believe
that nothing happens.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from wf_jupyter.engine.fold import Picture
from wf_jupyter.errors import ExecutionNotFound, StoreError
from wf_jupyter.ports import Store
from wf_jupyter.service.queries.execution_reader import copy_snapshot
from wf_jupyter.service.subscriptions.broker import Broker

_log = logging.getLogger(__name__)


class LogFollower:
    """Follows logs written by other orchestrators, and forwards their new events to local subscribers.

    Of an execution that can go on this is a picture, folded event by event like that of a driver; of a
    finished one, which only a retry continues, it is a number. `load` reads a picture from the log.
    """

    def __init__(self, store: Store, broker: Broker, load: Callable[[str], Awaitable[Picture]]) -> None:
        self._store = store
        self._broker = broker
        self._load = load
        self._pictures: dict[str, Picture] = {}
        self._finished: dict[str, int] = {}

    @property
    def are_going_on(self) -> bool:
        """Whether any is followed that is not finished."""
        return bool(self._pictures)

    def picture(self, execution: str) -> Picture | None:
        """The picture that subscribers have; None unless somebody follows it here and it can go on elsewhere."""
        return self._pictures.get(execution)

    def follow(self, execution: str, picture: Picture) -> None:
        """Subscribers were told everything up to `picture`, and want what comes after it."""
        if execution in self._pictures:
            return
        seq = picture.snapshot.seq
        reported = self._finished.pop(execution, seq)
        if picture.snapshot.status.is_final:
            self._finished[execution] = seq
        else:
            self._pictures[execution] = Picture(copy_snapshot(picture), picture.epochs)
        if reported != seq:
            # A retry elsewhere that those who were here before have not heard of: all start over.
            self._broker.lag(execution)

    def end(self, execution: str, seq: int | None = None) -> None:
        """Stop following: the execution now runs here from `seq`, or was deleted."""
        picture = self._pictures.pop(execution, None)
        reported = self._finished.pop(execution, None) if picture is None else picture.snapshot.seq
        if seq is not None and reported is not None and reported != seq:
            # They were not told everything that the driver goes on from.
            self._broker.lag(execution)

    async def catch_up(self, execution: str) -> None:
        """Tell subscribers what is in the log by now."""
        picture = self._pictures.get(execution)
        if picture is None:
            return
        events = await self._store.events(execution, picture.snapshot.seq)
        if self._pictures.get(execution) is not picture:
            return
        # Somebody else may have read the same meanwhile.
        fresh = [event for event in events if event.seq > picture.snapshot.seq]
        for event in fresh:
            picture.fold(event)
        if fresh:
            self._broker.tell(execution, fresh)
        if picture.snapshot.status.is_final:
            del self._pictures[execution]
            self._finished[execution] = picture.snapshot.seq

    async def read(self) -> None:
        """One look at all of them; those that nobody follows any more are let go."""
        for followed in (self._pictures, self._finished):
            for execution in [execution for execution in followed if not self._broker.is_watched(execution)]:
                del followed[execution]
        wanted = [*self._pictures, *self._finished]
        if not wanted:
            return
        positions = await self._store.positions(wanted)
        for execution in wanted:
            try:
                await self._look(execution, positions.get(execution))
            except ExecutionNotFound:
                self.end(execution)
            except StoreError as error:
                _log.warning("the log of execution %s cannot be followed: %s", execution, error)

    async def _look(self, execution: str, seq: int | None) -> None:
        if seq is None:
            self.end(execution)
        elif execution in self._pictures:
            if seq > self._pictures[execution].snapshot.seq:
                await self.catch_up(execution)
        elif self._finished.get(execution, seq) < seq:
            picture = await self._load(execution)
            if execution in self._finished:
                self.follow(execution, picture)
