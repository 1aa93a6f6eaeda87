"""Where a result comes from, as a digest: the key of the cache, and what a rerun may reuse.

The lineage of a task is a hash of its code, its version, its arguments and the lineages of all that
it reads: two tasks with the same lineage have the same result as far as their code is deterministic.
A failure is not determined by code, so what was computed from one (`wf.allow_failure`, trigger rules)
has a lineage that no other execution has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import TypeVar

from wf_jupyter.engine.graph_expansion import sources_of
from wf_jupyter.engine.state import ExecutionState, Group, Task, Unit
from wf_jupyter.model.status import TaskStatus

T = TypeVar("T")
_UNDETERMINED = (TaskStatus.FAILED, TaskStatus.CANCELLED)


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
    stack, early = [unit], []
    while stack:
        top = stack[-1]
        missing = [source for source in _before(state, top) if source not in known] if top not in known else []
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if top not in known:
            known[top] = compute(state, top, known)
            if not top.is_final and top is not unit:
                early.append(top)
    found = known[unit]
    for top in early:
        # Computed before all that it reads was final, as `wf.coalesce` allows: it may be another one later.
        del known[top]
    return found


def _before(state: ExecutionState, unit: Unit) -> Iterator[Unit]:
    if isinstance(unit, Group):
        yield from unit.items
    else:
        yield from sources_of(state, unit)
        if unit.subgraph.holder is not None:
            yield unit.subgraph.holder


def _digest(state: ExecutionState, unit: Unit, known: dict[Unit, str]) -> str:
    if isinstance(unit, Group):
        return _hash("group", *(_outcome(state, item, known) for item in unit.items))
    node, absolute = unit.node, unit.subgraph.absolute
    parts = [node.fingerprint or node.code, node.options.cache_version or ""]
    parts += [node.call, *node.large] if node.given is None else [node.given]
    needs = [f"{need.kind}:{_outcome(state, state.units[absolute(need.source)], known)}" for need in node.needs]
    if node.given is None:
        parts += needs
    else:
        # In the order in which they were written they would tell keyword arguments apart that are the same.
        parts += [needs[position] for position in node.reads]
        parts += sorted(need for position, need in enumerate(needs) if position not in node.reads)
    for over in node.over:
        index = unit.index or 0
        if over.each is not None:
            origin = _outcome(state, state.units[absolute(over.each[index])], known)
        elif over.source is not None:
            source = state.units[absolute(over.source)]
            whole = source.items[index] if isinstance(source, Group) else source
            origin = _outcome(state, whole, known) + ("" if whole is not source else f"{over.path}[{index}]")
        else:
            origin = over.digests[index] if over.digests else f"{over.literal}[{index}]"
        parts.append(f"{over.parameter}:{origin}")
    return _hash(*parts)


def _outcome(state: ExecutionState, unit: Unit, known: dict[Unit, str]) -> str:
    """The lineage of a source, and what came of it."""
    if isinstance(unit, Group):
        # The outcomes of its items are in its lineage; a mapped task that could not be expanded has failed itself.
        return (
            known[unit]
            if unit.placeholder is None
            else _outcome(state, unit.placeholder, {unit.placeholder: known[unit]})
        )
    if unit.is_ok:
        return known[unit]
    outcome = f"{known[unit]} {unit.status.value}"
    return f"{outcome} in {state.id}" if unit.status in _UNDETERMINED else outcome


def _freshness(state: ExecutionState, unit: Unit, known: dict[Unit, bool]) -> bool:
    if unit.key in state.fresh_from or unit.node.key in state.fresh_from:
        return True
    if isinstance(unit, Task) and unit.group is not None and unit.group.key in state.fresh_from:
        return True
    return any(known[source] for source in _before(state, unit))


def _hash(*parts: str) -> str:
    hashed = blake2b(digest_size=16)
    for part in parts:
        data = part.encode()
        hashed.update(len(data).to_bytes(8, "little"))
        hashed.update(data)
    return hashed.hexdigest()
