"""Two executions of a workflow side by side: what was added, removed, cached, failed, slower or faster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Literal

from wf_jupyter.model.snapshot import Snapshot, TaskSnapshot
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.render.text import one_line
from wf_jupyter.render.theme import EXECUTION_LOOKS, TASK_LOOKS

Change = Literal["failed", "recovered", "added", "removed", "slower", "faster", "cached", "other status", "same"]

#: In this order, the most urgent first.
CHANGES: tuple[Change, ...] = (
    "failed",
    "recovered",
    "added",
    "removed",
    "slower",
    "faster",
    "cached",
    "other status",
    "same",
)
#: A difference in time counts from this ratio on, and from this many seconds.
RATIO = 1.25
SECONDS = 0.1
_SHOWN = 200
_BAR = 90
_COLORS: Mapping[str, str] = {
    "failed": "#c5343d",
    "recovered": "#2a8555",
    "slower": "#b06f0a",
    "faster": "#2a8555",
    "cached": "#14808c",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One task in both executions; a side where it does not exist is None."""

    key: str
    change: Change
    before: TaskSnapshot | None
    after: TaskSnapshot | None

    @property
    def seconds(self) -> float | None:
        """How much longer it took, where both sides took time."""
        old, new = _seconds(self.before), _seconds(self.after)
        return None if old is None or new is None else new - old


class Comparison:
    """What differs between two executions. Shows itself at the end of a cell."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self._before = before
        self._after = after
        self.differences = _differences(before, after)
        self.counts = Counter(difference.change for difference in self.differences)

    def of(self, change: Change) -> list[Difference]:
        """The tasks with that change."""
        return [difference for difference in self.differences if difference.change == change]

    def __repr__(self) -> str:
        return f"<comparison of two executions of {self._after.workflow!r}>"

    def _repr_html_(self) -> str:
        return comparison_html(self._before, self._after, self)


def compare(before: Snapshot, after: Snapshot) -> Comparison:
    """What is different in `after`, as measured against `before`."""
    return Comparison(before, after)


def _differences(before: Snapshot, after: Snapshot) -> list[Difference]:
    old = {task.key: task for task in before.tasks}
    new = {task.key: task for task in after.tasks}
    keys = [*new, *(key for key in old if key not in new)]
    found = [Difference(key, _change(old.get(key), new.get(key)), old.get(key), new.get(key)) for key in keys]
    found.sort(key=lambda each: (CHANGES.index(each.change), -abs(each.seconds or 0.0)))
    return found


def _change(old: TaskSnapshot | None, new: TaskSnapshot | None) -> Change:
    if old is None or new is None:
        return "added" if old is None else "removed"
    if TaskStatus.FAILED in (old.status, new.status) and old.status is not new.status:
        if new.status is TaskStatus.FAILED:
            return "failed"
        return "recovered" if new.status.has_value else "other status"
    if new.status is TaskStatus.CACHED and old.status is not TaskStatus.CACHED:
        return "cached"
    if old.status is not new.status:
        return "other status"
    first, second = _seconds(old), _seconds(new)
    if first is None or second is None or abs(second - first) < SECONDS:
        return "same"
    if second > first * RATIO:
        return "slower"
    return "faster" if second * RATIO < first else "same"


def _seconds(task: TaskSnapshot | None) -> float | None:
    if task is None or task.status is not TaskStatus.SUCCEEDED:
        return None
    return task.duration


# -- how it shows ---------------------------------------------------------------------------------


def comparison_html(before: Snapshot, after: Snapshot, found: Comparison) -> str:
    """Tables that survive a sanitizer: what happened as a whole, then task by task."""
    told = ", ".join(f"<b>{found.counts[change]:,}</b> {change}" for change in CHANGES if found.counts[change])
    different = [each for each in found.differences if each.change != "same"]
    longest = max((_seconds(side) or 0.0 for each in different for side in (each.before, each.after)), default=0.0)
    rows = [_row(each, longest) for each in different[:_SHOWN]]
    if len(different) > _SHOWN:
        rows.append(f"<tr>{_cell(f'… and {len(different) - _SHOWN:,} more')}</tr>")
    head = "".join(f'<th style="text-align: left">{name}</th>' for name in ("Task", "Before", "After", "Change"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""
    return (
        f"<div><p><b>{_safe(after.workflow)}</b>: {_whole(before)} → {_whole(after)}</p>"
        f"<p>{told or 'no tasks'}</p>{table}</div>"
    )


def _whole(snapshot: Snapshot) -> str:
    look = EXECUTION_LOOKS[snapshot.status]
    took = "" if snapshot.duration is None else f" in {_time(snapshot.duration)}"
    created = snapshot.created.strftime("%Y-%m-%d %H:%M:%S UTC")
    return f'<span style="color: {look.light}">{look.glyph} {look.word}</span>{took} ({created})'


def _row(each: Difference, longest: float) -> str:
    return (
        f"<tr>{_cell(f'<b>{_safe(each.key)}</b>')}{_cell(_side(each.before, longest))}"
        f"{_cell(_side(each.after, longest))}{_cell(_words(each))}</tr>"
    )


def _side(task: TaskSnapshot | None, longest: float) -> str:
    if task is None:
        return "–"
    look = TASK_LOOKS[task.status]
    seconds = _seconds(task)
    told = f'<span style="color: {look.light}">{look.glyph} {look.word}</span>'
    if seconds is None:
        return told
    width = max(2, round(_BAR * seconds / longest)) if longest else 2
    style = f"display: inline-block; width: {width}px; height: 7px; background-color: {look.light}"
    return f'{told} {_time(seconds)}<br><span style="{style}"></span>'


def _words(each: Difference) -> str:
    words: str = each.change
    old, new = _seconds(each.before), _seconds(each.after)
    if each.change in ("slower", "faster") and old and new:
        ratio = new / old if new > old else old / new
        words = f"{ratio:.1f} × {words}" if ratio < 100 else f"far {words}"
    reason = each.after.reason if each.after else None
    if reason is not None and each.change != "same":
        words += f": {reason.text}"[:160]
    failure = each.after.error if each.change == "failed" and each.after else None
    if failure is not None:
        words += f": {failure.type}: {failure.message}"[:160]
    color = _COLORS.get(each.change)
    return f'<span style="color: {color}">{_safe(words)}</span>' if color else _safe(words)


def _time(seconds: float) -> str:
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _cell(content: str) -> str:
    return f'<td style="text-align: left; vertical-align: top">{content}</td>'


def _safe(text: str) -> str:
    return escape(one_line(text))
