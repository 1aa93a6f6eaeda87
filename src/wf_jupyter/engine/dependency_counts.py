"""Counts of unmet dependencies, and the units to look at when a task becomes final. O(1) per dependent."""

from __future__ import annotations

from wf_jupyter.engine.state import ExecutionState, Group, Task, Unit


def wake(state: ExecutionState, task: Task) -> None:
    """Tell everyone who waited for this task: dependents, maps over its list, its group and its graph."""
    _wake_all(state, task.dependents)
    for mapped in task.map_dependents:
        size_known(state, mapped)
    group = task.group
    if group is None:
        _close(state, task)
        return
    if group.placeholder is task:
        for waiting in group.map_dependents:
            size_known(state, waiting)
    else:
        group.remaining -= 1
    if group.is_final:
        finish_group(state, group)


def _wake_all(state: ExecutionState, dependents: list[Task]) -> None:
    for dependent in dependents:
        if dependent.is_final:
            continue  # kept by a retry: it already used what it needed
        dependent.waiting -= 1
        if dependent.waiting == 0:
            state.unsettled.append(dependent)


def finish_group(state: ExecutionState, group: Group) -> None:
    """Every item is final: wake those who wait for the whole."""
    _wake_all(state, group.dependents)
    _close(state, group)


def size_known(state: ExecutionState, group: Group) -> None:
    """One more of the lists that `group` is mapped over has a known length."""
    group.unsized -= 1
    if group.unsized == 0:
        state.unsettled.append(group)


def _close(state: ExecutionState, unit: Unit) -> None:
    subgraph = unit.subgraph
    subgraph.open -= 1
    if subgraph.open == 0 and subgraph.holder is not None:
        state.unsettled.append(subgraph.holder)
