"""What attempts ask of their machine: GPUs of their own, memory that is kept, threads of libraries."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from tests.attempts import Bench, attempt_of, environment, value_of
from wf_jupyter.executors.local.devices import Devices, found
from wf_jupyter.executors.local.limits import THREAD_VARIABLES
from wf_jupyter.model.stimuli import AttemptFailed

cloudpickle.register_pickle_by_value(sys.modules[__name__])
linux = pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell what a process holds")


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """GPUs that nobody else on this machine has."""
    return [f"{tmp_path.name}-{number}" for number in range(2)]


def visible() -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def test_each_attempt_has_gpus_of_its_own_and_no_two_have_one(names: list[str], tmp_path: Path) -> None:
    def hold(number: int) -> str | None:
        (tmp_path / f"begun{number}").touch()
        while not (tmp_path / "go").exists():
            time.sleep(0.01)
        return visible()

    bench = Bench("local", max_workers=3, devices=Devices(names))
    try:
        attempts = [attempt_of(hold, number, task=f"hold{number}", devices=1) for number in range(2)]
        bench.start(*attempts)
        bench.until(lambda: all((tmp_path / f"begun{number}").exists() for number in range(2)))
        third = attempt_of(visible, task="third", devices=2)
        bench.start(third)
        assert bench.run(visible, task="beside").began is not None  # type: ignore[union-attr]
        assert value_of(bench.run(visible, task="none")) is None, "what asks for none gets none"
        assert not bench.reports.get("third")
        (tmp_path / "go").touch()
        assert sorted(str(value_of(bench.final(attempt))) for attempt in attempts) == names
        assert value_of(bench.final(third)) == ",".join(names)
        assert value_of(bench.run(visible, task="after")) is None
    finally:
        bench.close()


def test_more_gpus_than_a_machine_has_are_no_reason_to_wait(names: list[str], make: Callable[..., Bench]) -> None:
    report = make(devices=Devices(names)).run(visible, devices=3)
    assert isinstance(report, AttemptFailed)
    assert report.failure.message == "the task asks for 3 GPUs, and its machine has 2"


def test_another_process_of_this_user_cannot_have_the_same_gpu(names: list[str]) -> None:
    ours, others = Devices(names), Devices(names)
    assert ours.take(1) == (names[0],)
    assert others.take(2) is None
    assert others.take(1) == (names[1],)
    assert ours.take(1) is None
    ours.give_back([names[0]])
    assert others.take(1) == (names[0],)
    others.give_back(names)


def test_gpus_are_those_that_the_environment_leaves_or_the_tool_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found({"CUDA_VISIBLE_DEVICES": "2, 3"}) == ("2", "3")
    assert found({"CUDA_VISIBLE_DEVICES": ""}) == ()
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert found({}) == ("0", "1")


def grow() -> int:
    held = []
    for _ in range(40):
        held.append(bytearray(10_000_000))
        time.sleep(0.05)
    return len(held)


@linux
def test_an_attempt_over_its_memory_ends_and_says_so() -> None:
    bench = Bench("local")
    try:
        report = bench.run(grow, memory=200_000_000)
        assert isinstance(report, AttemptFailed)
        assert (report.failure.kind, report.failure.type) == ("worker_lost", "MemoryExceeded")
        assert "its resources allow 200 MB" in report.failure.message
        assert value_of(bench.run(lambda: 1, task="next")) == 1
        assert value_of(bench.run(grow, memory=2_000_000_000, task="within")) == 40
    finally:
        bench.close()


def threads() -> set[str | None]:
    return {os.environ.get(name) for name in THREAD_VARIABLES}


@pytest.mark.parametrize(
    ("workers", "variables", "expected"),
    [
        (64, {}, {"1"}),
        (1, {}, {None}),
        (64, dict.fromkeys(THREAD_VARIABLES, "3"), {"3"}),
    ],
)
def test_libraries_of_several_workers_do_not_start_more_threads_than_there_are_cores(
    workers: int, variables: dict[str, str], expected: set[Any], make: Callable[..., Bench]
) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    bench = make(max_workers=workers, environment=environment(variables={**clean, **variables}))
    assert value_of(bench.run(threads)) == expected
    assert value_of(bench.run(threads, threads=7, task="more")) == {"7"}
    assert value_of(bench.run(threads, task="again")) == expected


@pytest.fixture
def make() -> Any:
    made: list[Bench] = []

    def open_bench(**options: Any) -> Bench:
        made.append(Bench("local", **options))
        return made[-1]

    yield open_bench
    for bench in made:
        bench.close()


def test_a_device_whose_lock_somebody_else_prepared_is_not_had_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / f"wf-jupyter-gpu-{os.getuid()}"
    folder.symlink_to(tmp_path / "elsewhere")
    devices = Devices(["0", "1"])
    assert devices.take(1) is None and "belongs to somebody else" in devices.trouble
    folder.unlink()
    folder.mkdir()
    (folder / "1").symlink_to(tmp_path / "elsewhere" / "made")
    assert devices.take(2) is None and devices.trouble
    assert not list((tmp_path / "elsewhere").iterdir()), "nothing was made where the link points to"
    assert devices.take(1) == ("0",) and not devices.trouble, "what was taken on the way was given back"
    devices.give_back(["0"])


@linux
@pytest.mark.dask
def test_gpus_memory_and_threads_are_kept_on_the_workers_of_a_cluster_too(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(names))
    bench = Bench("dask", max_workers=2)
    try:
        assert value_of(bench.run(visible, task="one", devices=1)) in names
        many = bench.run(visible, task="many", devices=3)
        assert isinstance(many, AttemptFailed)
        assert many.failure.message == "the task asks for 3 GPUs, and its machine has 2"
        assert value_of(bench.run(threads, task="threads", threads=7)) == {"7"}
        over = bench.run(grow, task="over", memory=200_000_000)
        assert isinstance(over, AttemptFailed)
        assert (over.failure.type, over.failure.is_of_the_node) == ("MemoryExceeded", False)
        assert value_of(bench.run(lambda: 1, task="next")) == 1
    finally:
        bench.close()
