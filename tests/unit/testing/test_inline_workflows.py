"""The fixture with which people test their own workflows."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import wf_jupyter as wf

pytest_plugins = ["wf_jupyter.testing.plugin"]


@wf.task
def where(number: int) -> tuple[int, int]:
    return number, threading.get_ident()


@wf.task
def broken(number: int) -> int:
    raise ValueError(f"no {number}")


@wf.workflow
def both(numbers: list[int]) -> object:
    return where.map(numbers)


@wf.workflow
def failing() -> object:
    return broken(3)


def test_tasks_run_in_the_thread_of_the_test(inline_workflows: Path) -> None:
    execution = both.submit(numbers=[1, 2])
    assert execution.result(timeout=30) == [(1, threading.get_ident()), (2, threading.get_ident())]
    assert both(numbers=[5]) == [(5, threading.get_ident())]
    assert list(inline_workflows.glob("*.sqlite3"))


def test_a_failure_is_the_tasks_own(inline_workflows: Path) -> None:
    with pytest.raises(wf.TaskFailed, match="no 3") as caught:
        failing()
    assert isinstance(caught.value.__cause__, ValueError)


def test_each_test_has_a_history_of_its_own(inline_workflows: Path) -> None:
    assert len(wf.executions()) == 0
