"""What a worker prints about code of cells."""

from __future__ import annotations

import io
import logging
import pdb
import sys
import traceback
from collections.abc import Callable
from types import FrameType

import pytest

from wf_jupyter.client.calls import _naming_cells
from wf_jupyter.executors.worker.output.console import format_frame
from wf_jupyter.values.sources import install

TEXT = "def fail():\n    1 / 0  # here\n"


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    monkeypatch.setattr(traceback.StackSummary, "format_frame_summary", format_frame)
    names: dict[str, Callable[[], None]] = {}
    exec(compile(TEXT, install("/tmp/a_kernel/1234.py", "Cell In[7]", 1, TEXT), "exec"), names)
    return names["fail"]


def test_every_way_of_formatting_a_traceback_names_the_cell(fail: Callable[[], None]) -> None:
    stream = io.StringIO()
    logger = logging.Logger("of its own")
    logger.addHandler(logging.StreamHandler(stream))
    try:
        fail()
    except ZeroDivisionError as error:
        logger.exception("oops")
        told = [
            traceback.format_exc(),
            stream.getvalue(),
            "".join(traceback.TracebackException.from_exception(error).format()),
            "".join(traceback.format_list(traceback.extract_tb(error.__traceback__))),
        ]
    for text in told:
        assert "  Cell In[7], line 2, in fail\n    1 / 0  # here\n" in text
        assert "1234.py" not in text


def test_the_debugger_names_the_cell(fail: Callable[[], None]) -> None:
    frame: FrameType | None = None
    try:
        fail()
    except ZeroDivisionError:
        found = sys.exc_info()[2]
        assert found is not None and found.tb_next is not None
        frame = found.tb_next.tb_frame
    told = _naming_cells(pdb.Pdb)(stdout=io.StringIO()).format_stack_entry((frame, 2))
    assert told.startswith("Cell In[7](2)fail()") and told.endswith("1 / 0  # here")
