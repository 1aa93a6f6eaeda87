"""Tracebacks as the author of a task reads them: from his own frames on, cells by their numbers.

Python formats them; what is changed is which frames are shown, what their sources are called, and how
much of it there is: a traceback is stored and sent with the failure.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

from wf_jupyter.model.texts import storable
from wf_jupyter.values.sources import label_of
from wf_jupyter.version import FOLDER

LIMIT = 100_000
_FRAMES = 100
_LINE = 400
_PACKAGE = FOLDER
_OWN = tuple(os.path.join(_PACKAGE, layer, "") for layer in ("executors", "values", "dsl"))
_CALLERS = (os.path.join(_PACKAGE, "executors", "runner.py"), os.path.join(_PACKAGE, "dsl", ""))
#: Frames of these stand before the author's: how his code is loaded and called.
_BEFORE = (*_OWN, os.path.join(Path(asyncio.__file__).parent, ""), threading.__file__, "<frozen importlib")
_CELL = re.compile(r'File "(Cell In\[\d+\])", line', re.ASCII)


def format_traceback(error: BaseException) -> str:
    """The traceback with its causes, bounded; never raises."""
    try:
        summary = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
        for part in _parts(summary, set()):
            _clean(part)
        lines = list(summary.format())
    except Exception:  # a user's __str__, or source that cannot be read
        lines = [f"{type(error).__name__}, whose traceback cannot be shown\n"]
    text = storable("".join(lines))
    if len(text) <= LIMIT:
        return text
    half = LIMIT // 2 - 20
    return f"{text[:half]}\n  [... cut ...]\n{text[-half:]}"


class _Stack(traceback.StackSummary):
    def format_frame_summary(self, frame_summary: traceback.FrameSummary, **options: bool) -> str:
        """The text of a frame, with cells named as IPython does."""
        text = super().format_frame_summary(frame_summary, **options)
        return "".join(f"{_shorten(line)}\n" for line in _CELL.sub(r"\1, line", text).splitlines())

    def format(self, **options: bool) -> list[str]:
        """The texts of the frames; of a deep recursion that Python does not shorten, both ends."""
        lines = super().format(**options)
        if len(lines) <= _FRAMES:
            return lines
        half = _FRAMES // 2
        return [*lines[:half], f"  [... {len(lines) - _FRAMES} more frames ...]\n", *lines[-half:]]


def _parts(summary: traceback.TracebackException, seen: set[int]) -> Iterator[traceback.TracebackException]:
    pending = [summary]
    while pending:
        part = pending.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            further = (part.__cause__, part.__context__, *(part.exceptions or ()))
            pending.extend(other for other in further if other is not None)


def _clean(part: traceback.TracebackException) -> None:
    frames = list(part.stack)
    for frame in frames:
        _ = frame.line  # read under the name that the text is known by
    part.stack = _Stack(_of_the_author(frames))
    for frame in part.stack:
        frame.filename = label_of(frame.filename)
    place = getattr(part, "filename", None)  # where a SyntaxError is
    if isinstance(place, str):
        part.filename = label_of(place)


def _of_the_author(frames: list[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """Without ours: before the author's, between them where his threads are started, after them where we refuse."""
    first = next((i for i, frame in enumerate(frames) if not frame.filename.startswith(_BEFORE)), 0)
    kept = [frame for frame in frames[first:] if not frame.filename.startswith(_OWN)]
    if kept or not frames:
        return kept
    # A function that is not written in Python has no frames, and a notebook tells its own; else the fault is ours.
    return [] if frames[-1].filename.startswith(_CALLERS) else frames


def _shorten(line: str) -> str:
    return line if len(line) <= _LINE else f"{line[:_LINE]} ..."
