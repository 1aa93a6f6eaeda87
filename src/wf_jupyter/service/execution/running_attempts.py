"""The attempts of one execution that are with an executor: planned, handed over, stopped, ended."""

from __future__ import annotations

import logging
from collections.abc import Callable

from wf_jupyter.engine.plan import count_wanted, executors, has_ready, plan
from wf_jupyter.engine.state import ExecutionState
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.stimuli import AttemptStarted, Printed
from wf_jupyter.ports import Store
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.execution.inputs import InputReader, Values
from wf_jupyter.service.execution.reservation import Capacity, HandedOver, Reservation
from wf_jupyter.service.execution.resources import Resources
from wf_jupyter.service.execution.slots import SlotPool
from wf_jupyter.service.queries.logs import Logs

#: Attempts started per turn: bounds the memory of one transaction, not the parallelism.
STARTS_PER_TURN = 64

_log = logging.getLogger(__name__)


class RunningAttempts:
    """Plans attempts of one execution, hands them to the executor, and stops them.

    `on_capacity` is called when there may be room for more. `handed_over` returns the capacity of an
    attempt when it is reported to have ended, whether or not this execution still goes on.
    """

    def __init__(
        self,
        state: ExecutionState,
        blobs: dict[Digest, bytes],
        values: Values,
        *,
        store: Store,
        pools: Callable[[str | None], SlotPool],
        resources: Resources,
        handed_over: HandedOver,
        config: RuntimeConfig,
        on_capacity: Callable[[], None],
    ) -> None:
        self._state = state
        self._values = values
        self._reader = InputReader(state, values, blobs)
        self._store = store
        self._pools = pools
        #: Those that were asked, to be left in the end.
        self._used: dict[str | None, SlotPool] = {}
        self._resources = resources
        self._handed_over = handed_over
        self._config = config
        self._on_capacity = on_capacity
        self._directory = ""
        self.logs = Logs(lambda: store.logs(state.id))
        #: What runs, and in which pool.
        self._attempts: dict[tuple[str, int], SlotPool] = {}
        self._stopping: set[tuple[str, int]] = set()

    def reserve(self) -> Reservation:
        """Plan what starts now, its slots and resources taken."""
        holder, state = self._state.id, self._state
        free = self._resources.amounts_left(name for lane in state.lanes for name in lane.resources)
        reserved: list[tuple[AttemptStarted, Capacity]] = []
        # Also those that nothing is wanted of any more: they are told so.
        for executor in dict.fromkeys((*executors(state), *self._used)):
            pool, planned = self._pool(executor), len(reserved)
            slots = pool.take(holder, self._on_capacity, count_wanted(state, STARTS_PER_TURN, free, executor, planned))
            starts = plan(state, slots, free, executor, planned)
            for unused in slots[len(starts) :]:
                pool.give_back(holder, unused)
            reserved += [(start, self._capacity(start, pool)) for start in starts]
        return Reservation(reserved)

    def wait_for_room(self) -> None:
        """Be called when anything ends, if something is ready that did not fit."""
        if has_ready(self._state):
            for executor in executors(self._state):
                self._pool(executor).wait(self._state.id, self._on_capacity)

    def missing(self, reservation: Reservation) -> set[tuple[str, str]]:
        """Values that the planned attempts need and that must be read from the store, as (task, part)."""
        tasks = [self._state.running[start.task] for start in reservation.starts]
        return {place for task in tasks for place in self._reader.missing(task)}

    async def fetch(self, missing: set[tuple[str, str]]) -> None:
        """Read values from the store."""
        for (key, _), value in (await self._store.values(self._state.id, missing)).items():
            self._values.add(key, value)

    def make_directory(self) -> None:
        """Where workers write large values: exists before the first attempt starts; may raise OSError."""
        if not self._directory:
            self._directory = str(self._store.directory(self._state.id))

    def launch(self, reservation: Reservation) -> None:
        """Hand the planned attempts to the executor. Their starts are durable and applied."""
        for start in reservation.starts:
            task = self._state.running[start.task]
            attempt = self._reader.attempt(task, start.attempt, self._config, self._directory)
            key = (self._state.id, start.task, start.attempt)
            capacity = reservation.take(start)
            self._attempts[start.task, start.attempt] = capacity.pool
            self._handed_over.add(key, capacity)
            try:
                capacity.pool.executor.start(attempt, start.worker)
            except BaseException:
                self._handed_over.on_ended(key)
                raise

    def keep_printed(self, report: Printed) -> Printed | None:
        """Keep what a running attempt printed; returns what of it becomes an event."""
        return self.logs.take(report) if (report.task, report.attempt) in self._attempts else None

    def on_ended(self, task: str, number: int) -> None:
        """Forget an attempt that ended: nothing of it is left to be stopped or printed."""
        attempt = (task, number)
        self._attempts.pop(attempt, None)
        self._stopping.discard(attempt)
        self.logs.end(*attempt)

    def stop(self, task: str, number: int) -> None:
        """Ask the executor, once, to stop an attempt."""
        attempt = (task, number)
        if attempt in self._attempts and attempt not in self._stopping:
            self._attempts[attempt].executor.stop(self._state.id, task, number)
            self._stopping.add(attempt)

    def stop_all(self) -> None:
        """Ask the executor to stop everything; one that cannot be asked does not keep the others."""
        for task, number in list(self._attempts):
            try:
                self.stop(task, number)
            except Exception:
                _log.exception("attempt %d of %s cannot be stopped", number, task)

    def close(self) -> None:
        """Nothing more is wanted of the attempts: keep no logs, and ask for no more room."""
        self._attempts.clear()
        self.logs.close()
        for pool in self._used.values():
            pool.leave(self._state.id)

    def _pool(self, executor: str | None) -> SlotPool:
        pool = self._used.get(executor)
        if pool is None:
            pool = self._used[executor] = self._pools(executor)
        return pool

    def _capacity(self, start: AttemptStarted, pool: SlotPool) -> Capacity:
        task = self._state.task(start.task)
        amounts = {} if task is None else dict(task.node.options.resources)
        return Capacity(self._state.id, start.worker, pool, self._resources, amounts)
