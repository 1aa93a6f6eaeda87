"""Two executions of a workflow side by side: what was changed, the graph with what came of it, then the numbers.

Tables that survive a sanitizer; only the graph, which says nothing that the table does not, may be lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from html import escape

from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.render.differences import CHANGES, Change, Difference, Whole, differences, wholes
from wf_jupyter.render.scene import Scene, of_snapshot
from wf_jupyter.render.svg import Badge, scene_svg
from wf_jupyter.render.text import one_line
from wf_jupyter.render.theme import EXECUTION_LOOKS, TASK_LOOKS, overall

_SHOWN = 200
_BAR = 90
_COLORS: Mapping[str, str] = {
    "failed": "#b82c35",
    "recovered": "#1f7a4a",
    "added": "#1f5cc4",
    "removed": "#6b6f76",
    "slower": "#8f5600",
    "faster": "#1f7a4a",
    "cached": "#0f6a77",
}
_SIGNS: Mapping[str, str] = {"failed": "✕", "added": "+", "removed": "−", "slower": "▲", "faster": "▼", "cached": "↯"}


class Comparison:
    """Differences between two executions. Shows itself at the end of a cell."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self._before = before
        self._after = after
        self.differences = differences(before, after)
        self.counts = Counter(difference.change for difference in self.differences)

    def of(self, change: Change) -> list[Difference]:
        """The tasks with that change."""
        return [difference for difference in self.differences if difference.change == change]

    def __repr__(self) -> str:
        return f"<comparison of two executions of {self._after.workflow!r}>"

    def _repr_html_(self) -> str:
        return comparison_html(self._before, self._after, self)


def compare(before: Snapshot, after: Snapshot) -> Comparison:
    """Compare `after` with `before`."""
    return Comparison(before, after)


def comparison_html(before: Snapshot, after: Snapshot, found: Comparison) -> str:
    """The whole of it."""
    whole_tasks = wholes(before, after, found.differences)
    different = [whole for whole in whole_tasks if whole.change != "same"]
    counts = ", ".join(f"<b>{found.counts[change]:,}</b> {change}" for change in CHANGES if found.counts[change])
    return (
        f"<div><p><b>{_safe(after.workflow)}</b>: {_whole(before)} → {_whole(after)}{_difference(before, after)}</p>"
        f"<p>{_inputs(before, after)}</p>{_graph(before, after, different)}"
        f"<p>{counts or 'no tasks'}</p>{_table(different, len(whole_tasks))}</div>"
    )


def _inputs(before: Snapshot, after: Snapshot) -> str:
    """Inputs that were changed come first: they are why one compares."""
    names = [*after.inputs, *(name for name in before.inputs if name not in after.inputs)]
    changed = [name for name in names if before.inputs.get(name) != after.inputs.get(name)]
    same = len(names) - len(changed)
    words = [
        f"<code>{_safe(name)}</code> <s>{_safe(before.inputs.get(name, '–'))}</s> → "
        f"<b>{_safe(after.inputs.get(name, '–'))}</b>"
        for name in changed
    ]
    rest = f"{same} {'input' if same == 1 else 'inputs'} the same" if same else ""
    if not words:
        return "No inputs differ." if names else "It has no inputs."
    return f"Changed inputs: {', '.join(words)}" + (f" · {rest}" if rest else "")


def _graph(before: Snapshot, after: Snapshot, different: list[Whole]) -> str:
    badges = {whole.key: _badge(whole) for whole in different}
    old, new = of_snapshot(before), of_snapshot(after)
    known = {box.key for box in new.boxes}
    gone = [replace(box, note="only before") for box in old.boxes if box.key not in known]
    keys = known | {box.key for box in gone}
    boxes = (*new.boxes, *(replace(box, waits=tuple(key for key in box.waits if key in keys)) for box in gone))
    return f"<div>{scene_svg(Scene(new.title, boxes, new.status, new.counts), badges)}</div>" if boxes else ""


