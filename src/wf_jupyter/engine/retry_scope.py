"""Which tasks a retry runs again: all that have no value, or some with what they need and what waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from wf_jupyter.engine.graph_expansion import dependents_of, groups_over, sources_of
from wf_jupyter.engine.state import ExecutionState, Subgraph, Task, Unit
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.status import TaskStatus

_AGAIN = (TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED)
_UNDER_WAY = (TaskStatus.RUNNING, TaskStatus.RETRYING)


def tasks_again(state: ExecutionState, keys: Iterable[str]) -> tuple[str, ...]:
    """The tasks to reset, in the order of the graph.

    Without `keys` every task that failed, was skipped or cancelled. With them those tasks (of a mapped
    one its items), what they need that has no value, and what comes after: other failures are kept.

    Raises:
        StateConflict: there is no such task, nothing of it failed, was skipped or cancelled, or a task
            runs that was told of its failure.
    """
    if state.is_failing and not state.status.is_final:
        raise StateConflict(f"execution {state.workflow!r} is being stopped: retry when it has ended")
    wanted = [task for key in keys for task in _tasks_named(state, key)]
    if not wanted:
        return tuple(task.key for task in _in_order(state) if task.status in _AGAIN)
    needed = _closure(wanted, lambda task: _before(state, task))
    chosen = _closure(needed, lambda task: _after(state, task))
    for task in chosen:
        for dependent in dependents_of(task):
            if dependent.status in _UNDER_WAY:
                raise StateConflict(f"{dependent.key!r} runs with what {task.key!r} left: retry it when that has ended")
    return tuple(task.key for task in _in_order(state) if task in chosen)


def _in_order(state: ExecutionState) -> Iterator[Task]:
    for unit in state.units.values():
        task = state.task(unit.key)
        if task is not None:
            yield task


def _tasks_named(state: ExecutionState, key: str) -> list[Task]:
    unit = state.units.get(key)
    if unit is None:
        raise StateConflict(f"execution {state.workflow!r} has no task {key!r}")
    found = [task for task in _members(unit) if task.status in _AGAIN]
    if not found:
        status = unit.status.value if isinstance(unit, Task) else "whole"
        raise StateConflict(f"task {key!r} is {status}: only failed, skipped and cancelled tasks can be retried")
    return found


def _members(unit: Unit) -> Iterator[Task]:
    if isinstance(unit, Task):
        yield unit
    elif unit.placeholder is not None:
        yield unit.placeholder
    else:
        yield from unit.items


def _closure(starts: Iterable[Task], around: Callable[[Task], Iterator[Task]]) -> dict[Task, None]:
    found = dict.fromkeys(starts)
    pending = list(found)
    while pending:
        for task in around(pending.pop()):
            if task.status in _AGAIN and task not in found:
                found[task] = None
                pending.append(task)
    return found


def _before(state: ExecutionState, task: Task) -> Iterator[Task]:
    """Tasks that the task cannot run without, and for a task that returned a graph what went wrong in it."""
    for unit in sources_of(state, task):
        yield from _members(unit)
    group = task.group
    if group is not None and group.placeholder is task:
        for over in group.node.over:
            for source in (over.source, *(over.each or ())):
                if source is not None:
                    yield from _members(state.units[group.subgraph.absolute(source)])
    if task.expansion is not None:
        yield from _inside(state, task.expansion)


def _inside(state: ExecutionState, subgraph: Subgraph) -> Iterator[Task]:
    for unit in state.units.values():
        if unit.subgraph is subgraph:
            yield from _members(unit)


def _all_inside(state: ExecutionState, subgraph: Subgraph) -> Iterator[Task]:
    for task in _inside(state, subgraph):
        yield task
        if task.expansion is not None and task.status in _AGAIN:
            yield from _all_inside(state, task.expansion)


def _after(state: ExecutionState, task: Task) -> Iterator[Task]:
    """Tasks that wait for the task: dependents, maps over it, what waits for its group, and who returned its graph."""
    for dependent in dependents_of(task):
        yield dependent
        if dependent.expansion is not None and dependent.status in _AGAIN:
            # It ends as the graph does that it returned: it runs again only if something in that does.
            yield from _all_inside(state, dependent.expansion)
    for mapped in groups_over(task):
        if mapped.placeholder is not None:
            yield mapped.placeholder
    if task.subgraph.holder is not None:
        yield task.subgraph.holder
