"""Output of one attempt while it runs: text, progress, displays. Bounded in rate and in size.

Text is gathered for some 50 ms before it is sent, so that a loop of prints is a few messages and not
thousands, and a partial line still shows up soon. Progress keeps the latest: at most ten a second,
and always the last one.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token

from wf_jupyter.executors.wire.messages import FromWorker, Progress, Shown, Text
from wf_jupyter.executors.worker.output.bars import bar_in
from wf_jupyter.model.texts import storable
from wf_jupyter.values.known_secrets import KnownSecrets

DISPLAY_LIMIT = 2_000_000
DISPLAYS = 50
_FLUSH_SIZE = 32_768
_FLUSH_SECONDS = 0.05
_PROGRESS_SECONDS = 0.1

Emit = Callable[[Sequence[FromWorker]], None]


def without_overwritten(text: str) -> str:
    """`text` without what was written over again in the same line: of a progress bar only the last state is seen."""
    # By hand: as a regular expression it takes the square of a long line's length.
    lines = [line.split("\r") for line in text.split("\n")]
    return "\n".join("\r".join(states[-2:] if states[-1] else states[-3:]) for states in lines)


def truncation_notice(limit: int) -> str:
    """The notice that stands where the rest of an attempt's output was left out."""
    size_limit = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit:,} characters"
    return f"\n... output truncated: a task may print {size_limit} per attempt\n"


class Flusher:
    """A thread that flushes outputs a moment after they were marked. Starts when first needed."""

    def __init__(self) -> None:
        self._marked: set[Output] = set()
        self._wake = threading.Event()
        self._started = False

    def mark(self, output: Output) -> None:
        """Flush `output` soon."""
        self._marked.add(output)
        if not self._started:
            self._started = True
            threading.Thread(target=self._run, name="wf-output", daemon=True).start()
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(_FLUSH_SECONDS)
            self._wake.clear()
            for _ in range(len(self._marked)):
                self._marked.pop().flush()


class Output:
    """The output of one attempt, at most `limit` characters of text.

    Every method may be called from any thread; after `close` nothing is kept.
    """

    __slots__ = (
        *("_closed", "_displays", "_emit", "_flusher", "_reports_progress", "_limit", "_lock", "_parts"),
        *("_progress", "_size", "_spent", "_progress_sent", "known", "token"),
    )

    def __init__(self, token: int, emit: Emit, flusher: Flusher, limit: int = 64 << 20) -> None:
        self.token = token
        self._limit = limit
        self._emit = emit
        self._flusher = flusher
        self._lock = threading.RLock()
        self._parts: list[tuple[str, list[str]]] = []
        self._size = 0
        self._spent = 0
        self._displays = 0
        self._progress: tuple[float, float | None, str | None] | None = None
        self._progress_sent = 0.0
        self._reports_progress = False
        self._closed = False
        #: Secrets of the attempt: they are not told.
        self.known = KnownSecrets()

    @property
    def is_closed(self) -> bool:
        """Whether the attempt is over."""
        return self._closed

    def write(self, stream: str, text: str) -> None:
        """Text on `stdout` or `stderr`."""
        with self._lock:
            if self._closed or self._spent > self._limit or not text:
                return
            text = self.known.mask(storable(text[: self._limit + 1]))
            if self._parts and self._parts[-1][0] == stream:
                self._parts[-1][1].append(text)
            else:
                self._parts.append((stream, [text]))
            self._size += len(text)
            if self._size >= _FLUSH_SIZE:
                self._emit(self._take_text())
            elif self._size == len(text):
                self._flusher.mark(self)

    def progress(self, done: float, total: float | None, text: str | None) -> None:
        """Report progress; a non-finite `done` is ignored, and a non-finite `total` means unknown."""
        if not math.isfinite(done):
            return
        total = total if total is not None and math.isfinite(total) else None
        with self._lock:
            if self._closed:
                return
            self._reports_progress = True  # a task that tells of itself knows better than its bars
            self._progress = (done, total, None if text is None else self._mask_text(text))
            if not self._send_progress():
                self._flusher.mark(self)

    def _mask_text(self, text: object) -> str:
        return self.known.mask(storable(str(text)))

    def display(self, data: Mapping[str, str]) -> None:
        """Something rich, by MIME type."""
        data = {storable(kind): self._mask_text(content) for kind, content in data.items()}
        size = sum(len(content) for content in data.values())
        with self._lock:
            if self._closed or self._displays > DISPLAYS:
                return
            self._displays += 1
            if self._displays > DISPLAYS:
                self.write("stderr", f"... further displays left out: a task may show {DISPLAYS} per attempt\n")
            elif size > DISPLAY_LIMIT:
                notice = f"... a display of {size:,} bytes left out: the limit is {DISPLAY_LIMIT:,}\n"
                self.write("stderr", notice)
            else:
                self._emit([*self._take_text(), Shown(self.token, data)])

    def flush(self) -> None:
        """Send what has been gathered."""
        with self._lock:
            if self._closed:
                return
            messages = self._take_text()
            if messages:
                self._emit(messages)
            if self._progress is not None and not self._send_progress():
                self._flusher.mark(self)

    def close(self) -> list[FromWorker]:
        """Return what is left to be sent, before the final message; nothing is taken afterwards."""
        with self._lock:
            messages = self._take_text()
            if self._progress is not None:
                messages.append(Progress(self.token, *self._progress))
            self._closed = True
            return messages

    def _take_text(self) -> list[FromWorker]:
        messages: list[FromWorker] = []
        for stream, pieces in self._parts:
            if self._spent > self._limit:
                break
            text = "".join(pieces)
            if not self._reports_progress:
                self._progress = bar_in(text) or self._progress
            if "\r" in text:
                text = without_overwritten(text)
            left = self._limit - self._spent
            self._spent += len(text)
            if self._spent > self._limit:
                text = text[:left] + truncation_notice(self._limit)
            messages.append(Text(self.token, stream, text))
        self._parts = []
        self._size = 0
        return messages

    def _send_progress(self) -> bool:
        now = time.monotonic()
        if self._progress is None or now - self._progress_sent < _PROGRESS_SECONDS:
            return False
        self._progress_sent = now
        self._emit([Progress(self.token, *self._progress)])
        self._progress = None
        return True


_current: ContextVar[Output | None] = ContextVar("wf_jupyter_output", default=None)
_running: dict[int, Output] = {}  # by id: an attempt's token is unique within its executor only


def enter(output: Output) -> None:
    """Make `output` that of the present context (call it inside a context of the attempt's own)."""
    _current.set(output)
    _running[id(output)] = output


def leave(output: Output) -> None:
    """The attempt is over."""
    _running.pop(id(output), None)


def speak_for(output: Output) -> Token[Output | None]:
    """Make `output` that of the present context for a while; returns what `speak_no_more` needs."""
    return _current.set(output)


def speak_no_more(speaking: Token[Output | None]) -> None:
    """Undo `speak_for`."""
    _current.reset(speaking)


def current() -> Output | None:
    """The output of the attempt that runs here.

    From a thread that was never given work by an attempt, that of the only one running. None when nobody
    knows, and when the attempt that it speaks for is over: its log is closed, and no other one is to get it.
    """
    output = _current.get()
    if output is None and len(_running) == 1:
        for output in list(_running.values()):
            return output
    return None if output is None or output.is_closed else output
