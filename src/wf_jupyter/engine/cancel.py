"""Cancelling a part of an execution: a task, a mapped one as a whole, a sub-workflow, with what a task returned.

Whatever has not begun ends at once. What runs gets a `task.cancelling`, so that the wish outlives the
process that was told of it: recovery ends such a task instead of running it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from wf_jupyter.engine.propagate import placeholder
from wf_jupyter.engine.state import ExecutionState, Group, Task, Unit
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.events import Event, TaskCancelling, TaskCompleted
from wf_jupyter.model.status import TaskStatus


def cancel_part(state: ExecutionState, key: str, now: datetime) -> tuple[Event, ...]:
    """The events that cancel what is not final of `key`; none when all of it is being cancelled already.

    Raises:
        StateConflict: nothing has that key, or all of it is final.
    """
    still_open = [unit for unit in _part(state, key) if not unit.is_final]
    if not still_open:
        unit = state.task(key)
        status = "final" if unit is None else unit.status.value
        raise StateConflict(f"task {key!r} is {status}: it cannot be cancelled")
    events = [event for unit in still_open for event in _cancel(state, unit, now)]
    return tuple(msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(events, start=state.seq + 1))


def end_cancelled(state: ExecutionState, task: Task, now: datetime, seq: int) -> TaskCompleted:
    """The end of a task that was cancelled."""
    return TaskCompleted(seq=seq, time=now, task=task.key, attempt=task.attempt, status=TaskStatus.CANCELLED)


def _part(state: ExecutionState, key: str) -> Iterator[Unit]:
    """The units that make up `key`, and those of the graphs that its tasks returned."""
    unit = state.units.get(key)
    if isinstance(unit, Task):
        found: list[Unit] = [unit]
    elif isinstance(unit, Group):
        found = _members(unit)
    elif key in state.scopes:
        inside = [unit for unit in state.units.values() if unit.key.startswith(f"{key}/")]
        found = [member for unit in inside if _is_counted(unit) for member in _members(unit)]
    else:
        raise StateConflict(f"execution {state.workflow!r} has no task {key!r}")
    yield from found
    returned = {unit.expansion for unit in found if isinstance(unit, Task) and unit.expansion is not None}
    if not returned or key in state.scopes:
        return
    # Units stand in the order in which they were added, so a graph comes after the task that returned it.
    for unit in state.units.values():
        if unit.subgraph in returned and _is_counted(unit):
            for member in _members(unit):
                yield member
                if isinstance(member, Task) and member.expansion is not None:
                    returned.add(member.expansion)


def _is_counted(unit: Unit) -> bool:
    """Whether the unit is not one of the items that its group stands for."""
    return isinstance(unit, Group) or unit.group is None


def _members(unit: Unit) -> list[Unit]:
    if isinstance(unit, Task):
        return [unit]
    if unit.placeholder is not None:
        return [unit.placeholder]
    return [unit] if unit.size is None else list(unit.items)


def _cancel(state: ExecutionState, unit: Unit, now: datetime) -> tuple[Event, ...]:
    if isinstance(unit, Group):
        return placeholder(state, unit, TaskStatus.CANCELLED, now, None)
    if unit.status is not TaskStatus.RUNNING:
        return (end_cancelled(state, unit, now, seq=0),)
    if unit.key in state.stopping:
        return ()
    return (TaskCancelling(seq=0, time=now, task=unit.key, attempt=unit.attempt),)
