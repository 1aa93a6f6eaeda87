"""Searching logs: what is found does not depend on where the pieces that are read begin and end."""

from __future__ import annotations

import io
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.service.queries import log_search
from wf_jupyter.service.queries.log_search import search

COLOURS = re.compile(r"\x1b\[[0-9;:<=>?]*[ -/]*[@-~]")


def plainly(data: bytes, text: str) -> list[tuple[int, int, str]]:
    """Line number, offset and text of each line that holds the text, the simple way."""
    found, offset = [], 0
    for number, line in enumerate(io.BytesIO(data), 1):
        shown = COLOURS.sub("", line.decode("utf-8", "replace")).rstrip("\r\n")
        at = shown.lower().find(text.lower())
        if at >= 0:
            found.append((number, offset, shown[max(0, at - 500) : at + len(text) + 500]))
        offset += len(line)
    return found


WORDS = st.sampled_from(
    [b"abc", b"ABC", b"ab", b"c", b"\n", b"\n", b"\r\n", b"\r", b"\x1b[31m", b"\x1b[0;1m", b"\xc3\xa4", b"\xff", b"x"]
)


@given(st.lists(WORDS, max_size=60).map(b"".join), st.sampled_from(["abc", "bca", "ä", "x", "cab"]), st.integers(1, 12))
def test_pieces_of_any_size_find_what_a_line_at_a_time_finds(data: bytes, text: str, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_search, "PIECE", piece)
        found, count = search(io.BytesIO(data), text, 1000)
    expected = plainly(data, text)
    assert [(line.line, line.offset, line.text) for line in found] == expected
    assert count == len(expected)


def test_a_line_of_sixty_megabytes_is_searched_in_small_pieces() -> None:
    log = b"x" * 30_000_000 + b"Needle" + b"y" * 30_000_000 + b"\nneedle in another line\n"
    started = time.perf_counter()
    found, count = search(io.BytesIO(log), "needle", 10)
    assert time.perf_counter() - started < 10
    assert count == 2
    assert [line.line for line in found] == [1, 2]
    assert found[0].text == "x" * 500 + "Needle" + "y" * 500
    assert found[1].offset == 60_000_007


def test_only_as_many_lines_are_kept_as_are_asked_for() -> None:
    found, count = search(io.BytesIO(b"found\n" * 100_000), "FOUND", 3)
    assert (len(found), count) == (3, 100_000)
