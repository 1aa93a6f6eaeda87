"""`%wf` and `%%task` in an IPython shell."""

from __future__ import annotations

from typing import Any

import pytest

import wf_jupyter as wf
from wf_jupyter.errors import InputError

pytest.importorskip("IPython")


@pytest.fixture
def shell() -> Any:
    from IPython.core.interactiveshell import InteractiveShell

    wf.connect(mode="embedded")
    made = InteractiveShell()
    made.run_line_magic("load_ext", "wf_jupyter")
    return made


def cell(shell: Any, text: str) -> Any:
    outcome = shell.run_cell(text)
    outcome.raise_error()
    return outcome.result


def test_a_cell_runs_as_a_task_of_the_values_that_it_reads(shell: Any) -> None:
    cell(shell, "import math\nradius = 2\ndef square(x): return x * x")
    cell(shell, "%%task area\nr = square(radius)\nround(math.pi * r, 2)")
    execution = shell.user_ns["area"]
    assert execution.result(60) == 12.57
    assert (execution.workflow, dict(execution.inputs)) == ("area", {"radius": 2})
    assert "r" not in shell.user_ns


def test_a_cell_may_await_and_change_what_it_was_given(shell: Any) -> None:
    cell(shell, "import asyncio\ncount = [1]\ntotal = 5")
    cell(shell, "%%task slow --retries 1\nawait asyncio.sleep(0)\ncount.append(2)\ntotal += sum(count)\ntotal")
    assert shell.user_ns["slow"].result(60) == 8
    assert (shell.user_ns["count"], shell.user_ns["total"]) == ([1], 5)


def test_a_failed_cell_shows_its_own_line(shell: Any) -> None:
    cell(shell, "%%task broken\nx = 1\ny = x / 0")
    with pytest.raises(wf.TaskFailed, match="y = x / 0"):
        shell.user_ns["broken"].result(60)


def test_executions_are_listed_and_opened(shell: Any) -> None:
    cell(shell, "%%task one\n1")
    execution = shell.user_ns["one"]
    execution.wait(60)
    assert execution in list(cell(shell, "%wf"))
    assert execution in list(cell(shell, "%wf list succeeded"))
    assert cell(shell, "%wf open") == execution
    assert cell(shell, f"%wf open {execution.id}") == execution


@pytest.mark.parametrize(
    "text, told",
    [
        ("%wf close", "it must be %wf"),
        ("%wf list done", "must be one of"),
        ("%%task 3d\n1", "must be an identifier"),
        ("%%task fit --retries many\n1", "retries"),
        ("%%task fit --retries -1\n1", "retries"),
    ],
)
def test_what_is_not_understood_says_what_would_be(shell: Any, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        cell(shell, text)
