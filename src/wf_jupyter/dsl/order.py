"""The order of a draft's nodes: each after those it waits for, otherwise as they were called."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from wf_jupyter.model.draft import DraftNode
from wf_jupyter.model.keys import TaskKey


def path_between(nodes: Mapping[TaskKey, DraftNode], start: TaskKey, goal: TaskKey) -> list[TaskKey] | None:
    """The chain of nodes from `start` down to `goal`, each waiting for the next; None when there is none."""
    reached_from: dict[TaskKey, TaskKey | None] = {start: None}
    stack = [start]
    while stack:
        here = stack.pop()
        if here == goal:
            chain: list[TaskKey] = []
            step: TaskKey | None = here
            while step is not None:
                chain.append(step)
                step = reached_from[step]
            return chain[::-1]
        for source in nodes[here].sources():
            if source not in reached_from:
                reached_from[source] = here
                stack.append(source)
    return None


def order_nodes(nodes: Mapping[TaskKey, DraftNode]) -> list[DraftNode]:
    """The nodes in a topological order that keeps the order of calls where it can. There must be no cycle."""
    position = {key: index for index, key in enumerate(nodes)}
    waiting = {key: set(node.sources()) for key, node in nodes.items()}
    followers: dict[TaskKey, list[TaskKey]] = {key: [] for key in nodes}
    for key, sources in waiting.items():
        for source in sources:
            followers[source].append(key)
    keys = list(nodes)
    ready = [position[key] for key, sources in waiting.items() if not sources]
    result: list[DraftNode] = []
    while ready:
        key = keys[heapq.heappop(ready)]
        result.append(nodes[key])
        for follower in followers[key]:
            waiting[follower].discard(key)
            if not waiting[follower]:
                heapq.heappush(ready, position[follower])
    return result
