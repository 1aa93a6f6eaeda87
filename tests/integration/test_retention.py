"""Executions beyond the policy are forgotten by a running orchestrator, with their files."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, Reader, data_dir, ended, open_runtime, packed
from tests.sample_workflows import doubling, failing, gated
from wf_jupyter.errors import ExecutionNotFound
from wf_jupyter.model.stimuli import Retry
from wf_jupyter.ports import Whole
from wf_jupyter.service import retention
from wf_jupyter.service.retention import Retention
from wf_jupyter.service.runtime import Runtime

__all__ = ["data_dir", "open_runtime"]
LARGE = 1_000_000


@pytest.fixture
def runtime(open_runtime: Callable[..., Runtime]) -> Runtime:
    """One whose policy is applied only when a test says so."""
    return open_runtime(retention_days=None, retention_bytes=None)


def submit(runtime: Runtime, bound, **options) -> str:
    return runtime.call(runtime.orchestrator.submit(packed(bound, **options))).result(PATIENCE)


class Days:
    """A policy, and days that pass when a test says so: on the wall clock, on the one that cannot jump, or both."""

    def __init__(self, runtime: Runtime, days: float | None = None, size: int | None = None) -> None:
        self._runtime = runtime
        self._wall, self._seen = datetime.now(UTC), 0.0
        engine = runtime.orchestrator
        self._policy = Retention(
            engine._store, engine.delete, lambda: self._wall, days=days, size=size, seconds=lambda: self._seen
        )

    def jump(self, days: float) -> list[str]:
        """The clock on the wall is set."""
        self._wall += timedelta(days=days)
        return self.sweep()

    def pass_(self, days: float) -> list[str]:
        """Time passes, on both."""
        self._seen += days * 86_400
        return self.jump(days)

    def sweep(self) -> list[str]:
        return self._runtime.call(self._policy.sweep()).result(PATIENCE)


def sweep(runtime: Runtime, days: float | None = None, size: int | None = None, later: float = 0.0) -> list[str]:
    """Apply a policy now, and again when `later` days have passed, with the grace."""
    policy = Days(runtime, days, size)
    forgotten = policy.sweep()
    if later:
        forgotten += policy.pass_(later)
        forgotten += policy.pass_(min(1.0, (days or 0) / 10))
    return forgotten


def ids(runtime: Runtime) -> list[str]:
    lines = runtime.call(runtime.orchestrator.executions(limit=1000)).result(PATIENCE)
    return sorted(line.id for line in lines)


def making():
    @wf.task(cache=True)
    def make(size):
        return bytes(size)

    @wf.task
    def measure(data):
        return len(data)

    @wf.workflow
    def made(size: int):
        return measure(make(size))

    return made


def test_old_executions_go_with_their_files_and_what_runs_stays(
    runtime: Runtime, data_dir: Path, tmp_path: Path
) -> None:
    old = submit(runtime, making().bind(size=LARGE))
    failed = submit(runtime, failing().bind(b=0))
    for execution in (old, failed):
        ended(runtime, execution)
    running = submit(runtime, gated(tmp_path / "gate"))
    assert list((data_dir / "values" / old).iterdir())
    assert sweep(runtime, days=30, later=28) == []
    assert sorted(sweep(runtime, days=30, later=3)) == sorted([old, failed])
    assert ids(runtime) == [running]
    assert not (data_dir / "values" / old).exists()
    with pytest.raises(ExecutionNotFound):
        runtime.call(runtime.orchestrator.snapshot(old)).result(PATIENCE)
    (tmp_path / "gate").touch()
    assert ended(runtime, running).status == "succeeded"


def test_the_oldest_go_until_the_files_fit(runtime: Runtime, data_dir: Path) -> None:
    made = [submit(runtime, making().bind(size=LARGE + number)) for number in range(4)]
    for execution in made:
        ended(runtime, execution)
    assert sweep(runtime, size=int(2.5 * LARGE)) == made[:2]
    assert sorted(path.name for path in (data_dir / "values").iterdir()) == made[2:]


def test_a_cached_result_outlives_the_execution_that_computed_it(runtime: Runtime) -> None:
    workflow = making()
    first = submit(runtime, workflow.bind(size=LARGE))
    ended(runtime, first)
    second = submit(runtime, workflow.bind(size=LARGE))
    assert {task.key: str(task.status) for task in ended(runtime, second).tasks}["make"] == "cached"
    runtime.call(runtime.orchestrator.delete(first)).result(PATIENCE)
    value = runtime.call(runtime.orchestrator.task_value(second, "make")).result(PATIENCE)
    assert isinstance(value, Whole) and value.path is not None
    assert Path(value.path).stat().st_size > LARGE
    third = submit(runtime, workflow.bind(size=LARGE))
    assert {task.key: str(task.status) for task in ended(runtime, third).tasks}["make"] == "cached"


def test_a_running_execution_keeps_the_one_it_builds_on(runtime: Runtime, tmp_path: Path) -> None:
    @wf.task
    def wait(path):
        import time

        while not path.exists():
            time.sleep(0.01)
        return bytes(1_000_000)

    @wf.task
    def use(data, path):
        import time

        while not path.exists():
            time.sleep(0.01)
        return len(data)

    @wf.workflow
    def flow(path):
        return use(wait(path), path)

    gate = tmp_path / "gate"
    gate.touch()
    first = submit(runtime, flow.bind(path=gate))
    ended(runtime, first)
    gate.unlink()
    second = runtime.call(runtime.orchestrator.rerun(first, from_=["use"])).result(PATIENCE)
    reader = Reader(runtime)
    reader.follow(second)
    reader.until(lambda r: r.snapshot.counts["running"] == 1)
    assert sweep(runtime, days=1, later=2) == []
    gate.touch()
    again = ended(runtime, second)
    assert {task.key: str(task.status) for task in again.tasks} == {"wait": "cached", "use": "succeeded"}
    assert sweep(runtime, days=1, later=2) == [first, second]
    assert ids(runtime) == []


def test_the_policy_is_applied_when_an_orchestrator_starts(
    open_runtime: Callable[..., Runtime], data_dir: Path
) -> None:
    runtime = open_runtime()
    made = [submit(runtime, doubling().bind(numbers=[number])) for number in range(3)]
    for execution in made:
        ended(runtime, execution)
    runtime.close()
    again = open_runtime(retention_bytes=0)
    _until(lambda: ids(again) == [])
    assert not list((data_dir / "values").glob("*/*"))


def test_the_policy_is_applied_again_and_again(
    open_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = Retention.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "interval", 0.05)
    assert retention.INTERVAL > 60
    runtime = open_runtime(retention_bytes=0)
    for number in range(3):
        submit(runtime, doubling().bind(numbers=[number]))
    _until(lambda: ids(runtime) == [])


def test_a_clock_that_jumps_deletes_nothing(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    kept = [submit(runtime, doubling().bind(numbers=[number])) for number in range(3)]
    for execution in kept:
        ended(runtime, execution)
    for jumps in ([100], [-100], [100, -100, 100, -100, 100, -100, 100, -100], [3650], [-3650, 3650]):
        policy = Days(runtime, 90)
        policy.sweep()
        for days in jumps:
            assert policy.jump(days) == []
            assert Days(runtime, 90).sweep() == [], "nor does a start after it"
    assert "will be forgotten" not in caplog.text
    assert ids(runtime) == sorted(kept)


def test_what_is_forgotten_is_announced_before_and_goes_little_by_little(
    runtime: Runtime, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "FEW", 2)
    made = [submit(runtime, doubling().bind(numbers=[number])) for number in range(3)]
    for execution in made:
        ended(runtime, execution)
    policy = Days(runtime, 90)
    assert policy.sweep() == []
    assert policy.pass_(91) == []
    assert "3 executions that ended more than 90 days ago will be forgotten in 24 hours" in caplog.text
    assert policy.pass_(0.5) == []
    assert policy.pass_(0.6) == made[:2]
    assert policy.pass_(0.01) == made[2:]
    assert caplog.text.count("will be forgotten") == 1


def test_a_retried_execution_is_young_again(runtime: Runtime) -> None:
    execution = submit(runtime, failing().bind(b=0))
    ended(runtime, execution)
    policy = Days(runtime, 90)
    policy.sweep()
    policy.pass_(91)
    runtime.call(runtime.orchestrator.command(execution, Retry())).result(PATIENCE)
    ended(runtime, execution)
    assert policy.pass_(2) == policy.pass_(2) == []


def test_ids_never_go_back_in_a_data_directory(open_runtime: Callable[..., Runtime]) -> None:
    first, second = open_runtime(), open_runtime()
    now = datetime.now(UTC)
    made = []
    for day, runtime in ((0, first), (100, second), (-100, first), (0, second), (-3650, first)):
        runtime.orchestrator._ids._clock = partial(operator.add, now, timedelta(days=day))
        made.append(submit(runtime, doubling().bind(numbers=[day])))
        ended(runtime, made[-1])
    assert made == sorted(made)
    first.call(first.orchestrator.delete(made[-1])).result(PATIENCE)
    second.orchestrator._ids._clock = lambda: now - timedelta(days=5000)
    assert submit(second, doubling().bind(numbers=[9])) > made[-1], "nor when the newest one was forgotten"
    page = first.call(first.orchestrator.executions(limit=10, before=made[2])).result(PATIENCE)
    assert [line.id for line in page] == [made[1], made[0]]


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
