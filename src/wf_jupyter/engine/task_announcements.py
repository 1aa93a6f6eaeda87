"""The `tasks.added` events: how nodes of a graph look to people."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import datetime

from wf_jupyter.engine.state import ExecutionState, Group, Subgraph
from wf_jupyter.model.events import GroupInfo, TaskInfo, TasksAdded
from wf_jupyter.model.graph import GraphSpec, NodeSpec, Over
from wf_jupyter.model.keys import item_key
from wf_jupyter.model.policy import MAX_TASKS


def subgraph_infos(state: ExecutionState, subgraph: Subgraph, now: datetime, seq: int) -> TasksAdded:
    """All nodes of a graph in its order. A mapped node whose length is known by now has its items, others follow."""
    sizes = _known_sizes(subgraph.graph, MAX_TASKS - len(state.units))
    groups = [
        GroupInfo(
            key=subgraph.absolute(scope.key),
            name=scope.name,
            kind="workflow",
            group=_group_of(subgraph, scope.group),
        )
        for scope in subgraph.graph.scopes
    ]
    if subgraph.prefix:
        groups.insert(0, GroupInfo(key=subgraph.prefix, name=subgraph.prefix.rpartition("/")[2], kind="workflow"))
    tasks: list[TaskInfo] = []
    for node in subgraph.graph.nodes:
        key = subgraph.absolute(node.key)
        group = _group_of(subgraph, node.group)
        needs = tuple(subgraph.absolute(source) for source in node.sources())
        if node.is_map:
            size = sizes.get(node.key)
            groups.append(GroupInfo(key=key, name=node.name, kind="map", size=size, group=group, dependencies=needs))
            tasks += _items(subgraph, node, size or 0, _item_sources(subgraph, node, sizes))
        else:
            tasks.append(TaskInfo(key=key, name=node.name, group=group, dependencies=needs))
    return TasksAdded(seq=seq, time=now, tasks=tuple(tasks), groups=tuple(groups))


def item_infos(state: ExecutionState, group: Group, size: int, now: datetime) -> TasksAdded:
    """The items of a mapped node whose length has become known."""
    subgraph, node = group.subgraph, group.node
    info = GroupInfo(
        key=group.key,
        name=node.name,
        kind="map",
        size=size,
        group=_group_of(subgraph, node.group),
        dependencies=tuple(subgraph.absolute(source) for source in node.sources()),
    )
    mapped = {
        over.source
        for over in node.over
        if over.source is not None and isinstance(state.units[subgraph.absolute(over.source)], Group)
    }
    tasks = _items(subgraph, node, size, _item_sources(subgraph, node, mapped))
    return TasksAdded(seq=state.seq + 1, time=now, tasks=tuple(tasks), groups=(info,))


def placeholder_info(state: ExecutionState, group: Group) -> TaskInfo:
    """The one task that tells why a mapped node has no items."""
    return TaskInfo(
        key=group.key,
        name=group.node.name,
        group=group.key,
        dependencies=tuple(group.subgraph.absolute(source) for source in group.node.sources()),
    )


def _items(subgraph: Subgraph, node: NodeSpec, size: int, own: Callable[[int], Iterable[str]]) -> Iterator[TaskInfo]:
    key = subgraph.absolute(node.key)
    shared = tuple(dict.fromkeys(subgraph.absolute(need.source) for need in node.needs))
    for index in range(size):
        yield TaskInfo(
            key=item_key(key, index),
            name=node.name,
            group=key,
            dependencies=tuple(dict.fromkeys((*shared, *own(index)))),
        )


def _item_sources(subgraph: Subgraph, node: NodeSpec, mapped: Container[str]) -> Callable[[int], Iterator[str]]:
    """Sources of an item in the lists it comes from: the same item of a mapped node, else the whole node."""

    def sources(index: int) -> Iterator[str]:
        for over in node.over:
            if over.each is not None:
                yield subgraph.absolute(over.each[index])
            elif over.source is not None:
                source = subgraph.absolute(over.source)
                yield item_key(source, index) if over.source in mapped else source

    return sources


def _known_sizes(graph: GraphSpec, most: int) -> Mapping[str, int]:
    """The lengths of mapped nodes that follow from the graph alone: over given lists, and over such nodes.

    Left out, because more has to be said about them: empty ones, unequal lists, more than `most` items.
    """
    sizes: dict[str, int] = {}
    left = most - len(graph.nodes)
    for node in graph.nodes:
        if not node.is_map:
            continue
        lengths = {_known_length(over, sizes) for over in node.over}
        size = lengths.pop() if len(lengths) == 1 else None
        if size and size <= left:
            sizes[node.key] = size
            left -= size
    return sizes


def _known_length(over: Over, sizes: Mapping[str, int]) -> int | None:
    if over.each is not None:
        return len(over.each)
    return over.length if over.source is None else sizes.get(over.source)


def _group_of(subgraph: Subgraph, group: str | None) -> str | None:
    if group is not None:
        return subgraph.absolute(group)
    return subgraph.prefix or None
