"""When an attempt began: `started` says when it ran, and what waits is not shown as running."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import wf_jupyter as wf
from wf_jupyter.model.events import TaskCompleted, TaskRequeued, TaskStarted
from wf_jupyter.service.runtime import Runtime

from .conftest import PATIENCE, Reader, ended, packed

cloudpickle.register_pickle_by_value(sys.modules[__name__])
WHERE = pytest.mark.parametrize("where", ["local", pytest.param("dask", marks=pytest.mark.dask)])


@wf.task
def stamp(path: str, number: int) -> None:
    began = time.time()
    time.sleep(0.003)
    Path(path, str(number)).write_text(str(began))


@wf.workflow
def stamps(path: str, count: int) -> Any:
    return stamp.partial(path).map(number=range(count))


@WHERE
def test_started_is_when_it_ran(runtime: Runtime, tmp_path: Path, where: str) -> None:
    bound = packed(stamps.bind(path=str(tmp_path), count=150), executor=where)
    execution = runtime.call(runtime.orchestrator.submit(bound)).result(PATIENCE)
    snapshot = ended(runtime, execution)
    for number, task in enumerate(snapshot.tasks):
        assert task.started is not None
        assert task.ended is not None
        assert task.duration is not None
        began = float((tmp_path / str(number)).read_text())
        # What was shown as its time holds the function's own: no earlier by more than loading code took, which
        # counts, and later by no more than its report was on its way.
        assert task.started.timestamp() + task.duration > began - 0.05
        assert task.started.timestamp() < began + 5
        assert task.started <= task.ended


@wf.task
def short_or_long(path: str, number: int) -> int:
    while number >= 60 and not Path(path, "go").exists():
        time.sleep(0.01)
    return number


@wf.workflow
def heavy_tail(path: str) -> Any:
    return short_or_long.partial(path).map(number=range(120))


@pytest.mark.dask
def test_what_was_sent_ahead_and_cannot_begin_is_not_shown_as_running(runtime: Runtime, tmp_path: Path) -> None:
    bound = packed(heavy_tail.bind(path=str(tmp_path)), executor="dask")
    execution = runtime.call(runtime.orchestrator.submit(bound)).result(PATIENCE)
    reader = Reader(runtime)
    reader.follow(execution, after=0, epoch=runtime.orchestrator.epoch)

    def running(reader: Reader) -> set[str]:
        found: set[str] = set()
        for event in reader.events:
            match event:
                case TaskStarted():
                    found.add(event.task)
                case TaskCompleted() | TaskRequeued():
                    found.discard(event.task)
        return found

    long = {f"short_or_long[{number}]" for number in range(60, 120)}
    places = runtime.config.max_workers
    reader.until(lambda r: len(running(r)) == places and running(r) <= long)
    (tmp_path / "go").touch()
    assert ended(runtime, execution).status == "succeeded"
