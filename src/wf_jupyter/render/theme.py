"""The look of each state: a glyph and a word, so that colour is never the only sign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wf_jupyter.model.status import ExecutionStatus, TaskStatus


@dataclass(frozen=True, slots=True)
class Look:
    """A glyph, a word, and the colours on a light and on a dark ground."""

    glyph: str
    word: str
    light: str
    dark: str


_T = TaskStatus
_E = ExecutionStatus

TASK_LOOKS: Mapping[TaskStatus, Look] = {
    _T.SUCCEEDED: Look("✔", "succeeded", "#2a8555", "#5cbf8a"),
    _T.CACHED: Look("⚡", "cached", "#14808c", "#4cc3cf"),
    _T.RUNNING: Look("▶", "running", "#2b6cd9", "#76a5ff"),
    _T.RETRYING: Look("↻", "retrying", "#b06f0a", "#f0ab43"),
    _T.FAILED: Look("✖", "failed", "#c5343d", "#ff7b80"),
    _T.CANCELLED: Look("■", "cancelled", "#6f6f6f", "#a8a8a8"),
    _T.SKIPPED: Look("»", "skipped", "#6f6f6f", "#a8a8a8"),
    _T.PENDING: Look("○", "pending", "#6f6f6f", "#a8a8a8"),
}

EXECUTION_LOOKS: Mapping[ExecutionStatus, Look] = {
    _E.SUCCEEDED: TASK_LOOKS[_T.SUCCEEDED],
    _E.FAILED: TASK_LOOKS[_T.FAILED],
    _E.CANCELLED: TASK_LOOKS[_T.CANCELLED],
    _E.RUNNING: TASK_LOOKS[_T.RUNNING],
    _E.PENDING: TASK_LOOKS[_T.PENDING],
    _E.PAUSED: Look("‖", "paused", "#b06f0a", "#f0ab43"),
    _E.CANCELLING: Look("■", "cancelling", "#6f6f6f", "#a8a8a8"),
    _E.INTERRUPTED: Look("!", "interrupted", "#b06f0a", "#f0ab43"),
}


def count_looks(counts: Mapping[TaskStatus, int]) -> Iterator[tuple[Look, int]]:
    """The states that occur, in the order in which they are always told."""
    for status, look in TASK_LOOKS.items():
        if counts.get(status):
            yield look, counts[status]


def overall(counts: Mapping[TaskStatus, int]) -> TaskStatus:
    """The one state that stands for many tasks: the most urgent that occurs."""
    for status in (_T.FAILED, _T.RETRYING, _T.RUNNING, _T.CANCELLED):
        if counts.get(status):
            return status
    if counts.get(_T.PENDING):
        begun = counts.get(_T.SUCCEEDED) or counts.get(_T.CACHED)
        return _T.RUNNING if begun else _T.PENDING
    if counts.get(_T.SUCCEEDED):
        return _T.SUCCEEDED
    for status in (_T.CACHED, _T.SKIPPED):
        if counts.get(status):
            return status
    return _T.SUCCEEDED if counts else _T.PENDING
