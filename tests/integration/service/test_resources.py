from __future__ import annotations

from pathlib import Path

import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, ended, packed
from wf_jupyter.errors import InputError


def using(amount: float, marks: Path):
    @wf.task(resources={"gpu": amount})
    def train(n):
        import os
        import time

        mine = marks / f"{n}"
        mine.touch()
        seen = len(os.listdir(marks))
        time.sleep(0.05)
        mine.unlink()
        return seen

    @wf.task
    def most(xs):
        return max(xs)

    @wf.workflow
    def training(n: int):
        return most(train.map(list(range(n))))

    return training


def test_tasks_share_what_there_is_of_a_resource(open_runtime, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    runtime = open_runtime(resources={"gpu": 1.0})
    ids = [
        runtime.call(runtime.orchestrator.submit(packed(using(0.6, marks).bind(n=4)))).result(PATIENCE)
        for _ in range(2)
    ]
    for execution in ids:
        final = ended(runtime, execution)
        assert final.status == "succeeded"
        assert final.result is not None and final.result.text == "1", "two tasks with 0.6 of one never ran together"


def test_a_task_that_asks_for_more_than_there_is_is_refused_when_submitted(open_runtime, tmp_path: Path) -> None:
    runtime = open_runtime(resources={"gpu": 1.0})
    with pytest.raises(InputError, match="'train' asks for 2 of the resource 'gpu', and there is 1"):
        runtime.call(runtime.orchestrator.submit(packed(using(2, tmp_path).bind(n=1)))).result(PATIENCE)
