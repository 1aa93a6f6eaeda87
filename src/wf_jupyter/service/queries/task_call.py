"""The call of a task, for a kernel that calls it again. Bytes only: no value is looked at here."""

from __future__ import annotations

from collections.abc import Iterator

from wf_jupyter.engine.graph_expansion import group_placeholder, sources_of
from wf_jupyter.engine.reasons import why_skipped
from wf_jupyter.engine.state import ExecutionState, Group, Task
from wf_jupyter.errors import InputError, StateConflict
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.ports import Store
from wf_jupyter.protocol.task_call import TaskCall
from wf_jupyter.service.execution.inputs import ITEMS, InputReader, Values
from wf_jupyter.service.queries.execution_reader import Ended, leaves

#: How many tasks an error names.
_NAMED = 3


async def read_call(ended: Ended, store: Store, key: str) -> TaskCall:
    """The call of a task, of any attempt: they all had the same.

    Raises:
        InputError: there is no such task.
        StateConflict: it was not called (yet), which the message explains, or a value or its code is not stored.
    """
    state, picture, values, blobs = ended
    task = state.task(key)
    if task is None:
        raise InputError(f"execution {state.id} has no task {key!r}", "task")
    if (why := _why_not_called(state, task)) is not None:
        error = picture.tasks[key].error if key in picture.tasks else None
        raise StateConflict(f"task {key!r} was not called: {why or (error and error.message) or task.status}")
    reader = InputReader(state, values, blobs)
    wanted = list(reader.missing(task))
    if wanted:
        for (source, _), value in (await store.values(state.id, wanted)).items():
            values.add(source, value)
    gone = list(dict.fromkeys(_missing_results(state, values, task)))
    if gone:
        named = ", ".join(map(repr, gone[:_NAMED])) + (f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else "")
        raise StateConflict(f"task {key!r} cannot be called again: the result of {named} is not stored any more")
    node = task.node
    if node.code not in blobs or node.call not in blobs:
        raise StateConflict(f"task {key!r} cannot be called again: its code is not stored any more")
    return TaskCall(
        task=key,
        name=node.name,
        code=blobs[node.code],
        call=blobs[node.call],
        inputs=reader.inputs(task, str(store.directory(state.id))),
        over=tuple(over.parameter for over in node.over),
        index=task.index,
        attempt=task.attempt,
    )


def _why_not_called(state: ExecutionState, task: Task) -> str | None:
    """None when it was called, or has all that it takes; empty when its own error says why."""
    if task.attempt or task.status is TaskStatus.CACHED:
        return None
    if group_placeholder(task):
        return "" if task.reason is None else task.reason.text
    waits = [source.key for source in sources_of(state, task) if not source.is_final]
    if waits:
        more = f" and {len(waits) - _NAMED} more" if len(waits) > _NAMED else ""
        return f"it waits for {', '.join(waits[:_NAMED])}{more}"
    reason = task.reason if task.status is TaskStatus.SKIPPED else why_skipped(state, task)
    return None if reason is None else reason.text


def _missing_results(state: ExecutionState, values: Values, task: Task) -> Iterator[str]:
    """Tasks whose results the call needs, and that have one, but not stored."""
    absolute = task.subgraph.absolute
    units = [
        state.units[absolute(need.source)] for need in task.node.needs if need.kind in ("value", "outcome", "first")
    ]
    for over in task.node.over if task.index is not None else ():
        if over.each is not None:
            units.append(state.units[absolute(over.each[task.index or 0])])
        elif over.source is not None:
            source = state.origin(state.units[absolute(over.source)])
            if isinstance(source, Group):
                units.append(source.items[task.index or 0])
            elif values.find(source.key, ITEMS + over.path) is None:
                yield source.key
    for leaf in leaves(state, units):
        if leaf.is_ok and values.find(leaf.key) is None:
            yield leaf.key
