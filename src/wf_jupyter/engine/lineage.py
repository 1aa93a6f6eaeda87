"""Where a result comes from, as a digest: the key of the cache, and what a rerun may reuse.

The lineage of a task is a hash of its code, its version, its arguments and the lineages of all that
it reads: two tasks with the same lineage have the same result as far as their code is deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import TypeVar

from wf_jupyter.engine.growth import sources_of
from wf_jupyter.engine.state import ExecutionState, Group, Task, Unit

T = TypeVar("T")


def lineage(state: ExecutionState, task: Task) -> str:
    """The lineage of a task whose sources are final. Computed once per task; no recursion, so depth costs nothing."""
    return _derive(state, task, state.lineages, _digest)


def is_fresh(state: ExecutionState, task: Task) -> bool:
    """Whether a rerun must compute the task again: it is named, or something before it is."""
    return _derive(state, task, state.freshness, _freshness)


def _derive(
    state: ExecutionState,
    unit: Unit,
    known: dict[Unit, T],
    compute: Callable[[ExecutionState, Unit, dict[Unit, T]], T],
) -> T:
    stack = [unit]
    while stack:
        top = stack[-1]
        missing = [source for source in _before(state, top) if source not in known] if top not in known else []
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if top not in known:
            known[top] = compute(state, top, known)
    return known[unit]


def _before(state: ExecutionState, unit: Unit) -> Iterator[Unit]:
    if isinstance(unit, Group):
        yield from unit.items
    else:
        yield from sources_of(state, unit)
        if unit.fragment.holder is not None:
            yield unit.fragment.holder


def _digest(state: ExecutionState, unit: Unit, known: dict[Unit, str]) -> str:
    if isinstance(unit, Group):
        return _hash("group", *(known[item] for item in unit.items))
    node, absolute = unit.node, unit.fragment.absolute
    parts = [node.fingerprint or node.code, node.options.cache_version or "", node.call]
    parts += [f"{need.kind}:{known[state.units[absolute(need.source)]]}" for need in node.needs]
    for over in node.over:
        index = unit.index or 0
        if over.each is not None:
            origin = known[state.units[absolute(over.each[index])]]
        elif over.source is not None:
            source = state.units[absolute(over.source)]
            origin = known[source.items[index]] if isinstance(source, Group) else f"{known[source]}{over.path}[{index}]"
        else:
            origin = over.digests[index] if over.digests else f"{over.literal}[{index}]"
        parts.append(f"{over.parameter}:{origin}")
    return _hash(*parts)


def _freshness(state: ExecutionState, unit: Unit, known: dict[Unit, bool]) -> bool:
    if unit.key in state.fresh_from or unit.node.key in state.fresh_from:
        return True
    if isinstance(unit, Task) and unit.group is not None and unit.group.key in state.fresh_from:
        return True
    return any(known[source] for source in _before(state, unit))


def _hash(*parts: str) -> str:
    told = blake2b(digest_size=16)
    for part in parts:
        data = part.encode()
        told.update(len(data).to_bytes(8, "little"))
        told.update(data)
    return told.hexdigest()
