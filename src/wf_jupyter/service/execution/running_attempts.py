"""The attempts of one execution that are with an executor: planned, handed over, stopped, ended.

Slots and resources are taken when an attempt is planned and returned when it has ended, so that what
lies between, the commit of its `task.started`, cannot lose any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wf_jupyter.engine.plan import has_ready, plan, wanted
from wf_jupyter.engine.state import ExecutionState
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.stimuli import AttemptStarted, Printed
from wf_jupyter.ports import Store
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.execution.inputs import InputReader, Values
from wf_jupyter.service.execution.resources import Resources
from wf_jupyter.service.execution.slots import SlotPool
from wf_jupyter.service.logs import Logs

#: Attempts started per turn: bounds the memory of one transaction, not the parallelism.
STARTS_PER_TURN = 64


class RunningAttempts:
    """Tracks the attempts of one execution that were handed to an executor, with their slots and resources.

    `poke` is called when there may be room for more.
    """

    def __init__(
        self,
        state: ExecutionState,
        blobs: dict[Digest, bytes],
        values: Values,
        *,
        store: Store,
        pool: SlotPool,
        resources: Resources,
        config: RuntimeConfig,
        poke: Callable[[], None],
    ) -> None:
        self._state = state
        self._values = values
        self._reader = InputReader(state, values, blobs)
        self._store = store
        self._pool = pool
        self._resources = resources
        self._config = config
        self._poke = poke
        self._directory = ""
        self.logs = Logs(lambda: store.logs(state.id))
        self._attempts: set[tuple[str, int]] = set()
        self._stopping: set[tuple[str, int]] = set()

    def plan(self) -> tuple[AttemptStarted, ...]:
        """What starts now, its slots and resources taken: `launch` or `abandon` all of it."""
        free = self._resources.free
        slots = self._pool.take(self, self._poke, wanted(self._state, STARTS_PER_TURN, free))
        starts = plan(self._state, slots, free)
        for unused in slots[len(starts) :]:
            self._pool.give_back(self, unused)
        for start in starts:
            self._resources.take(self._amounts(start.task))
        return starts

    def wait_for_room(self) -> None:
        """Be poked when anything ends, if something is ready that did not fit."""
        if has_ready(self._state):
            self._pool.wait(self, self._poke)

    def abandon(self, starts: Sequence[AttemptStarted]) -> None:
        """Their start could not be made durable: they do not happen."""
        for start in starts:
            self._pool.give_back(self, start.worker)
            self._resources.give_back(self._amounts(start.task))

    async def launch(self, starts: Sequence[AttemptStarted]) -> None:
        """Hand attempts to the executor. Their starts are durable and applied."""
        if not starts:
            return
        tasks = [(start, self._state.running[start.task]) for start in starts]
        missing = {place for _, task in tasks for place in self._reader.missing(task)}
        if missing:
            for (key, _), value in (await self._store.values(self._state.id, missing)).items():
                self._values.add(key, value)
        if not self._directory:
            self._directory = str(self._store.directory(self._state.id))
        for start, task in tasks:
            self._pool.started(start.worker)
            self._attempts.add((start.task, start.attempt))
            attempt = self._reader.attempt(task, start.attempt, self._config, self._directory)
            self._pool.executor.start(attempt, start.worker)

    def printed(self, report: Printed) -> Printed | None:
        """Keep what a running attempt printed; returns what of it becomes an event."""
        return self.logs.take(report) if (report.task, report.attempt) in self._attempts else None

    def landed(self, task: str, number: int) -> None:
        """An attempt ended: its slot and resources are free."""
        attempt = (task, number)
        if attempt in self._attempts:
            self._attempts.discard(attempt)
            self._stopping.discard(attempt)
            self.logs.end(*attempt)
            self._resources.give_back(self._amounts(task))
            self._pool.ended(self)

    def stop(self, task: str, number: int) -> None:
        """Ask the executor, once, to stop an attempt."""
        attempt = (task, number)
        if attempt in self._attempts and attempt not in self._stopping:
            self._stopping.add(attempt)
            self._pool.executor.stop(self._state.id, task, number)

    def stop_all(self) -> None:
        """Ask the executor to stop everything."""
        for task, number in list(self._attempts):
            self.stop(task, number)

    def release(self) -> None:
        """Nothing more will be reported: return all that is still held."""
        for task, _ in self._attempts:
            self._resources.give_back(self._amounts(task))
        self._attempts.clear()
        self.logs.close()
        self._pool.leave(self)

    def _amounts(self, key: str) -> dict[str, float]:
        task = self._state.task(key)
        return {} if task is None else dict(task.node.options.resources)
