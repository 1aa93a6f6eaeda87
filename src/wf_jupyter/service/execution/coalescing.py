"""Coalesces log and progress reports of one attempt into fewer events.

A turn takes what arrived since the last one. The busier the orchestrator, the longer a turn, and the
more of that is text and progress of the same attempts: joined here, it costs one event instead of
many, on disk, on every wire and in every page. This is the only place where anything is joined. An
event, once it has its `seq`, reaches every subscriber as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from wf_jupyter.model.stimuli import Printed, Progressed, Report, Stimulus

T = TypeVar("T")

#: Characters of joined text, as much as a worker sends at once.
LONGEST = 32_768


class _Latest:
    """Positions of the latest text and progress of a task."""

    __slots__ = ("progress", "text")

    def __init__(self) -> None:
        self.text = self.progress = -1


def coalesce(inbox: Sequence[tuple[Stimulus, T]]) -> list[tuple[Stimulus, T]]:
    """Join neighbouring text of one attempt and stream, and keep only the latest of neighbouring progress.

    Peers are those with nothing else of the same task in between. The order of everything else,
    and the text as a whole, stay as they were.
    """
    kept: list[tuple[Stimulus, T]] = []
    latest_of: dict[str, _Latest] = {}
    for stimulus, waiting in inbox:
        if isinstance(stimulus, Printed | Progressed):
            latest = latest_of.setdefault(stimulus.task, _Latest())
            if not _join(kept, latest, stimulus):
                if isinstance(stimulus, Printed):
                    latest.text = len(kept)
                else:
                    latest.progress = len(kept)
                kept.append((stimulus, waiting))
        else:
            if isinstance(stimulus, Report):
                latest_of.pop(stimulus.task, None)
            else:
                latest_of.clear()
            kept.append((stimulus, waiting))
    return kept


def _join(kept: list[tuple[Stimulus, T]], latest: _Latest, stimulus: Printed | Progressed) -> bool:
    at = latest.text if isinstance(stimulus, Printed) else latest.progress
    if at < 0:
        return False
    before, waiting = kept[at]
    if isinstance(stimulus, Progressed):
        if not isinstance(before, Progressed) or before.attempt != stimulus.attempt:
            return False
        kept[at] = (stimulus, waiting)
        return True
    if (
        not isinstance(before, Printed)
        or (before.attempt, before.stream) != (stimulus.attempt, stimulus.stream)
        or len(before.text) + len(stimulus.text) > LONGEST
    ):
        return False
    text = before.text + stimulus.text
    kept[at] = (Printed(task=before.task, attempt=before.attempt, stream=before.stream, text=text), waiting)
    return True
