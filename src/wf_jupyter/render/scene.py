"""The scene that is drawn: boxes and what each waits for, the same for a draft and for a snapshot.

A mapped task is one box however many items it has. Where there would be too many boxes, whole
sub-workflows become one box each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from wf_jupyter.model.draft import Draft, DraftNode, Each, Items, NodeRef, PackedItems
from wf_jupyter.model.events import Failure
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.render.discreet import discreet
from wf_jupyter.render.theme import overall

_NOTE_LENGTH = 100


@dataclass(slots=True)
class Box:
    """One task, mapped task or folded sub-workflow.

    `size` is None for a plain task, and `...` for a mapped one whose number of items is not known.
    `counts` is empty when there are no states (a draft). `note` says in short why it failed or was skipped.
    """

    key: str
    label: str
    waits: tuple[str, ...] = ()
    size: int | object | None = None
    counts: Counter[TaskStatus] = field(default_factory=Counter)
    note: str = ""
    scope: str | None = None

    @property
    def status(self) -> TaskStatus | None:
        """The state to show, if there are states."""
        return overall(self.counts) if self.counts else None

    @property
    def times(self) -> str:
        """The number of runs, as in `× 12`; empty for a plain task."""
        if self.size is None:
            return ""
        return f"× {self.size:,}" if isinstance(self.size, int) else "× n"


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything in a picture. `status` is None for a workflow that has not been submitted."""

    title: str
    boxes: tuple[Box, ...]
    status: ExecutionStatus | None = None
    counts: Counter[TaskStatus] = field(default_factory=Counter)

    @property
    def task_count(self) -> int:
        """Number of tasks that are known, items of mapped tasks counted singly."""
        if self.counts:
            return self.counts.total()
        return sum(box.size if isinstance(box.size, int) else box.size is None for box in self.boxes)

    @property
    def is_open(self) -> bool:
        """Whether the number of tasks will be known only at run time."""
        return any(box.size is ... for box in self.boxes)


def of_draft(draft: Draft) -> Scene:
    """The graph of a traced workflow."""
    sizes: dict[str, int | object | None] = {}
    boxes = []
    for node in draft.nodes:
        sizes[node.key] = _map_size(node, sizes)
        boxes.append(Box(node.key, str(node.key), tuple(node.sources()), sizes[node.key], scope=node.group))
    return Scene(draft.workflow, tuple(boxes))


def of_snapshot(snapshot: Snapshot) -> Scene:
    """An execution as it stands."""
    boxes: dict[str, Box] = {}
    box_of: dict[str, str] = {}
    failures: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for group in snapshot.groups:
        if group.kind == "map":
            size = ... if group.size is None else group.size
            boxes[group.key] = Box(group.key, group.key, group.dependencies, size, scope=group.group)
    for task in snapshot.tasks:
        home = task.group if task.group in boxes else None
        if home is None:
            home = task.key
            boxes[home] = Box(home, home, task.dependencies, scope=task.group)
        box = boxes[home]
        box_of[task.key] = home
        box.counts[task.status] += 1
        if task.error is not None and task.status is TaskStatus.FAILED:
            failures.setdefault(home, _note(task.error))
        elif task.reason is not None:
            reasons.setdefault(home, _cut(task.reason.text))
    for key, box in boxes.items():
        # A failure stands for all items of a mapped task; why some of many were skipped does not.
        box.note = failures.get(key) or (reasons.get(key, "") if len(box.counts) == 1 else "")
    counts = Counter(task.status for task in snapshot.tasks)
    seen = [replace(box, waits=_known_sources(box, box_of, boxes)) for box in boxes.values()]
    return Scene(snapshot.workflow, tuple(_in_order(seen)), snapshot.status, counts)


def fold_workflows(scene: Scene, limit: int) -> Scene:
    """The scene with sub-workflows folded into one box each, when it has more than `limit` boxes."""
    if len(scene.boxes) <= limit:
        return scene
    merged: dict[str, Box] = {}
    home: dict[str, str] = {}
    for box in scene.boxes:
        outermost = box.key.split("/", 1)[0] if box.scope else box.key
        home[box.key] = outermost
        if box.scope is None:
            merged[outermost] = replace(box, counts=Counter(box.counts))
            continue
        whole = merged.setdefault(outermost, Box(outermost, outermost, size=0))
        whole.size = (whole.size if isinstance(whole.size, int) else 0) + (box.size if isinstance(box.size, int) else 1)
        whole.counts.update(box.counts)
        whole.waits += box.waits
        whole.note = whole.note or box.note
    boxes = [
        replace(box, waits=tuple(dict.fromkeys(w for key in box.waits if (w := home.get(key, key)) != box.key)))
        for box in merged.values()
    ]
    return replace(scene, boxes=tuple(_in_order(boxes)))


def _known_sources(box: Box, box_of: dict[str, str], boxes: dict[str, Box]) -> tuple[str, ...]:
    homes = (key if key in boxes else box_of.get(key) for key in box.waits)
    return tuple(dict.fromkeys(home for home in homes if home is not None and home != box.key))


def _in_order(boxes: Iterable[Box]) -> list[Box]:
    """Boxes after those they wait for, as near to the given order as that allows."""
    left = {box.key: box for box in boxes}
    placed: dict[str, Box] = {}
    entered: set[str] = set()

    def place(start: Box) -> None:
        stack = [(start, iter(start.waits))]
        entered.add(start.key)
        while stack:
            box, waits = stack[-1]
            following = next((left[key] for key in waits if key in left and key not in entered), None)
            if following is None:
                placed[box.key] = box
                stack.pop()
            else:
                entered.add(following.key)
                stack.append((following, iter(following.waits)))

    for box in left.values():
        if box.key not in placed:
            place(box)
    return list(placed.values())


def _map_size(node: DraftNode, sizes: dict[str, int | object | None]) -> int | object | None:
    if not node.over:
        return None
    known: list[int] = []
    for source in node.over.values():
        match source:
            case Items() | PackedItems() | Each():
                known.append(len(source))
            case NodeRef():
                size = sizes.get(source.source)
                if isinstance(size, int) and not source.path:
                    known.append(size)
    return known[0] if known else ...


def _note(failure: Failure) -> str:
    first = failure.message.strip().splitlines()[:1]
    return _cut(": ".join([failure.type, *map(discreet, first)]))


def _cut(text: str) -> str:
    return text if len(text) <= _NOTE_LENGTH else text[: _NOTE_LENGTH - 1] + "…"
