"""Whole workflows with `executor="dask"`, through the orchestrator."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

import wf_jupyter as wf
from wf_jupyter.model.events import TaskLog, TaskProgress, TaskRetrying, TaskStarted
from wf_jupyter.model.stimuli import Cancel
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.values.codec import decode
from wf_jupyter.values.inputs import resolver

from .conftest import PATIENCE, Reader, ended, packed

pytestmark = pytest.mark.dask
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def submit(runtime: Runtime, bound: Any, **options: Any) -> str:
    return runtime.call(runtime.orchestrator.submit(packed(bound, executor="dask", **options))).result(PATIENCE)


def result_of(runtime: Runtime, execution: str) -> object:
    found = runtime.call(runtime.orchestrator.result(execution)).result(PATIENCE)
    assert found.template is not None, found
    return decode(found.template, resolver(found.inputs))


def events_of(runtime: Runtime, execution: str, kind: type) -> list[Any]:
    found = runtime.call(runtime.orchestrator.events(execution)).result(PATIENCE)
    return [event for event in found if isinstance(event, kind)]


@wf.task
def make(size: int) -> np.ndarray:
    print("making", size)
    return np.ones(size)


@wf.task
def scaled(array: np.ndarray, by: int) -> float:
    wf.progress(1, 1)
    return float(array.sum()) * by


@wf.task
def add(numbers: list[float]) -> float:
    return sum(numbers)


@wf.workflow
def fan(size: int, factors: list[int]) -> Any:
    return add(scaled.partial(array=make(size)).map(by=factors))


def test_a_mapped_workflow_over_a_large_array_with_logs_and_progress(runtime: Runtime) -> None:
    execution = submit(runtime, fan.bind(size=200_000, factors=[1, 2, 3]))
    assert ended(runtime, execution).status == "succeeded"
    assert result_of(runtime, execution) == 1_200_000
    assert "".join(event.text for event in events_of(runtime, execution, TaskLog)) == "making 200000\n"
    assert {event.task for event in events_of(runtime, execution, TaskProgress)} == {f"scaled[{i}]" for i in range(3)}


@wf.workflow
def large(size: int) -> Any:
    return make(size)


def test_a_large_result_outlives_the_cluster(open_runtime: Callable[..., Runtime]) -> None:
    first = open_runtime()
    execution = submit(first, large.bind(size=200_000))
    assert ended(first, execution).status == "succeeded"
    first.close(10)
    assert result_of(open_runtime(), execution).sum() == 200_000  # type: ignore[attr-defined]


@wf.task(retries=2, retry_delay=0.01)
def flaky(seen: str) -> str:
    file = Path(seen)
    tries = len(file.read_text()) if file.exists() else 0
    file.write_text("x" * (tries + 1))
    if tries == 0:
        raise ValueError("once")
    if tries == 1:
        import os

        os._exit(1)
    return "third time"


@wf.workflow
def trying(seen: str) -> Any:
    return flaky(seen)


@wf.workflow
def mixed(size: int) -> Any:
    array = make.with_options(executor="dask")(size)
    return add(scaled.partial(array=array).map(by=[1, 2]))


def test_a_task_may_name_its_own_executor_and_the_rest_runs_where_the_execution_does(runtime: Runtime) -> None:
    bound = packed(mixed.bind(size=200_000), executor="local")
    execution = runtime.call(runtime.orchestrator.submit(bound)).result(PATIENCE)
    assert ended(runtime, execution).status == "succeeded"
    assert result_of(runtime, execution) == 600_000
    places = {event.task: event.worker.partition("-")[0] for event in events_of(runtime, execution, TaskStarted)}
    assert places.pop("make").startswith("tls://")
    assert set(places.values()) == {"worker"}


@wf.task
def killer(seen: str) -> str:
    file = Path(seen)
    if not file.exists():
        import os
        import signal

        file.touch()
        os.kill(os.getppid(), signal.SIGKILL)
    return "again"


@wf.workflow
def killing(seen: str) -> Any:
    return killer(seen)


def test_a_task_whose_dask_worker_died_runs_again_without_any_retries(runtime: Runtime, tmp_path: Path) -> None:
    execution = submit(runtime, killing.bind(seen=str(tmp_path / "seen")))
    assert ended(runtime, execution).status == "succeeded"
    assert result_of(runtime, execution) == "again"
    (lost,) = events_of(runtime, execution, TaskRetrying)
    assert (lost.error.kind, lost.delay) == ("worker_lost", 0)


def test_a_failed_attempt_and_a_lost_worker_are_retried(runtime: Runtime, tmp_path: Path) -> None:
    execution = submit(runtime, trying.bind(seen=str(tmp_path / "seen")))
    assert ended(runtime, execution).status == "succeeded"
    assert result_of(runtime, execution) == "third time"
    errors = [event.error.kind for event in events_of(runtime, execution, TaskRetrying)]
    assert errors == ["raised", "worker_lost"]


@wf.task
def wait_for(path: str, array: np.ndarray) -> float:
    while not Path(path).exists():
        time.sleep(0.01)
    return float(array.sum())


@wf.workflow
def patient(path: str) -> Any:
    return wait_for(path, make(200_000))


def test_a_cancelled_execution_stops_what_runs(runtime: Runtime, tmp_path: Path) -> None:
    execution = submit(runtime, patient.bind(path=str(tmp_path / "never")))
    reader = Reader(runtime)
    reader.follow(execution, after=0, epoch=runtime.orchestrator.epoch)
    reader.until(lambda r: any(isinstance(e, TaskStarted) and e.task == "wait_for" for e in r.events))
    runtime.call(runtime.orchestrator.command(execution, Cancel())).result(PATIENCE)
    snapshot = ended(runtime, execution)
    assert {task.key: task.status for task in snapshot.tasks} == {"make": "succeeded", "wait_for": "cancelled"}


def test_an_execution_goes_on_with_another_orchestrator_and_finished_tasks_do_not_run_again(
    open_runtime: Callable[..., Runtime], tmp_path: Path
) -> None:
    first = open_runtime()
    execution = submit(first, patient.bind(path=str(tmp_path / "go")))
    reader = Reader(first)
    reader.follow(execution, after=0, epoch=first.orchestrator.epoch)
    reader.until(lambda r: any(isinstance(e, TaskStarted) and e.task == "wait_for" for e in r.events))
    first.close(10)
    (tmp_path / "go").touch()
    second = open_runtime()
    assert ended(second, execution).status == "succeeded"
    assert result_of(second, execution) == 200_000
    started = [(event.task, event.attempt) for event in events_of(second, execution, TaskStarted)]
    assert started == [("make", 1), ("wait_for", 1), ("wait_for", 2)]
