"""Finds text in the whole log of an attempt: line by line, and long lines in pieces.

A line may be as long as the log: a progress bar of 60 MB without a newline, taken whole, held the interpreter
lock for 5.5 s, and with it the Jupyter server. A piece takes some 100 µs. That reading the next one gives the lock
away is not enough: the reader has it back before whoever waits for it has woken up, and those wait 5 ms each time.
So a search pauses now and then.
"""

from __future__ import annotations

import asyncio
import codecs
import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from wf_jupyter.errors import StoreError
from wf_jupyter.ports import Store
from wf_jupyter.protocol.pages import FoundLine
from wf_jupyter.service.queries.logs import log_name, printed_text

#: Bytes that are looked at together.
PIECE = 1 << 16
#: After so many pieces, about a millisecond, others have their turn: a pause that a thread needs to wake up.
_PIECES, _PAUSE_SECONDS = 8, 0.0001
#: Characters of a found line on either side of what was found.
_AROUND = 500
_COLOURS = re.compile(r"\x1b\[[0-9;:<=>?]*[ -/]*[@-~]")
#: A colour that the end of a piece may have cut in two.
_CUT_COLOUR = re.compile(r"\x1b(?:\[[0-9;:<=>?]{0,60}[ -/]{0,3})?\Z")
#: Few, because each takes as long as there is text; apart from the threads that everything else waits for.
_threads = ThreadPoolExecutor(2, "wf_jupyter search")


async def search_log(
    store: Store, execution: str, task: str, attempt: int, text: str, limit: int, head: str | None = None
) -> tuple[list[FoundLine], int]:
    """As `read_log`: the first `limit` lines that hold the text, whatever its case and colour, and how many do."""
    loop = asyncio.get_running_loop()
    if head is None:
        path = store.logs(execution) / log_name(task, attempt)
        found = await loop.run_in_executor(_threads, _search_file, path, text, limit)
        if found is not None:
            return found
        head = await printed_text(store, execution, task, attempt)
    return await loop.run_in_executor(_threads, search, io.BytesIO(head.encode("utf-8", "replace")), text, limit)


def search(file: IO[bytes] | io.RawIOBase, text: str, limit: int) -> tuple[list[FoundLine], int]:
    """The first `limit` lines that hold the text, and how many do."""
    scan = _Scan(text.lower(), limit)
    pieces = 0
    while block := file.read(PIECE):
        scan.take(block)
        pieces += 1
        if pieces % _PIECES == 0:
            time.sleep(_PAUSE_SECONDS)
    scan.end()
    return scan.found, scan.count


class _Scan:
    """Goes through a log block by block: lines within a block together, and what reaches beyond it in pieces."""

    def __init__(self, wanted: str, limit: int) -> None:
        self.found: list[FoundLine] = []
        self.count = 0
        self._wanted = wanted
        self._limit = limit
        self._number = 1
        self._offset = 0
        self._open: _Line | None = None

    def take(self, block: bytes) -> None:
        if self._open is not None:
            first, newline, block = block.partition(b"\n")
            self._continue(first + newline, bool(newline))
        whole, newline, rest = block.rpartition(b"\n")
        if newline:
            self._look_at(whole + newline)
        if rest:
            self._continue(rest, False)

    def end(self) -> None:
        if self._open is not None:
            self._continue(b"", True)

    def _look_at(self, lines: bytes) -> None:
        if self._wanted not in _plain(lines.decode("utf-8", "replace")).lower():
            # Most of a log is not what is looked for: a million lines take a tenth of the time together.
            self._number += lines.count(b"\n")
            self._offset += len(lines)
            return
        for line in io.BytesIO(lines):
            shown = _plain(line.decode("utf-8", "replace")).rstrip("\r\n")
            at = shown.lower().find(self._wanted)
            if at >= 0:
                self._add(shown[max(0, at - _AROUND) : at + len(self._wanted) + _AROUND])
            self._number += 1
            self._offset += len(line)

    def _continue(self, piece: bytes, is_end: bool) -> None:
        self._open = self._open or _Line(self._wanted)
        shown = self._open.take(piece, is_end)
        if shown is not None:
            self._add(shown)
        if is_end:
            self._number += 1
            self._offset += self._open.size
            self._open = None

    def _add(self, shown: str) -> None:
        self.count += 1
        if self.count <= self._limit:
            self.found.append(FoundLine(line=self._number, offset=self._offset, text=shown))


class _Line:
    """A line that comes in pieces. What was looked at is forgotten, but for its end."""

    def __init__(self, wanted: str) -> None:
        self.size = 0
        self._wanted = wanted
        self._is_found = False
        self._text = ""
        self._held = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, piece: bytes, is_end: bool) -> str | None:
        """The text around what is wanted, once, as soon as enough of it has come."""
        self.size += len(piece)
        if self._is_found:
            return None
        self._text += self._without_colours(self._decoder.decode(piece, is_end), is_end)
        if is_end:
            self._text = self._text.rstrip("\r\n")
        at = self._text.lower().find(self._wanted)
        until = at + len(self._wanted) + _AROUND
        if at >= 0 and (is_end or until <= len(self._text)):
            self._is_found = True
            return self._text[max(0, at - _AROUND) : until]
        kept = at if at >= 0 else len(self._text) - len(self._wanted) + 1
        self._text = self._text[max(0, kept - _AROUND) :]
        return None

    def _without_colours(self, text: str, is_end: bool) -> str:
        text = self._held + text
        cut = None if is_end else _CUT_COLOUR.search(text)
        self._held = text[cut.start() :] if cut else ""
        return _plain(text[: cut.start()] if cut else text)


def _plain(text: str) -> str:
    return _COLOURS.sub("", text) if "\x1b" in text else text


def _search_file(path: Path, text: str, limit: int) -> tuple[list[FoundLine], int] | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return search(file, text, limit)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"the log {path} cannot be read: {error.strerror or error}") from error
