"""Executions read back from the log: as a picture for people, or as a state that can go on."""

from __future__ import annotations

import asyncio
import copy
from collections import OrderedDict
from datetime import datetime
from typing import NamedTuple

from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.engine.lineage import lineage
from wf_jupyter.engine.state import ExecutionState, Group, Subgraph, Task, Unit, new_state
from wf_jupyter.engine.step import rebuild, settle_all
from wf_jupyter.errors import ExecutionNotFound, InputError, StateConflict, Unreadable, WorkflowError
from wf_jupyter.model.events import Event, TaskCompleted
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.ports import ExecutionResult, Input, Record, Store, TaskFailure
from wf_jupyter.service.execution.inputs import ITEMS, InputReader, Values
from wf_jupyter.service.execution.result_lookup import Past, PastResult

#: Pictures of executions that are not running, kept for the next reader.
KEPT = 8
#: Those with more tasks are megabytes, and are kept for so many seconds only.
LARGE, LARGE_SECONDS = 500, 30.0
#: States of executions that have just ended, for whoever waits for their results: without them, each
#: result costs a replay of the whole log.
ENDED, ENDED_SECONDS = 4, 10.0


class Ended(NamedTuple):
    """An execution that no driver holds any more: its state, its picture, and where its values are."""

    state: ExecutionState
    picture: Picture
    values: Values
    blobs: dict[Digest, bytes]


class _Reading:
    """A log that is being read, for everybody who wants it; kept until all of them have the picture."""

    def __init__(self, task: asyncio.Task[Picture]) -> None:
        self.task = task
        self.readers = 0
        self.is_overtaken = False


