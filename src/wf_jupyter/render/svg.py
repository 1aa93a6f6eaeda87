"""Pictures in SVG: the graph, one card per box.

Colours are literal with a style block for dark grounds, there are no ids (two pictures on one page
would share them), and every text is escaped and cut to what fits: nothing is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape
from types import MappingProxyType

from wf_jupyter.model.draft import Draft
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.render.places import Places
from wf_jupyter.render.scene import Box, Scene, fold_workflows, of_draft, of_snapshot
from wf_jupyter.render.text import counted_tasks, headline, one_line
from wf_jupyter.render.theme import TASK_LOOKS, count_looks

_BOXES = 60
_CARD = (188.0, 46.0)
_MARGIN = 20.0
_TOP = 48.0
_QUIET = (TaskStatus.PENDING, TaskStatus.SKIPPED, TaskStatus.CANCELLED)
_INK = ("wfp-ink", "#1c1c1c")
_FAINT = ("wfp-faint", "#767676")
_FONT = "font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\""

#: What is said beside a card, and in which colour.
Badge = tuple[str, str]

_STYLE = (
    "<style>@media (prefers-color-scheme: dark) {"
    ".wfp-ground { fill: #1f1f1f; stroke: #444 } .wfp-card { fill: #2a2a2a } .wfp-plain { stroke: #555 }"
    " .wfp-ink { fill: #eee } .wfp-faint { fill: #a8a8a8 } .wfp-edge { stroke: #6a6a6a } .wfp-tip { fill: #6a6a6a }"
    + "".join(
        f" .wfp-{status.value} {{ fill: {look.dark} }} .wfp-line-{status.value} {{ stroke: {look.dark} }}"
        for status, look in TASK_LOOKS.items()
    )
    + "}</style>"
)


def draft_svg(draft: Draft) -> str:
    """A workflow with its inputs, before it runs."""
    return _svg(of_draft(draft))


def snapshot_svg(snapshot: Snapshot) -> str:
    """An execution as it stands."""
    return _svg(of_snapshot(snapshot))


def scene_svg(scene: Scene, badges: Mapping[str, Badge]) -> str:
    """A scene with something said beside some of its boxes, by their keys."""
    return _svg(scene, badges)


def _svg(scene: Scene, badges: Mapping[str, Badge] = MappingProxyType({})) -> str:
    drawn = fold_workflows(scene, _BOXES)
    left_out = max(0, len(drawn.boxes) - _BOXES)
    shown = {box.key for box in drawn.boxes[:_BOXES]}
    boxes = [
        replace(box, waits=tuple(key for key in box.waits if key in shown)) for box in drawn.boxes if box.key in shown
    ]
    places = Places({box.key: box.waits for box in boxes}, _CARD)
    title = _headline(scene, left_out)
    # Nothing is measured: so wide are the widest letters of a title on the average.
    width = max(places.width, 8.4 * len(title)) + 2 * _MARGIN
    places.left, places.top = (width - places.width) / 2, _TOP
    height = _TOP + places.height + _MARGIN
    cards = "".join(_card(box, *places.corner(box.key)) for box in boxes)
    said = "".join(_badge(badges[box.key], *places.corner(box.key)) for box in boxes if box.key in badges)
    body = "".join(_edges(boxes, places)) + cards + said
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" {_FONT}><title>{escape(headline(scene))}</title>{_STYLE}'
        f'<rect class="wfp-ground" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8" fill="#fafafa" '
        f'stroke="#dcdcdc"/>{_text(_MARGIN, 29, title, size=14, weight=600)}{body}</svg>'
    )


def _headline(scene: Scene, left_out: int) -> str:
    words = [one_line(scene.title, 60)]
    if scene.status is not None and scene.status.value != "pending":
        words.append(scene.status.value)
    words.append(counted_tasks(scene))
    if left_out:
        words.append(f"{left_out:,} more not drawn")
    return " · ".join(words)


def _edges(boxes: list[Box], places: Places) -> Iterator[str]:
    for box in boxes:
        for source in box.waits:
            path, (x, y) = places.way(source, box.key)
            yield (
                f'<path class="wfp-edge" d="{path}" fill="none" stroke="#b4b4b4" stroke-width="1.4"/>'
                f'<path class="wfp-tip" d="M{x - 2:g} {y - 4:g}l0 8l7 -4z" fill="#b4b4b4"/>'
            )


def _card(box: Box, x: float, y: float) -> str:
    width, height = _CARD
    status = box.status
    quiet = status in _QUIET
    glyph, color = ("○", _FAINT) if status is None else (TASK_LOOKS[status].glyph, _ink(status))
    # The part of a label after the last slash; the rest says where it stands, and the tooltip has it all.
    name = one_line(box.label.rsplit("/", 1)[-1], 19 - (len(box.times) + 1 if box.times else 0))
    strike = ' text-decoration="line-through"' if status is TaskStatus.SKIPPED else ""
    parts = [
        f"<title>{escape(_describe_box(box))}</title>",
        *_frames(box, x, y),
        _text(x + 18, y + height / 2 + 5, glyph, size=14, ink=color, anchor="middle"),
        _text(x + 34, y + 19, name, size=13, weight=600, ink=_FAINT if quiet else _INK, more=strike),
        _text(
            x + 34,
            y + 36,
            one_line(_note(box), 28 if status is TaskStatus.SKIPPED else 26),
            size=11,
            ink=color if _is_loud(status) else _FAINT,
        ),
    ]
    if box.times:
        parts.append(_text(x + width - 10, y + 19, box.times, size=11, ink=_FAINT, anchor="end"))
    return f"<g>{''.join(parts)}</g>"


def _badge(badge: Badge, x: float, y: float) -> str:
    text, color = badge
    width = 6.6 * len(text) + 14
    left = x + _CARD[0] - width - 8
    words = _text(left + width / 2, y + 0.5, text, size=11, weight=600, ink=("", color), anchor="middle")
    frame = f'x="{left:g}" y="{y - 12:g}" width="{width:g}" height="17" rx="8.5" fill="#fff" stroke="{color}"'
    return f'<rect class="wfp-card" {frame}/>{words}'


def _frames(box: Box, x: float, y: float) -> Iterator[str]:
    width, height = _CARD
    status = box.status
    line = 'class="wfp-card wfp-plain" stroke="#cfcfcf"'
    if status is not None and _is_loud(status):
        line = f'class="wfp-card wfp-line-{status}" stroke="{TASK_LOOKS[status].light}"'
    dash = ' stroke-dasharray="4 3"' if status in _QUIET else ""
    if box.size is not None:
        # A second edge below the card: many tasks in one.
        yield _rectangle(x + 6, y + 4, width - 12, height, f'{line} fill="#fff"')
    yield _rectangle(x, y, width, height, f'{line} fill="#fff"{dash}')


def _rectangle(x: float, y: float, width: float, height: float, more: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" {more}/>'


def _is_loud(status: TaskStatus | None) -> bool:
    """Whether the card's outline shows the state: what succeeded or waits needs no attention."""
    return status is not None and status not in (*_QUIET, TaskStatus.SUCCEEDED)