def _badge(whole: Whole) -> Badge:
    change = whole.change
    sign = _SIGNS.get(change, "±")
    if whole.is_map and change in ("failed", "added", "removed"):
        return f"{sign} {whole.counts[change]:,} {change}", _COLORS[change]
    words = {"failed": "newly failed", "other status": f"now {_status(whole)}"}.get(change, change)
    return f"{sign} {_times(whole, words)}", _COLORS.get(change, "#6b6f76")


def _table(different: list[Whole], many: int) -> str:
    longest = max((whole.seconds(side) or 0.0 for whole in different for side in (0, 1)), default=0.0)
    rows = [_row(each, longest) for each in different[:_SHOWN]]
    if len(different) > _SHOWN:
        rows.append(f"<tr>{_cell(f'… and {len(different) - _SHOWN:,} more')}</tr>")
    if rows and many > len(different):
        rows.append(f"<tr>{_cell(f'{many - len(different):,} more about the same')}</tr>")
    names = ("Task", "Before", "After", "Difference", "Change")
    head = "".join(f'<th style="text-align: left">{name}</th>' for name in names)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""


def _whole(snapshot: Snapshot) -> str:
    look = EXECUTION_LOOKS[snapshot.status]
    took = "" if snapshot.duration is None else f" in {_time(snapshot.duration)}"
    created = snapshot.created.strftime("%Y-%m-%d %H:%M:%S UTC")
    return f'<span style="color: {look.light}">{look.glyph} {look.word}</span>{took} ({created})'


def _difference(before: Snapshot, after: Snapshot) -> str:
    if before.duration is None or after.duration is None:
        return ""
    return f" · <b>{_format_difference(after.duration - before.duration)}</b>"


def _row(each: Whole, longest: float) -> str:
    name = f"<b>{_safe(each.key)}</b>{_sizes(each)}"
    old, new = each.seconds(0), each.seconds(1)
    difference = "" if old is None or new is None else _format_difference(new - old)
    sides = "".join(_cell(_side(each, side, longest)) for side in (0, 1))
    return f"<tr>{_cell(name)}{sides}{_cell(difference)}{_cell(_words(each))}</tr>"


def _sizes(each: Whole) -> str:
    if not each.is_map:
        return ""
    old, new = len(each.sides(0)), len(each.sides(1))
    return f" × {new:,}" if old == new else f" × {old:,} → × {new:,}"


def _side(each: Whole, side: int, longest: float) -> str:
    tasks = each.sides(side)
    if not tasks:
        return "–"
    look = TASK_LOOKS[overall(Counter(task.status for task in tasks))]
    seconds = each.seconds(side)
    status = f'<span style="color: {look.light}">{look.glyph} {look.word}</span>'
    if seconds is None:
        return status
    width = max(2, round(_BAR * seconds / longest)) if longest else 2
    style = f"display: inline-block; width: {width}px; height: 7px; background-color: {look.light}"
    return f'{status} {_time(seconds)}<br><span style="{style}"></span>'


def _words(each: Whole) -> str:
    words = _times(each, each.change)
    if each.is_map:
        words = ", ".join(f"{each.counts[change]:,} {change}" for change in CHANGES if each.counts[change])
    after = next((part.after for part in each.parts if part.change == each.change and part.after is not None), None)
    if after is not None and after.reason is not None:
        words += f": {after.reason.text}"[:160]
    if each.change == "failed" and after is not None and after.error is not None:
        words += f": {after.error.type}: {after.error.message}"[:160]
    color = _COLORS.get(each.change)
    return f'<span style="color: {color}">{_safe(words)}</span>' if color else _safe(words)


def _times(each: Whole, words: str) -> str:
    old, new = each.seconds(0), each.seconds(1)
    if each.change not in ("slower", "faster") or not old or not new:
        return words
    ratio = new / old if new > old else old / new
    return f"{ratio:.1f} × {words}" if ratio < 100 else f"far {words}"


def _status(each: Whole) -> str:
    return overall(Counter(task.status for task in each.sides(1))).value


def _time(seconds: float) -> str:
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _format_difference(seconds: float) -> str:
    return f"{'+' if seconds >= 0 else '−'}{_time(abs(seconds))}"


def _cell(content: str) -> str:
    return f'<td style="text-align: left; vertical-align: top">{content}</td>'


def _safe(text: str) -> str:
    return escape(one_line(text))
