"""Measurement of an attempt: time of the processor, and memory at its peak.

In a process that runs one attempt at a time, the whole process and the children that ended meanwhile are counted.
Where several share a process, only the attempt's own thread is, and no memory: what is whose cannot be told.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from wf_jupyter.model.events import Usage

#: Attempts shorter than this are not worth the 30 µs that it takes to read the peak.
_WORTH_SECONDS = 0.005
_PEAK = b"VmHWM:"


class Meter:
    """Measures from its making on. `is_alone`: no other attempt runs in this process meanwhile."""

    def __init__(self, is_alone: bool) -> None:
        self._is_alone = is_alone
        self._began = time.perf_counter()
        if is_alone:
            _forget_peak()
        self._cpu = self._seconds()

    def usage(self) -> Usage:
        """Usage so far. Called in the thread that made it."""
        seconds = max(0.0, self._seconds() - self._cpu)
        is_worth_it = self._is_alone and time.perf_counter() - self._began >= _WORTH_SECONDS
        return Usage(cpu=round(seconds, 6), memory=_peak() if is_worth_it else None)

    def _seconds(self) -> float:
        if not self._is_alone:
            return time.thread_time()
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _forget_peak() -> None:
    """Let the kernel's peak of this process begin anew (proc(5), `clear_refs`); without it none is told."""
    global _can_forget
    if not _can_forget:
        return
    try:
        file = os.open("/proc/self/clear_refs", os.O_WRONLY)
        try:
            os.write(file, b"5")
        finally:
            os.close(file)
    except OSError:
        _can_forget = False


_can_forget = Path("/proc/self/clear_refs").exists()


def _peak() -> int | None:
    """Bytes of memory that this process had at most since then."""
    if not _can_forget:
        return None
    try:
        file = os.open("/proc/self/status", os.O_RDONLY)
        try:
            text = os.read(file, 8192)
        finally:
            os.close(file)
    except OSError:
        return None
    _, found, rest = text.partition(_PEAK)
    return int(rest.split(None, 1)[0]) * 1024 if found else None