def _ink(status: TaskStatus) -> tuple[str, str]:
    return f"wfp-{status}", TASK_LOOKS[status].light


def _note(box: Box) -> str:
    if box.note:
        return box.note
    if len(box.counts) > 1:
        return " · ".join(f"{look.glyph} {count:,}" for look, count in count_looks(box.counts))
    if box.status is not None:
        return TASK_LOOKS[box.status].word
    if "/" in box.label:
        return "in " + box.label.rsplit("/", 1)[0]
    if box.size is not None:
        return "one task per item"
    return f"waits for {len(box.waits)}" if box.waits else "ready"


def _describe_box(box: Box) -> str:
    words = [box.label, box.times, "" if box.status is None else TASK_LOOKS[box.status].word, box.note]
    return one_line(" ".join(word for word in words if word), 500)


def _text(
    x: float,
    y: float,
    content: str,
    *,
    size: int,
    weight: int = 400,
    ink: tuple[str, str] = _INK,
    anchor: str = "start",
    more: str = "",
) -> str:
    bold = f' font-weight="{weight}"' if weight != 400 else ""
    anchored = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return (
        f'<text class="{ink[0]}" x="{x:g}" y="{y:g}" font-size="{size}" fill="{ink[1]}"{bold}{anchored}{more}>'
        f"{escape(content)}</text>"
    )
