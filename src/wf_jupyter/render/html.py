"""Pictures in HTML: a headline, a bar of states, and a small table.

Viewers of saved notebooks strip scripts, style sheets, classes and images. So this is plain tables
and bold text with a few inline colours, and reads well when even those are gone.
"""

from __future__ import annotations

from html import escape

from wf_jupyter.model.draft import Draft
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.render.scene import Box, Scene, fold_workflows, of_draft, of_snapshot
from wf_jupyter.render.text import counted_tasks, one_line
from wf_jupyter.render.theme import EXECUTION_LOOKS, TASK_LOOKS, Look, count_looks

_ROWS = 24
_BAR_WIDTH = 480


def draft_html(draft: Draft) -> str:
    """A workflow with its inputs, before it runs."""
    return _html(of_draft(draft))


def snapshot_html(snapshot: Snapshot) -> str:
    """An execution as it stands."""
    return _html(of_snapshot(snapshot))


def _html(scene: Scene) -> str:
    drawn = fold_workflows(scene, _ROWS)
    shown = drawn.boxes if len(drawn.boxes) <= _ROWS else drawn.boxes[: _ROWS - 1]
    is_plan = scene.status in (None, ExecutionStatus.PENDING)
    rows = [_row(box, is_plan) for box in shown]
    if len(shown) < len(drawn.boxes):
        rows.append(f"<tr><td></td><td>… and {len(drawn.boxes) - len(shown):,} more</td><td></td></tr>")
    parts = [f"<p>{_headline(scene)}</p>"]
    if scene.status is not None and scene.status.is_final and scene.counts:
        parts.append(_bar(scene))
    if rows:
        parts.append(f"<table><tbody>{''.join(rows)}</tbody></table>")
    return f"<div>{''.join(parts)}</div>"


def _headline(scene: Scene) -> str:
    facts = [f"<b>{_safe(scene.title)}</b>"]
    if scene.status is not None and scene.status is not ExecutionStatus.PENDING:
        facts.append(_format_look(EXECUTION_LOOKS[scene.status]))
    facts.append(counted_tasks(scene))
    return " · ".join(facts)


def _bar(scene: Scene) -> str:
    total = scene.counts.total()
    parts = []
    counts = []
    for look, count in count_looks(scene.counts):
        width = max(3, round(_BAR_WIDTH * count / total))
        style = f"display: inline-block; width: {width}px; height: 6px; background-color: {look.light}"
        parts.append(f'<span style="{style}"></span>')
        counts.append(f"{_color(look.glyph, look)} <b>{count:,}</b> {look.word}")
    return f"<p>{''.join(parts)}<br>{' &nbsp; '.join(counts)}</p>"


def _row(box: Box, is_plan: bool) -> str:
    status = box.status
    if is_plan or status is None:
        waits = ", ".join(_safe(key) for key in box.waits[:6]) + (", …" if len(box.waits) > 6 else "")
        state, note = "·", f"after {waits}" if waits else ""
    else:
        state = _format_look(TASK_LOOKS[status])
        note = _safe(box.note)
        if len(box.counts) > 1:
            counts_text = ", ".join(f"{count:,} {look.word}" for look, count in count_looks(box.counts))
            note = f"{counts_text}: {note}" if note else counts_text
    times = f" {box.times}" if box.times else ""
    return f"<tr>{_cell(state)}{_cell(f'<b>{_safe(box.label)}</b>{times}')}{_cell(note)}</tr>"


def _cell(content: str) -> str:
    return f'<td style="text-align: left; padding-right: 10px">{content}</td>'


def _format_look(look: Look) -> str:
    return _color(f"{look.glyph} {look.word}", look)


def _color(text: str, look: Look) -> str:
    return f'<span style="color: {look.light}">{text}</span>'


def _safe(text: str) -> str:
    return escape(one_line(text))