class ExecutionReader:
    """Reads executions that no driver holds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._readings: dict[str, _Reading] = {}
        self._ended: OrderedDict[str, Ended] = OrderedDict()

    async def picture(self, execution: str) -> Picture:
        """The picture of an execution at the end of its log; `ExecutionNotFound`.

        A hundred readers that come at once share one reading. A reading that was overtaken (the
        execution went on meanwhile) is done again: its picture would lack the latest events.
        """
        while (known := await self._find_kept(execution)) is None:
            reading = self._readings.get(execution) or self._start_reading(execution)
            reading.readers += 1
            try:
                picture = await asyncio.shield(reading.task)
            finally:
                reading.readers -= 1
                self._let_go_reading(execution, reading)
            if not reading.is_overtaken:
                return picture
        self._pictures.move_to_end(execution)
        return known

    async def _find_kept(self, execution: str) -> Picture | None:
        """The remembered picture, unless another orchestrator went on with the execution or deleted it."""
        while (known := self._pictures.get(execution)) is not None:
            seq = (await self._store.positions([execution])).get(execution)
            if self._pictures.get(execution) is not known:
                # Meanwhile it went on here, perhaps to its next end: an older picture would be a hole.
                continue
            if seq == known.snapshot.seq:
                return known
            del self._pictures[execution]
        return None

    def _start_reading(self, execution: str) -> _Reading:
        task = asyncio.get_running_loop().create_task(self._load(execution), name=f"reading {execution}")
        reading = self._readings[execution] = _Reading(task)
        task.add_done_callback(lambda _: self._was_read(execution, reading))
        return reading

    async def _load(self, execution: str) -> Picture:
        record, events = await self._read(execution)
        # In a thread: a fold over 10,000 tasks would hold up all other executions for a tenth of a second.
        return await asyncio.to_thread(fold_log, execution, self._store.epoch, record, events)

    def _was_read(self, execution: str, reading: _Reading) -> None:
        self._let_go_reading(execution, reading)
        if reading.task.cancelled() or reading.task.exception() is not None or reading.is_overtaken:
            return
        picture = reading.task.result()
        if picture.snapshot.status.is_final:
            self._remember(picture)

    def _let_go_reading(self, execution: str, reading: _Reading) -> None:
        # Readers wake up after the reading has ended. Until then the execution may go on and end here, and
        # a reader that is not told would take the picture of before for the present one.
        if reading.task.done() and reading.readers == 0 and self._readings.get(execution) is reading:
            del self._readings[execution]

    def _remember(self, picture: Picture) -> None:
        self._pictures[picture.snapshot.id] = picture
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        if len(picture.snapshot.tasks) > LARGE:
            asyncio.get_running_loop().call_later(LARGE_SECONDS, self._let_go, picture)

    def _let_go(self, picture: Picture) -> None:
        if self._pictures.get(picture.snapshot.id) is picture:
            del self._pictures[picture.snapshot.id]

    def keep_ended(self, ended: Ended) -> None:
        """Remember how an execution ended, for a moment."""
        execution = ended.state.id
        self._overtake(execution)
        self._remember(ended.picture)
        self._ended[execution] = ended
        if len(self._ended) > ENDED:
            self._ended.popitem(last=False)
        asyncio.get_running_loop().call_later(ENDED_SECONDS, self._let_go_ended, ended)

    def _let_go_ended(self, ended: Ended) -> None:
        if self._ended.get(ended.state.id) is ended:
            del self._ended[ended.state.id]

    def forget(self, execution: str) -> None:
        """The execution goes on, or is deleted."""
        self._overtake(execution)
        self._pictures.pop(execution, None)
        self._ended.pop(execution, None)

    def _overtake(self, execution: str) -> None:
        reading = self._readings.pop(execution, None)
        if reading is not None:
            reading.is_overtaken = True

    async def restore(self, execution: str) -> tuple[Record, ExecutionState, Picture, dict[Digest, bytes]]:
        """All that a driver needs to go on."""
        record, events = await self._read(execution)
        blobs = await self._store.blobs(execution)
        state = await asyncio.to_thread(replay, execution, record, events)
        picture = await asyncio.to_thread(fold_log, execution, self._store.epoch, record, events)
        return record, state, picture, blobs

    async def result(self, execution: str) -> ExecutionResult:
        """The end of an execution; `StateConflict` while it has not ended."""
        ended = await self.reopen(execution)
        state, snapshot = ended.state, ended.picture.snapshot
        if not state.status.is_final:
            raise StateConflict(f"execution {execution} is {state.status}: there is no result yet")
        failed = list(state.failed)[:10]
        errors = await self._store.values(execution, [(key, "error") for key in failed]) if failed else {}
        failures = tuple(
            TaskFailure(
                task=key,
                failure=failure,
                error=errors[key, "error"].data if (key, "error") in errors else None,
            )
            for key in failed
            if (failure := ended.picture.tasks[key].error) is not None
        )
        if state.status.value != "succeeded":
            return ExecutionResult(status=state.status, failed=failures, info=snapshot.result)
        reader = await self._reader(ended, list(_returned_units(state, state.root)))
        built = reader.result(state.root)
        return ExecutionResult(
            status=state.status,
            template=built.template,
            inputs=built.inputs,
            failed=failures,
            info=snapshot.result,
        )

    async def task_value(self, execution: str, key: str) -> Input:
        """The result of one task or mapped group."""
        ended = await self.reopen(execution)
        unit = ended.state.units.get(key)
        if unit is None:
            raise InputError(f"execution {execution} has no task {key!r}", "task")
        if isinstance(unit, Task) and not unit.is_ok:
            raise StateConflict(f"task {key!r} is {unit.status}: it has no result")
        if not unit.is_final:
            raise StateConflict(f"task {key!r} is not finished: it has no result yet")
        return (await self._reader(ended, [unit])).of(unit)

    async def past(self, execution: str) -> Past:
        """The results of an execution by lineage, for a rerun."""
        record, events = await self._read(execution)
        return await asyncio.to_thread(_results, replay(execution, record, events), events)

    async def reopen(self, execution: str) -> Ended:
        """The execution as it is on disk, from memory when it has just ended."""
        known = self._ended.get(execution)
        if known is not None:
            return known
        record, events = await self._read(execution)
        state = await asyncio.to_thread(replay, execution, record, events)
        picture = await asyncio.to_thread(fold_log, execution, self._store.epoch, record, events)
        values = Values()
        for shown in picture.snapshot.tasks:
            if shown.error is not None and shown.status is TaskStatus.FAILED:
                values.failures[shown.key] = shown.error
        return Ended(state, picture, values, await self._store.blobs(execution))

    async def _reader(self, ended: Ended, units: list[Unit]) -> InputReader:
        """Reads the values of `units`; brings those from the store that are not known yet."""
        state, _, values, blobs = ended
        wanted = [(task.key, "") for task in leaves(state, units) if task.is_ok and values.find(task.key) is None]
        if wanted:
            for (key, _), value in (await self._store.values(state.id, wanted)).items():
                values.add(key, value)
        return InputReader(state, values, blobs)

    async def _read(self, execution: str) -> tuple[Record, list[Event]]:
        record = await self._store.record(execution)
        events = await self._store.events(execution)
        if not events:
            raise ExecutionNotFound(f"no execution {execution!r}")
        return record, events


def fold_log(execution: str, epoch: str, record: Record, events: list[Event]) -> Picture:
    """The picture at the end of a log."""
    picture = Picture(empty(execution, epoch, record.created, record.submission.workflow))
    for event in events:
        picture.fold(event)
    return picture


def replay(execution: str, record: Record, events: list[Event]) -> ExecutionState:
    """The engine's state at the end of a log, with its ready queue; `Unreadable` when no execution gives that log."""
    state = new_state(execution, record.submission)
    try:
        rebuild(state, record.expansions, events)
        settle_all(state, events[-1].time if events else datetime.min)
    except (WorkflowError, LookupError, TypeError, AttributeError) as error:
        raise Unreadable(f"the log of execution {execution} cannot be continued: {error}") from error
    return state


def copy_snapshot(picture: Picture) -> Snapshot:
    """A snapshot that no later event changes."""
    live = picture.snapshot
    taken = copy.copy(live)
    taken.counts = dict(live.counts)
    taken.tasks = [copy.copy(task) for task in live.tasks]
    taken.groups = [copy.copy(group) for group in live.groups]
    return taken


def _results(state: ExecutionState, events: list[Event]) -> Past:
    found: dict[str, PastResult] = {}
    for event in events:
        if not isinstance(event, TaskCompleted) or event.result is None:
            continue
        task = state.task(event.task)
        if task is not None and task.is_ok and task.expansion is None:
            parts = ("", *(ITEMS + label for label in event.lengths))
            past = PastResult(event.task, parts, event.result, event.lengths, event.truth)
            found[lineage(state, task)] = past
    return found


def _returned_units(state: ExecutionState, subgraph: Subgraph) -> list[Unit]:
    return [state.units[key] for key in subgraph.returned]


def leaves(state: ExecutionState, units: list[Unit]) -> list[Task]:
    """The tasks whose values make up the values of `units`, through groups and expansions."""
    found: list[Task] = []
    pending = list(units)
    while pending:
        unit = pending.pop()
        if isinstance(unit, Group):
            pending.extend(unit.items if unit.placeholder is None else [unit.placeholder])
        elif unit.expansion is not None:
            pending.extend(_returned_units(state, unit.expansion))
        else:
            found.append(unit)
    return found
