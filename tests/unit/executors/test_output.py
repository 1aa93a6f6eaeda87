"""What an attempt prints, on its way."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.executors.worker.output.stream import without_overwritten

#: What is meant, in time that is the square of a line's length.
OVERWRITTEN = re.compile(r"[^\r\n]*\r(?=[^\r\n]*\r[^\n])")


@given(st.text("ab\r\n", max_size=20))
def test_of_what_is_written_over_in_a_line_the_last_state_stays(text: str) -> None:
    assert without_overwritten(text) == OVERWRITTEN.sub("", text)


def test_a_long_line_beside_a_progress_bar_takes_no_time() -> None:
    line = "x" * 5_000_000
    assert without_overwritten(f"1%\r2%\r3%\n{line}\n") == f"2%\r3%\n{line}\n"
