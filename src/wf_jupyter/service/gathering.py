"""What attempts say, made denser before it becomes events.

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


class _Said:
    """Where the latest text and progress of a task stand."""

    __slots__ = ("progress", "text")

    def __init__(self) -> None:
        self.text = self.progress = -1


def gathered(inbox: Sequence[tuple[Stimulus, T]]) -> list[tuple[Stimulus, T]]:
    """Neighbouring text of one attempt and stream joined, and of neighbouring progress only the latest.

    Neighbours are those with nothing else of the same task in between. The order of everything else,
    and the text as a whole, stay as they were.
    """
    kept: list[tuple[Stimulus, T]] = []
    said: dict[str, _Said] = {}
    for stimulus, waiting in inbox:
        if isinstance(stimulus, Printed | Progressed):
            latest = said.setdefault(stimulus.task, _Said())
            if not _joined(kept, latest, stimulus):
                if isinstance(stimulus, Printed):
                    latest.text = len(kept)
                else:
                    latest.progress = len(kept)
                kept.append((stimulus, waiting))
        else:
            if isinstance(stimulus, Report):
                said.pop(stimulus.task, None)
            else:
                said.clear()
            kept.append((stimulus, waiting))
    return kept


def _joined(kept: list[tuple[Stimulus, T]], latest: _Said, stimulus: Printed | Progressed) -> bool:
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
