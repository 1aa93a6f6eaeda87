"""`sys.stdout` and `sys.stderr` of a worker: text goes to the attempt that printed it.

What C code and child processes write to descriptors 1 and 2 does not come by here: these are pipes
that the parent reads. A forked child shares the parent's socket, on which two processes must never
write; so it falls back to the descriptors.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from wf_jupyter.executors.worker.output import stream as output

_forked = False


class CaptureStream(io.TextIOBase):
    """A text stream whose text goes to the current attempt, and to `through` as well when given."""

    def __init__(self, name: str, descriptor: int, through: TextIO | None = None) -> None:
        super().__init__()
        self._name = name
        self._descriptor = descriptor
        self._through = through
        self._binary = _Binary(self)

    encoding = "utf-8"
    errors = "replace"

    @property
    def name(self) -> str:
        return f"<{self._name}>"

    @property
    def buffer(self) -> io.RawIOBase:
        """Bytes written here are decoded as UTF-8."""
        return self._binary

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if _forked:
            _write_all(self._descriptor, text.encode("utf-8", "replace"))
            return len(text)
        if self._through is not None:
            self._through.write(text)
        sink = output.current()
        if sink is not None:
            sink.write(self._name, text)
        elif self._through is None:
            _write_all(self._descriptor, text.encode("utf-8", "replace"))  # the parent says where it came from
        return len(text)

    def writelines(self, lines: Iterable[str], /) -> None:  # type: ignore[override]
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._through is not None:
            self._through.flush()

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stays open: the next task prints here too."""

    def reconfigure(self, **options: object) -> None:
        """Accepted and ignored, as there is nothing to configure."""


class _Binary(io.RawIOBase):
    def __init__(self, text: CaptureStream) -> None:
        super().__init__()
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: Any, /) -> int:
        size = memoryview(data).nbytes
        self._text.write(self._decoder.decode(bytes(data)))
        return size

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._text.fileno()

    def close(self) -> None:
        """Stays open, like the text stream."""


def note_fork() -> None:
    """Write to the descriptors from now on: this process is a fork of a worker."""
    global _forked
    _forked = True


def is_fork() -> bool:
    """Whether this process is a fork of a worker."""
    return _forked


class Streams:
    """The pair of captured streams of a worker process."""

    def __init__(self) -> None:
        self._out = CaptureStream("stdout", 1)
        self._err = CaptureStream("stderr", 2)

    def install(self) -> None:
        """Put them in place: called before each attempt, as the one before may have left others there."""
        if sys.stdout is not self._out:
            sys.stdout = self._out
        if sys.stderr is not self._err:
            sys.stderr = self._err


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        return  # a child process whose descriptors are closed has nobody to tell
