"""Pictures in plain text: one line that says it all, and a line per box."""

from __future__ import annotations

from wf_jupyter.model.draft import Draft
from wf_jupyter.model.snapshot import Snapshot, status_word
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.render.scene import Box, Scene, fold_workflows, of_draft, of_snapshot
from wf_jupyter.render.theme import TASK_LOOKS, count_looks

_LINES = 24


def draft_text(draft: Draft) -> str:
    """A workflow with its inputs, before it runs."""
    return _text(of_draft(draft))


def snapshot_text(snapshot: Snapshot) -> str:
    """An execution as it stands, as in `flights: succeeded, 24 tasks`."""
    text = _text(of_snapshot(snapshot))
    # Where it stands in the log is not what it does: nothing.
    return text if snapshot.parked is None else text.replace(str(snapshot.status), status_word(snapshot), 1)


def headline(scene: Scene) -> str:
    """The first line of every picture."""
    words = [] if scene.status in (None, ExecutionStatus.PENDING) else [str(scene.status)]
    words.append(counted_tasks(scene))
    if scene.status is not None and scene.status is not ExecutionStatus.SUCCEEDED and scene.status.is_final:
        words += [f"{count:,} {look.word}" for look, count in count_looks(scene.counts)]
    return f"{one_line(scene.title)}: {', '.join(words)}"


def counted_tasks(scene: Scene) -> str:
    """The number of tasks as text, and whether more will come."""
    count = scene.task_count
    return f"{count:,} {'task' if count == 1 else 'tasks'}" + (" and more" if scene.is_open else "")


def _text(scene: Scene) -> str:
    drawn = fold_workflows(scene, _LINES)
    shown = drawn.boxes if len(drawn.boxes) <= _LINES else drawn.boxes[: _LINES - 1]
    is_plan = scene.status in (None, ExecutionStatus.PENDING)
    lines = [headline(scene), *(_line(box, is_plan) for box in shown)]
    if len(shown) < len(drawn.boxes):
        lines.append(f"  … and {len(drawn.boxes) - len(shown):,} more")
    return "\n".join(lines)


def _line(box: Box, is_plan: bool) -> str:
    status = box.status
    words = ["·" if is_plan or status is None else TASK_LOOKS[status].glyph, one_line(box.label)]
    if box.times:
        words.append(box.times)
    if len(box.counts) > 1:
        words.append("(" + ", ".join(f"{count:,} {look.word}" for look, count in count_looks(box.counts)) + ")")
    elif status is not None and status.value not in ("succeeded", "pending"):
        words.append(TASK_LOOKS[status].word)
    if box.note:
        words.append("– " + one_line(box.note))
    elif is_plan and box.waits:
        words.append("← " + ", ".join(one_line(key) for key in box.waits[:6]) + (", …" if len(box.waits) > 6 else ""))
    return "  " + " ".join(words)


def one_line(text: str, limit: int = 120) -> str:
    """`text` without line breaks and control characters, cut at `limit`."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
