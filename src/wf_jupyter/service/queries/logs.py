"""Whole logs of tasks, as files beside the event log.

The event log takes what people look at: the first `EVENT_LIMIT` characters of an attempt. An attempt
that prints more than `SPILL` gets a file in the data directory that holds everything, in the order in
which it came; one that prints less is read back from its events, so most tasks cost no file.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

import msgspec

from wf_jupyter.errors import StoreError
from wf_jupyter.model.events import TaskLog
from wf_jupyter.model.stimuli import Printed
from wf_jupyter.ports import EventLog, Store
from wf_jupyter.private_files import make_directory, open_file
from wf_jupyter.protocol.pages import LogStretch

#: Characters of one attempt that become events.
EVENT_LIMIT = 1 << 20
#: Characters of one attempt from which on it gets a file.
SPILL = 1 << 16
CUT = "\n... more than {limit} MiB: the rest is in the whole log, on disk\n"
LEFT_OUT = "\n... more than {limit} MiB: the rest is left out\n"
LOST = "\n... the whole log cannot be kept: {reason}\n"
_NAME_LENGTH = 120
_PAGE = 1000

_log = logging.getLogger(__name__)


class Logs:
    """Output of the running attempts of one execution: `directory` is where their files are made."""

    def __init__(self, directory: Callable[[], Path]) -> None:
        self._directory = directory
        self._attempts: dict[tuple[str, int], _Attempt] = {}

    def take(self, printed: Printed) -> Printed | None:
        """Keep the text; returns what of it becomes an event."""
        place = (printed.task, printed.attempt)
        attempt = self._attempts.get(place)
        if attempt is None:
            attempt = self._attempts[place] = _Attempt(self._directory, log_name(*place))
        text = attempt.take(printed.text)
        if text == printed.text:
            return printed
        return msgspec.structs.replace(printed, text=text) if text else None

    def head(self, task: str, attempt: int) -> str | None:
        """Text of a running attempt, as far as it was committed; None when it is in a file, or does not run."""
        known = self._attempts.get((task, attempt))
        return None if known is None or known.head is None else "".join(known.head)[: known.committed]

    def on_committed(self, event: TaskLog) -> None:
        """The event is on disk: others may read its text."""
        known = self._attempts.get((event.task, event.attempt))
        if known is not None:
            known.committed += len(event.text)

    def end(self, task: str, attempt: int) -> None:
        """The attempt prints no more."""
        ended = self._attempts.pop((task, attempt), None)
        if ended is not None:
            ended.close()

    def close(self) -> None:
        """All attempts end."""
        for place in list(self._attempts):
            self.end(*place)


class _Attempt:
    __slots__ = ("_directory", "_file", "_length", "_name", "committed", "head")

    def __init__(self, directory: Callable[[], Path], name: str) -> None:
        self._directory = directory
        self._name = name
        self.head: list[str] | None = []
        self._length = 0
        self.committed = 0
        self._file: int | None = None

    def take(self, text: str) -> str:
        before, self._length = self._length, self._length + len(text)
        lost = self._keep(text)
        if self._length > EVENT_LIMIT:
            if before > EVENT_LIMIT:
                return lost
            notice = CUT if self._file is not None else LEFT_OUT
            text = text[: EVENT_LIMIT - before] + notice.format(limit=EVENT_LIMIT >> 20)
        return text + lost

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _keep(self, text: str) -> str:
        """Remember or write the text; returns what to tell when that failed, once."""
        if self.head is not None:
            self.head.append(text)
            if self._length <= SPILL:
                return ""
            text = "".join(self.head)
            self.head = None
            try:
                self._file = _create(self._directory(), self._name)
            except OSError as error:
                return self._give_up(error)
        if self._file is None:
            return ""
        try:
            _write_all(self._file, text.encode("utf-8", "replace"))
        except OSError as error:
            self.close()
            return self._give_up(error)
        return ""

    def _give_up(self, error: OSError) -> str:
        _log.warning("the log %s ends early: %s", self._name, error)
        return LOST.format(reason=error.strerror or error)


async def read_log(
    store: Store, execution: str, task: str, attempt: int, offset: int, limit: int, head: str | None = None
) -> LogStretch:
    """Up to `limit` bytes of what an attempt printed, from byte `offset` on; empty when it printed nothing.

    `head` is all that there is, for an attempt that still runs and has no file (`Logs.head`).

    Raises:
        ExecutionNotFound: there is no such execution.
        StoreError: the log cannot be read.
    """
    offset, limit = max(offset, 0), max(limit, 0)
    if head is None:
        found = await asyncio.to_thread(_read_file, store.logs(execution) / log_name(task, attempt), offset, limit)
        if found is not None:
            return found
        head = await printed_text(store, execution, task, attempt)
    text = head.encode("utf-8", "replace")
    start = min(offset, len(text))
    return _stretch(text[start : start + limit], start, len(text))


def _read_file(path: Path, offset: int, limit: int) -> LogStretch | None:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(min(offset, size))
            return _stretch(file.read(limit), min(offset, size), size)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"the log {path} cannot be read: {error.strerror or error}") from error


def log_name(task: str, attempt: int) -> str:
    """The name of the file for an attempt's log: readable, and different for different keys on any file system."""
    safe = quote(task, safe="[]- ").replace("%2F", "-").replace(".", "%2E", task.startswith("."))
    if safe != task or task != task.lower() or len(safe) > _NAME_LENGTH:
        safe = f"{safe[:_NAME_LENGTH]}-{blake2b(task.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"
    return f"{safe}.{attempt}.log"


async def printed_text(log: EventLog, execution: str, task: str, attempt: int) -> str:
    """Text of an attempt without a file, put together from its events."""
    texts: list[str] = []
    after = 0
    while page := await log.events(execution, after, _PAGE):
        texts += [
            event.text
            for event in page
            if isinstance(event, TaskLog) and event.task == task and event.attempt == attempt
        ]
        after = page[-1].seq
    return "".join(texts)


def _stretch(data: bytes, start: int, size: int) -> LogStretch:
    # A character that is cut in two is left for the next stretch, unless nothing else is left.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data, final=False)
    rest = len(decoder.getstate()[0])
    if not text and data:
        return LogStretch(text=data.decode("utf-8", "replace"), end=start + len(data), size=size)
    return LogStretch(text=text, end=start + len(data) - rest, size=size)


def _create(directory: Path, name: str) -> int:
    make_directory(directory, within=directory.parent.parent)
    return open_file(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
