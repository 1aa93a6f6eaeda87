"""The `tasks.added` events: how nodes of a graph look to people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from wf_jupyter.engine.state import ExecutionState, Fragment, Group
from wf_jupyter.model.events import GroupInfo, TaskInfo, TasksAdded
from wf_jupyter.model.graph import NodeSpec
from wf_jupyter.model.keys import item_key


def fragment_infos(state: ExecutionState, fragment: Fragment, now: datetime, seq: int) -> TasksAdded:
    """All nodes of a graph, with its mapped nodes as groups of unknown size."""
    groups = [
        GroupInfo(
            key=fragment.absolute(scope.key),
            name=scope.name,
            kind="workflow",
            group=_group_of(fragment, scope.group),
        )
        for scope in fragment.graph.scopes
    ]
    if fragment.prefix:
        groups.insert(0, GroupInfo(key=fragment.prefix, name=fragment.prefix.rpartition("/")[2], kind="workflow"))
    tasks: list[TaskInfo] = []
    for node in fragment.graph.nodes:
        key = fragment.absolute(node.key)
        group = _group_of(fragment, node.group)
        needs = tuple(fragment.absolute(source) for source in node.sources())
        if node.is_map:
            groups.append(GroupInfo(key=key, name=node.name, kind="map", group=group, dependencies=needs))
        else:
            tasks.append(TaskInfo(key=key, name=node.name, group=group, dependencies=needs))
    return TasksAdded(seq=seq, time=now, tasks=tuple(tasks), groups=tuple(groups))


def item_infos(state: ExecutionState, group: Group, size: int, now: datetime) -> TasksAdded:
    """The items of a mapped node whose length has become known."""
    fragment, node = group.fragment, group.node
    info = GroupInfo(
        key=group.key,
        name=node.name,
        kind="map",
        size=size,
        group=_group_of(fragment, node.group),
        dependencies=tuple(fragment.absolute(source) for source in node.sources()),
    )
    shared = tuple(dict.fromkeys(fragment.absolute(need.source) for need in node.needs))
    tasks = tuple(
        TaskInfo(
            key=item_key(group.key, index),
            name=node.name,
            group=group.key,
            dependencies=tuple(dict.fromkeys((*shared, *_own_sources(state, fragment, node, index)))),
        )
        for index in range(size)
    )
    return TasksAdded(seq=state.seq + 1, time=now, tasks=tasks, groups=(info,))


def stand_in_info(state: ExecutionState, group: Group) -> TaskInfo:
    """The one task that tells why a mapped node has no items."""
    return TaskInfo(
        key=group.key,
        name=group.node.name,
        group=group.key,
        dependencies=tuple(group.fragment.absolute(source) for source in group.node.sources()),
    )


def _own_sources(state: ExecutionState, fragment: Fragment, node: NodeSpec, index: int) -> Iterator[str]:
    for over in node.over:
        if over.each is not None:
            yield fragment.absolute(over.each[index])
        elif over.source is not None:
            source = state.units[fragment.absolute(over.source)]
            yield source.items[index].key if isinstance(source, Group) else source.key


def _group_of(fragment: Fragment, group: str | None) -> str | None:
    if group is not None:
        return fragment.absolute(group)
    return fragment.prefix or None
