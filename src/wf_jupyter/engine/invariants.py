"""Invariants of a state between any two steps. Tests call this after every step."""

from __future__ import annotations

from wf_jupyter.engine.graph_expansion import group_placeholder, sources_of, unsized_sources
from wf_jupyter.engine.state import ExecutionState, Group, Task
from wf_jupyter.model.status import TaskStatus


def check(state: ExecutionState) -> None:
    """Raise `AssertionError` naming the first thing that is not as it must be."""
    tasks = all_tasks(state)
    groups = [unit for unit in state.units.values() if isinstance(unit, Group)]
    for task in tasks:
        _check_task(state, task)
    for group in groups:
        _check_group(state, group)
    unexpanded = sum(1 for group in groups if group.size is None and group.placeholder is None)
    still_open = sum(1 for task in tasks if not task.is_final)
    assert state.open == still_open + unexpanded, f"open is {state.open}, not {still_open} + {unexpanded}"
    assert {task.key for task in tasks if task.status is TaskStatus.RUNNING} == set(state.running)
    assert {task.key for task in tasks if task.status is TaskStatus.RETRYING} == set(state.retrying)
    assert {task.key for task in tasks if task.status is TaskStatus.FAILED} == set(state.failed)
    assert state.stopping <= set(state.running), f"stopping what does not run: {state.stopping}"
    for lane in state.lanes:
        running = [task for task in state.running.values() if task.lane is lane and task.expansion is None]
        assert lane.running == len(running), f"a lane counts {lane.running} running, there are {len(running)}"
        assert lane.limit is None or lane.running <= lane.limit, f"{lane.running} run, {lane.limit} may"
    for subgraph in state.subgraphs.values():
        members = [unit for unit in state.units.values() if unit.subgraph is subgraph and _counts(unit)]
        if members:
            left = sum(1 for unit in members if not unit.is_final)
            assert subgraph.open == left, f"graph {subgraph.prefix!r} counts {subgraph.open} open, there are {left}"
    if state.status.is_final:
        assert still_open == 0, f"{state.status} with {still_open} open tasks"


def all_tasks(state: ExecutionState) -> list[Task]:
    """Every task, those that stand for a group included."""
    return [task for key in state.units if (task := state.task(key)) is not None]


def _check_task(state: ExecutionState, task: Task) -> None:
    if task.status is TaskStatus.PENDING and not group_placeholder(task) and task.expansion is None:
        missing = sum(1 for source in sources_of(state, task) if not source.is_final)
        assert task.waiting == missing, f"{task.key} waits for {task.waiting}, {missing} are missing"
    if task.status is TaskStatus.RUNNING and task.expansion is None:
        late = [source.key for source in sources_of(state, task) if not source.is_final]
        assert not late, f"{task.key} runs before {late}"
    if task in task.lane.ready:
        assert task.status in (TaskStatus.PENDING, TaskStatus.RETRYING), f"{task.key} is {task.status} and ready"


def _check_group(state: ExecutionState, group: Group) -> None:
    if group.size is None and group.placeholder is None:
        missing = sum(1 for _ in unsized_sources(state, group))
        assert group.unsized == missing, f"{group.key} waits for {group.unsized} lists, {missing} are missing"
    if group.size is not None:
        left = sum(1 for item in group.items if not item.is_final)
        assert group.remaining == left, f"{group.key} counts {group.remaining} open items, there are {left}"
        assert len(group.items) == group.size, f"{group.key} has {len(group.items)} items of {group.size}"


def _counts(unit: Task | Group) -> bool:
    return isinstance(unit, Group) or unit.group is None
