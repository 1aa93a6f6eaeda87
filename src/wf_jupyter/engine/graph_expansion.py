"""Growth of the graph (`tasks.added`), and finished parts of it that are opened again (`workflow.retried`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wf_jupyter.engine.dependency_counts import finish_group, size_known
from wf_jupyter.engine.state import ExecutionState, Group, Subgraph, Task, Unit
from wf_jupyter.errors import IllegalTransition
from wf_jupyter.model.events import GroupInfo, TaskInfo, TasksAdded
from wf_jupyter.model.status import TaskStatus


def add_tasks(state: ExecutionState, event: TasksAdded) -> None:
    """Add what the event names; groups that are already known get their size.

    Units are made first and linked afterwards: tasks and groups come in two lists, so neither is in
    an order in which all sources come before.
    """
    grown: list[Group] = []
    made: list[Unit] = []
    for info in event.groups:
        if info.kind != "map":
            continue
        unit = state.units.get(info.key)
        if isinstance(unit, Group):
            if info.size is None or unit.size is not None:
                raise IllegalTransition(f"{state.id}: {info.key} was expanded twice")
            _size(state, unit, info.size)
            grown.append(unit)
        else:
            made.append(_add_group(state, info))
    made += [_add_task(state, info) for info in event.tasks]
    for added in made:
        _link(state, added)
    for group in grown:
        for waiting in group.map_dependents:
            size_known(state, waiting)
        if group.size == 0:
            finish_group(state, group)


def sources_of(state: ExecutionState, task: Task) -> Iterator[Unit]:
    """The units that a task waits for, each once: its needs, and its own item of mapped lists."""
    seen: set[str] = set()
    for unit in _all_sources(state, task):
        if unit.key not in seen:
            seen.add(unit.key)
            yield unit


def _all_sources(state: ExecutionState, task: Task) -> Iterator[Unit]:
    absolute = task.subgraph.absolute
    for need in task.node.needs:
        yield state.units[absolute(need.source)]
    if task.index is None:
        return
    for over in task.node.over:
        if over.each is not None:
            yield state.units[absolute(over.each[task.index])]
        elif over.source is not None:
            source = state.units[absolute(over.source)]
            yield source.items[task.index] if isinstance(source, Group) else source


def dependents_of(task: Task) -> Iterator[Task]:
    """The tasks that wait for it, or for the group that it is an item of."""
    yield from task.dependents
    if task.group is not None:
        yield from task.group.dependents


def groups_over(task: Task) -> Iterator[Group]:
    """The groups that wait for its list, or for that of its group."""
    yield from task.map_dependents
    if task.group is not None:
        yield from task.group.map_dependents


def unsized_sources(state: ExecutionState, group: Group) -> Iterator[Unit]:
    """The units whose list a group still has to see before it can expand."""
    for over in group.node.over:
        if over.source is None:
            continue
        source = state.units[group.subgraph.absolute(over.source)]
        if isinstance(source, Group):
            if source.size is None and not source.is_final:
                yield source
        elif not source.is_final:
            yield source


def _join_subgraph(state: ExecutionState, subgraph: Subgraph) -> None:
    """Bind an expansion to the task that returned it, the first time one of its units appears."""
    if subgraph.prefix and subgraph.holder is None:
        bind_holder(state, subgraph)
    subgraph.open += 1


def bind_holder(state: ExecutionState, subgraph: Subgraph) -> None:
    """Make the task named by the subgraph's prefix wait for the subgraph; it no longer takes a slot."""
    holder = state.task(subgraph.prefix)
    if holder is None:
        raise IllegalTransition(f"{state.id}: expansion of the unknown task {subgraph.prefix!r}")
    subgraph.holder = holder
    holder.expansion = subgraph
    subgraph.is_questioned = state.is_questioned(holder)
    holder.lane.running -= 1


def _add_group(state: ExecutionState, info: GroupInfo) -> Group:
    node, subgraph = state.nodes[info.key]
    group = Group(key=info.key, node=node, subgraph=subgraph, lane=state.lane(node))
    state.units[info.key] = group
    state.open += 1
    _join_subgraph(state, subgraph)
    if info.size is not None:
        _size(state, group, info.size)
    return group


def _size(state: ExecutionState, group: Group, size: int) -> None:
    group.size = group.remaining = size
    state.open -= 1


def _add_task(state: ExecutionState, info: TaskInfo) -> Task:
    known = state.nodes.get(info.key)
    if known is not None and not known[0].is_map:
        node, subgraph = known
        task = Task(key=info.key, node=node, subgraph=subgraph, lane=state.lane(node))
        state.units[info.key] = task
        _join_subgraph(state, subgraph)
        state.open += 1
    else:
        group = state.units.get(info.group or "")
        if not isinstance(group, Group):
            raise IllegalTransition(f"{state.id}: tasks.added names {info.key!r}, which no graph holds")
        task = Task(key=info.key, node=group.node, subgraph=group.subgraph, lane=group.lane, group=group)
        if info.key == group.key:
            group.placeholder = task  # counted as open when its group was added
        else:
            task.index = len(group.items)
            group.items.append(task)
            state.units[info.key] = task
            state.open += 1
    return task


def _link(state: ExecutionState, unit: Unit) -> None:
    """Tell the sources of a new unit who waits for them."""
    if isinstance(unit, Group):
        if unit.size is not None:
            return
        for source in unsized_sources(state, unit):
            source.map_dependents.append(unit)
            unit.unsized += 1
        if unit.unsized == 0:
            state.unsettled.append(unit)
    elif not group_placeholder(unit):
        for source in sources_of(state, unit):
            source.dependents.append(unit)
            if not source.is_final:
                unit.waiting += 1
        if unit.waiting == 0:
            state.unsettled.append(unit)


def group_placeholder(task: Task) -> bool:
    """Whether the task only stands for a group that could not be expanded."""
    return task.group is not None and task.group.placeholder is task


def reopen_tasks(state: ExecutionState, tasks: Iterable[Task]) -> None:
    """Count again what each reset task waits for, and what its group and its graph still miss."""
    reset = list(tasks)
    for task in reset:
        task.subgraph.broken.pop(task.key, None)
        task.truth = None
        state.open += 1
        group = task.group
        if group is None:
            task.subgraph.open += 1
        elif group.placeholder is task:
            group.placeholder = None
            task.subgraph.open += 1
        else:
            if group.remaining == 0:
                task.subgraph.open += 1
            group.remaining += 1
    for task in reset:
        if task.group is not None and state.units.get(task.key) is task.group:
            task.group.unsized = sum(1 for _ in unsized_sources(state, task.group))
            state.unsettled.append(task.group)
        else:
            task.waiting = sum(1 for source in sources_of(state, task) if not source.is_final)
            state.unsettled.append(task)
    for task in reset:
        _wait_again(state, task)


def _wait_again(state: ExecutionState, task: Task) -> None:
    """Count again, for dependents that are pending, the sources that are not final after `task` was reset."""
    for dependent in dependents_of(task):
        if dependent.status is TaskStatus.PENDING:
            dependent.waiting = sum(1 for source in sources_of(state, dependent) if not source.is_final)
            dependent.lane.ready.pop(dependent, None)
            state.asking.pop(dependent.key, None)
    for mapped in groups_over(task):
        if mapped.size is None and mapped.placeholder is None:
            mapped.unsized = sum(1 for _ in unsized_sources(state, mapped))
