"""State that a saved notebook keeps of an execution in a widget: bounded, without what only its author may know.

Inputs, folders, tracebacks and texts of results stay where the execution runs. Where all items of mapped tasks would
be too much, they become runs of equal states (`[["succeeded", 2997], ["failed", 3]]`), of which the page makes tasks
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec

from wf_jupyter.model.events import ResultInfo
from wf_jupyter.model.snapshot import Snapshot, TaskSnapshot
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.render.discreet import discreet_failure

#: Bytes of JSON. With the loader, the still picture and what ipywidgets keeps, a view stays below 60 kB.
LIMIT = 36_000
#: Tasks beyond which their records cannot fit, so that they are not even encoded.
_MOST_TASKS = LIMIT // 60
#: Failed items of mapped tasks that are kept with their message.
_FAILED_ITEMS = 20


def keep_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as JSON objects of at most `LIMIT` bytes; empty when the graph is too large even so."""
    bare = msgspec.structs.replace(
        snapshot,
        inputs={},
        parked=None,
        result=_facts(snapshot.result),
        failed=snapshot.failed[:_FAILED_ITEMS],
        groups=list(snapshot.groups),
        tasks=[],
    )
    if len(snapshot.tasks) <= _MOST_TASKS:
        found: dict[str, Any] = msgspec.to_builtins(bare)
        found["tasks"] = [msgspec.to_builtins(_bare(task)) for task in snapshot.tasks]
        if _fits(found):
            return found
    found = msgspec.to_builtins(bare)
    items, others = _apart(snapshot)
    if len(others) > _MOST_TASKS:
        return {}
    found["tasks"] = [msgspec.to_builtins(_bare(task)) for task in others]
    found["items"] = [{"group": key, "runs": _runs(tasks)} for key, tasks in items.items()]
    return found if _fits(found) else {}


def _fits(found: dict[str, Any]) -> bool:
    return len(msgspec.json.encode(found)) <= LIMIT


def _apart(snapshot: Snapshot) -> tuple[dict[str, list[TaskSnapshot]], list[TaskSnapshot]]:
    """The items of mapped tasks, and all tasks that are none, or that failed."""
    maps = {group.key for group in snapshot.groups if group.kind == "map"}
    items: dict[str, list[TaskSnapshot]] = {}
    others: list[TaskSnapshot] = []
    left = _FAILED_ITEMS
    for task in snapshot.tasks:
        key = task.group or ""
        held = items.setdefault(key, []) if key in maps else None
        if held is None or task.key != f"{key}[{len(held)}]":
            others.append(task)
            continue
        held.append(task)
        if task.status is TaskStatus.FAILED and left > 0:
            left -= 1
            others.append(task)
    return items, others


def _runs(tasks: Iterable[TaskSnapshot]) -> Sequence[tuple[str, int]]:
    return [(status.value, sum(1 for _ in same)) for status, same in groupby(task.status for task in tasks)]


def _bare(task: TaskSnapshot) -> TaskSnapshot:
    error = discreet_failure(task.error)
    return msgspec.structs.replace(task, worker="", error=error, result=_facts(task.result), progress=None)


def _facts(result: ResultInfo | None) -> ResultInfo | None:
    return None if result is None else msgspec.structs.replace(result, text="", html=None)
