"""What earlier executions tell of later ones."""

from __future__ import annotations

import time

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, ended, packed
from wf_jupyter.protocol.pages import HistoryPage
from wf_jupyter.service.runtime import Runtime


@wf.task
def double(x: int) -> int:
    return 2 * x


@wf.workflow
def doubled(xs: list[int]) -> list[int]:
    return double.map(xs)


def run(runtime: Runtime, count: int) -> str:
    submission = packed(doubled.bind(xs=list(range(count))))
    execution = runtime.call(runtime.orchestrator.submit(submission)).result(PATIENCE)
    ended(runtime, execution)
    return execution


def usual(runtime: Runtime, execution: str, executions: int) -> HistoryPage:
    deadline = time.monotonic() + PATIENCE
    while True:
        page = runtime.call(runtime.orchestrator.history(execution)).result(PATIENCE)
        if page.executions >= executions:
            return page
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_execution_learns_from_those_before_it_and_not_from_itself(runtime: Runtime) -> None:
    first = run(runtime, 3)
    assert runtime.call(runtime.orchestrator.history(first)).result(PATIENCE).tasks == {}
    second = run(runtime, 4)
    page = usual(runtime, second, 1)
    assert page.workflow == "doubled"
    assert page.tasks["double"].count == 3
    third = run(runtime, 2)
    page = usual(runtime, third, 2)
    assert page.tasks["double"].count == 7
    assert (page.sizes["double"].count, page.sizes["double"].p10, page.sizes["double"].p95) == (2, 3, 4)
    assert page.groups["double"].p50 >= 0
