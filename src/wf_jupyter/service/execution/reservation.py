"""Slots and resources of attempts: reserved when they are planned, held until the executor has reported their end.

Between planning and hand-over lies a commit, and anything may fail there. So a reservation is a context
manager: what was not handed over when it is left, goes back. What was handed over outlives the driver:
an attempt of an execution that is parked or gone still keeps its worker busy until it has stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType

from wf_jupyter.model.stimuli import AttemptStarted
from wf_jupyter.service.execution.resources import Resources
from wf_jupyter.service.execution.slots import SlotPool

#: Execution, task and number of an attempt.
AttemptKey = tuple[str, str, int]


class Capacity:
    """Capacity for one attempt: a slot of a pool, and amounts of resources. Returned once."""

    __slots__ = ("_amounts", "_holder", "_is_reserved", "_resources", "_worker", "pool")

    def __init__(
        self, holder: str, worker: str, pool: SlotPool, resources: Resources, amounts: Mapping[str, float]
    ) -> None:
        self._holder: str | None = holder
        self._worker = worker
        self.pool = pool
        self._resources = resources
        self._amounts = amounts
        self._is_reserved = True
        resources.take(amounts)

    def hand_over(self) -> None:
        """From here on the executor itself knows that the slot is taken."""
        self._is_reserved = False
        self.pool.on_started(self._worker)

    def give_back(self) -> None:
        """Return slot and resources. Idempotent."""
        holder, self._holder = self._holder, None
        if holder is None:
            return
        self._resources.give_back(self._amounts)
        if self._is_reserved:
            self.pool.give_back(holder, self._worker)
        else:
            self.pool.on_ended(holder)


class HandedOver:
    """The capacity of every attempt that is with an executor, for all executions together."""

    def __init__(self) -> None:
        self._held: dict[AttemptKey, Capacity] = {}

    def __len__(self) -> int:
        return len(self._held)

    def add(self, attempt: AttemptKey, capacity: Capacity) -> None:
        """The attempt goes to its executor now."""
        capacity.hand_over()
        self._held[attempt] = capacity

    def on_ended(self, attempt: AttemptKey) -> None:
        """Return the capacity of an attempt that ended, or never began; unknown ones are ignored."""
        capacity = self._held.pop(attempt, None)
        if capacity is not None:
            capacity.give_back()


class Reservation:
    """Planned attempts with their capacity; leaving the context returns that of those not handed over."""

    def __init__(self, planned: Iterable[tuple[AttemptStarted, Capacity]] = ()) -> None:
        self._planned = {(start.task, start.attempt): (start, capacity) for start, capacity in planned}
        #: What starts.
        self.starts = tuple(start for start, _ in self._planned.values())

    def take(self, start: AttemptStarted) -> Capacity:
        """The capacity of one attempt, which is the caller's from now on."""
        return self._planned.pop((start.task, start.attempt))[1]

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._planned:
            self._planned.popitem()[1][1].give_back()
