"""`--watch` in a terminal: a line per group of tasks that changes in place. Pipes get a line per event instead."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TextIO

from wf_jupyter.client.execution import Execution
from wf_jupyter.model.snapshot import Snapshot, TaskSnapshot, is_at_rest, status_word
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.render.text import one_line
from wf_jupyter.render.theme import TASK_LOOKS

#: Seconds between two pictures.
_PAUSE = 0.1
_BAR = 20
_RED, _GREEN, _YELLOW, _BLUE, _CYAN, _DIM = 31, 32, 33, 34, 36, 90
_COLORS = {
    TaskStatus.SUCCEEDED: _GREEN,
    TaskStatus.CACHED: _CYAN,
    TaskStatus.RUNNING: _BLUE,
    TaskStatus.RETRYING: _YELLOW,
    TaskStatus.FAILED: _RED,
}
#: The status of a line is the first of these that one of its tasks has.
_URGENT = (TaskStatus.FAILED, TaskStatus.RETRYING, TaskStatus.RUNNING)


@dataclass
class Line:
    """Tasks of one name, or of one group."""

    name: str
    counts: Counter[TaskStatus] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """Number of those that are final."""
        return sum(count for status, count in self.counts.items() if status.is_final)

    @property
    def status(self) -> TaskStatus:
        """The status that the line is shown with."""
        if self.done == self.counts.total() or any(self.counts[status] for status in _URGENT):
            final = (TaskStatus.SUCCEEDED, TaskStatus.CACHED, TaskStatus.SKIPPED, TaskStatus.CANCELLED)
            return next(status for status in (*_URGENT, *final) if self.counts[status])
        return TaskStatus.RUNNING if self.done else TaskStatus.PENDING


def is_terminal(stream: TextIO) -> bool:
    """Whether lines can change in place."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def watch(execution: Execution, stream: TextIO = sys.stderr) -> None:
    """Draw until nothing more happens."""
    replica = execution.follow()
    drawn = 0
    began = time.monotonic()
    while True:
        width, height = shutil.get_terminal_size()
        head, lines, ended = replica.read(
            lambda snapshot: (_head(snapshot), group_lines(snapshot), is_at_rest(snapshot))
        )
        shown = [f"{head}  {_clock(time.monotonic() - began)}", *(_text(line) for line in _fitting(lines, height - 3))]
        if len(lines) > len(shown) - 1:
            shown.append(f"  … and {len(lines) - len(shown) + 1} more")
        stream.write(
            f"\x1b[{drawn}A" * bool(drawn) + "".join(f"\x1b[2K{_cut(text, width)}\n" for text in shown) + "\x1b[J"
        )
        stream.flush()
        drawn = len(shown)
        if ended:
            return
        replica.wait(is_at_rest, _PAUSE)


def group_lines(snapshot: Snapshot) -> list[Line]:
    """A line per outermost group, and one per name of the tasks in none."""
    parents = {group.key: group.group for group in snapshot.groups}
    names = {group.key: group.name for group in snapshot.groups}
    found: dict[str, Line] = {}
    for task in snapshot.tasks:
        key = _outermost(task, parents)
        line = found.setdefault(key, Line(names.get(key, task.name)))
        line.counts[task.status] += 1
    return list(found.values())


def _outermost(task: TaskSnapshot, parents: dict[str, str | None]) -> str:
    key = task.group
    if key is None:
        return f" {task.name}"  # no group has such a key
    while (above := parents.get(key)) is not None:
        key = above
    return key


def _fitting(lines: list[Line], room: int) -> Iterable[Line]:
    """All lines, or those on which something happens or failed, in order."""
    if len(lines) <= room:
        return lines
    urgent = [line for line in lines if line.status in _URGENT]
    kept = {id(line) for line in [*urgent, *lines][: max(1, room)]}
    return [line for line in lines if id(line) in kept]


def _head(snapshot: Snapshot) -> str:
    done = sum(snapshot.counts.get(status.value, 0) for status in TaskStatus if status.is_final)
    why = "" if snapshot.parked is None else f": {one_line(snapshot.parked.reason)}"
    total = sum(snapshot.counts.values())
    return f"{one_line(snapshot.workflow, 60)}: {status_word(snapshot)}{why}  {done:,}/{total:,}"


def _text(line: Line) -> str:
    total = line.counts.total()
    color = _COLORS.get(line.status, _DIM)
    filled = round(_BAR * line.done / total) if total else 0
    full, rest = ("━" * filled, "━" * (_BAR - filled)) if total > 1 else ("", " " * _BAR)
    bar = _color(full, color) + (_color(rest, _DIM) if not os.environ.get("NO_COLOR") else " " * len(rest))
    glyph = TASK_LOOKS[line.status].glyph
    words = [f"{line.counts[status]:,} {TASK_LOOKS[status].word}" for status in _URGENT if line.counts[status]]
    counter = f"{line.done:,}/{total:,}"
    name = one_line(line.name, 28)
    return f"  {_color(glyph, color)} {name:<28} {bar} {counter:>13}  {', '.join(words)}"


def _color(text: str, color: int) -> str:
    return text if os.environ.get("NO_COLOR") else f"\x1b[{color}m{text}\x1b[0m"


def _cut(text: str, width: int) -> str:
    """`text` in at most `width` columns; what is between escape characters takes none."""
    shown: list[str] = []
    columns = 0
    inside = False
    for character in text:
        inside = inside or character == "\x1b"
        if not inside:
            columns += 1
            if columns >= width:
                return "".join(shown) + "\x1b[0m"
        shown.append(character)
        inside = inside and character != "m"
    return "".join(shown)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
