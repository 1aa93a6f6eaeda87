"""Task by task, what was added, removed, cached, failed, slower or faster in one execution than in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from wf_jupyter.model.snapshot import Snapshot, TaskSnapshot
from wf_jupyter.model.status import TaskStatus

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


@dataclass(frozen=True, slots=True)
class Difference:
    """One task in both executions; a side where it does not exist is None."""

    key: str
    change: Change
    before: TaskSnapshot | None
    after: TaskSnapshot | None

    @property
    def seconds(self) -> float | None:
        """Seconds that it took longer, where both sides took time."""
        old, new = _seconds(self.before), _seconds(self.after)
        return None if old is None or new is None else new - old


@dataclass(frozen=True, slots=True)
class Whole:
    """All items of a mapped task, or one task, in both executions."""

    key: str
    is_map: bool
    parts: tuple[Difference, ...]

    @property
    def change(self) -> Change:
        """The change of its most urgent part; times are those of all its items together."""
        found = min((part.change for part in self.parts), key=CHANGES.index)
        if self.is_map and found in ("slower", "faster", "same"):
            return _by_time(self.seconds(0), self.seconds(1))
        return found

    @property
    def counts(self) -> Counter[Change]:
        """Number of parts by how they changed."""
        return Counter(part.change for part in self.parts)

    def sides(self, side: int) -> list[TaskSnapshot]:
        """Tasks of the part in one execution: 0 before, 1 after."""
        found = [part.after if side else part.before for part in self.parts]
        return [task for task in found if task is not None]

    def seconds(self, side: int) -> float | None:
        """Seconds that its tasks took together; None when none took time."""
        times = [seconds for task in self.sides(side) if (seconds := _seconds(task)) is not None]
        return sum(times) if times else None


def differences(before: Snapshot, after: Snapshot) -> list[Difference]:
    """Every task of both, the most urgent differences first."""
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
    return _by_time(_seconds(old), _seconds(new))


def _by_time(first: float | None, second: float | None) -> Change:
    if first is None or second is None or abs(second - first) < SECONDS:
        return "same"
    if second > first * RATIO:
        return "slower"
    return "faster" if second * RATIO < first else "same"


def _seconds(task: TaskSnapshot | None) -> float | None:
    if task is None or task.status is not TaskStatus.SUCCEEDED:
        return None
    return task.duration


def wholes(before: Snapshot, after: Snapshot, found: Iterable[Difference]) -> list[Whole]:
    """Mapped tasks as one each, and all other tasks; the most urgent first."""
    maps = {group.key for side in (before, after) for group in side.groups if group.kind == "map"}
    homes: dict[str, list[Difference]] = {}
    for each in found:
        task = each.after or each.before
        group = None if task is None else task.group
        homes.setdefault(group if group in maps else each.key, []).append(each)
    made = [Whole(key, key in maps, tuple(parts)) for key, parts in homes.items()]
    made.sort(key=lambda whole: (CHANGES.index(whole.change), -abs((whole.seconds(1) or 0) - (whole.seconds(0) or 0))))
    return made
