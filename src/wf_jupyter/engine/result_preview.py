"""Preview of what a graph returns, put together from the previews of its tasks' results.

Values never come this way: a result of several parts is the text that was made of it while it was
packaged, with the texts of its tasks' results in the gaps.
"""

from __future__ import annotations

import msgspec

from wf_jupyter.engine.state import ExecutionState, Group, Subgraph, Task
from wf_jupyter.model.events import ResultInfo

#: Characters of a text that was put together, and how many items of a group it shows.
TEXT, ITEMS = 2000, 50


def keep(state: ExecutionState, task: Task, info: ResultInfo) -> None:
    """Remember what a task told of its result, when the result of its graph shows it."""
    whole = task.key in task.subgraph.returned
    if whole or (task.group is not None and (task.index or 0) < ITEMS and task.group.key in task.subgraph.returned):
        state.results[task.key] = info if whole else msgspec.structs.replace(info, html=None)


def preview_result(state: ExecutionState, subgraph: Subgraph) -> ResultInfo | None:
    """The result of a whole graph; None when nothing true can be told of it."""
    result = subgraph.graph.result
    parts = [_part(state, subgraph.absolute(need.source)) for need in result.needs]
    if result.is_alias:
        return parts[0]
    if not result.text:
        return None
    shown = (piece if isinstance(piece, str) else _text(parts[piece]) for piece in result.text)
    size = sum(part.size for part in parts if part is not None)
    return ResultInfo(type=result.type, text=_short("".join(shown)), size=size, length=result.length)


def _part(state: ExecutionState, key: str) -> ResultInfo | None:
    unit = state.units.get(key)
    if not isinstance(unit, Group):
        return state.results.get(key)
    if unit.size is None:
        return None
    infos = [state.results.get(item.key) for item in unit.items[:ITEMS]]
    shown = [_text(info) if item.is_ok else "None" for item, info in zip(unit.items, infos, strict=False)]
    more = ["…"] if unit.size > ITEMS else []
    size = 0 if more else sum(info.size for info in infos if info is not None)
    return ResultInfo(type="list", text=_short(f"[{', '.join(shown + more)}]"), size=size, length=unit.size)


def _text(info: ResultInfo | None) -> str:
    return "…" if info is None else info.text


def _short(text: str) -> str:
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"
