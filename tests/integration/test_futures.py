"""Executors of others: what they do with an attempt, and what is said where they cannot keep a promise."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import wf_jupyter as wf
from tests.attempts import Bench, attempt_of, value_of
from wf_jupyter.errors import InputError
from wf_jupyter.model.stimuli import AttemptFailed, AttemptStopped
from wf_jupyter.service.offered_executors import other_executor

cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench("threads")
    yield made
    made.close()


def hold(path: str) -> None:
    Path(path, "begun").touch()
    while not Path(path, "go").exists():
        time.sleep(0.01)


def test_what_runs_over_its_timeout_is_abandoned_and_keeps_its_place_until_it_returns(
    bench: Bench, tmp_path: Path
) -> None:
    attempt = attempt_of(hold, str(tmp_path), timeout=0.2)
    bench.start(attempt)
    report = bench.final(attempt)
    assert isinstance(report, AttemptFailed)
    assert report.failure.kind == "timeout"
    assert "abandoned" in bench.text("stderr")
    assert len(bench.call(lambda: bench.executor.slots(9))) == 1
    (tmp_path / "go").touch()
    bench.until(lambda: len(bench.call(lambda: bench.executor.slots(9))) == 2)


def test_what_runs_and_is_stopped_is_abandoned_and_what_waits_does_not_begin(bench: Bench, tmp_path: Path) -> None:
    running = attempt_of(hold, str(tmp_path), task="running")
    bench.start(running)
    bench.until(lambda: (tmp_path / "begun").exists())
    # Handed over beyond its places, as nobody does who asks for slots: these wait in the pool itself.
    more = [attempt_of(hold, str(tmp_path), task=f"more{number}") for number in range(2)]
    for attempt in more:
        bench.call(partial(bench.executor.start, attempt, "threads"))
    bench.stop(more[1])
    assert isinstance(bench.final(more[1]), AttemptStopped)
    assert bench.text("stderr", "more1") == ""
    bench.stop(running)
    assert isinstance(bench.final(running), AttemptStopped)
    assert "abandoned" in bench.text("stderr", "running")
    (tmp_path / "go").touch()
    bench.final(more[0])


def test_a_process_that_dies_fails_its_task_and_a_broken_pool_is_named() -> None:
    bench = Bench("processes")
    try:
        report = bench.run(lambda: os._exit(3))
        assert isinstance(report, AttemptFailed)
        assert report.failure.kind == "worker_lost"
        assert "BrokenProcessPool" in report.failure.message
        after = bench.run(lambda: 1, task="after")
        assert isinstance(after, AttemptFailed)
        assert "takes no more tasks" in after.failure.message
    finally:
        bench.close()


@wf.task
def where() -> int:
    print("here")
    return os.getpid()


@wf.workflow
def both() -> Any:
    return [where(), where.with_options(executor="local")()]


def test_an_executor_object_runs_tasks_of_this_process_and_one_task_may_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WF_JUPYTER_MODE", "embedded")
    monkeypatch.setenv("WF_JUPYTER_DATA_DIR", str(tmp_path))
    with ThreadPoolExecutor(2) as pool:
        execution = both.with_options(executor=pool).submit()
        here, elsewhere = execution.result(timeout=60)
        assert here == os.getpid() != elsewhere
        assert "here" in execution.tasks["where"].logs()
    from wf_jupyter.client import session

    session.close()


class Offer(importlib.metadata.EntryPoint):
    def load(self) -> Any:
        return {"pool": lambda: ProcessPoolExecutor(1), "threads": lambda: ThreadPoolExecutor(1), "odd": lambda: 3}[
            self.name
        ]


def test_packages_offer_executors_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    offers = [Offer(name, "module:value", "wf_jupyter.executors") for name in ("pool", "threads", "odd")]
    monkeypatch.setattr("wf_jupyter.service.offered_executors.entry_points", lambda group: offers)
    made, is_ours = other_executor("futures:pool", is_server=True)
    assert (type(made), is_ours) == (ProcessPoolExecutor, True)
    made.shutdown()
    other_executor("futures:threads", is_server=False)[0].shutdown()
    with pytest.raises(InputError, match="inside the server"):
        other_executor("futures:threads", is_server=True)
    with pytest.raises(InputError, match="no concurrent.futures.Executor"):
        other_executor("futures:odd", is_server=False)
    with pytest.raises(InputError, match="packages offer odd, pool, threads"):
        other_executor("futures:nobody", is_server=False)
    with pytest.raises(InputError, match="not this one"):
        other_executor("object:Pool-99", is_server=False)


def test_a_large_result_is_a_file_as_everywhere(bench: Bench, tmp_path: Path) -> None:
    assert value_of(bench.run(lambda: b"x" * 200_000, directory=str(tmp_path))) == b"x" * 200_000
