"""Results from before: the cache across executions, and reruns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, ended, packed
from wf_jupyter.errors import InputError, StateConflict
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.values.codec import decode
from wf_jupyter.values.inputs import resolver


def run(runtime: Runtime, bound, **options) -> Snapshot:
    return ended(runtime, runtime.call(runtime.orchestrator.submit(packed(bound, **options))).result(PATIENCE))


def rerun(runtime: Runtime, execution: str, **how) -> Snapshot:
    return ended(runtime, runtime.call(runtime.orchestrator.rerun(execution, **how)).result(PATIENCE))


def value(runtime: Runtime, execution: str) -> object:
    outcome = runtime.call(runtime.orchestrator.result(execution)).result(PATIENCE)
    assert outcome.template is not None
    return decode(outcome.template, resolver(outcome.inputs))


def statuses(snapshot: Snapshot) -> dict[str, str]:
    return {task.key: str(task.status) for task in snapshot.tasks}


def ran(marks: Path) -> list[str]:
    return sorted(marks.read_text().split()) if marks.exists() else []


def summing(marks: Path, factor: int = 2, version: str | None = None, lifetime: float | bool = True):
    @wf.task(cache=lifetime, cache_version=version)
    def multiply(x):
        with marks.open("a") as file:
            file.write(f"multiply{x}\n")
        return x * factor

    @wf.task(cache=lifetime)
    def add(xs):
        with marks.open("a") as file:
            file.write("add\n")
        return sum(xs)

    @wf.workflow
    def total(numbers):
        return add(multiply.map(numbers))

    return total


def test_a_second_execution_takes_every_result_from_the_cache(runtime: Runtime, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    first = run(runtime, summing(marks).bind(numbers=[1, 2]))
    again = run(runtime, summing(marks).bind(numbers=[1, 2]))
    assert set(statuses(first).values()) == {"succeeded"}
    assert set(statuses(again).values()) == {"cached"}
    assert ran(marks) == ["add", "multiply1", "multiply2"]
    assert value(runtime, again.id) == 6
    assert again.counts["cached"] == 3


def test_only_what_changed_is_computed_anew(runtime: Runtime, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    run(runtime, summing(marks).bind(numbers=[1, 2]))
    longer = run(runtime, summing(marks).bind(numbers=[1, 2, 3]))
    assert statuses(longer) == {
        "multiply[0]": "cached",
        "multiply[1]": "cached",
        "multiply[2]": "succeeded",
        "add": "succeeded",
    }
    assert value(runtime, longer.id) == 12


@pytest.mark.parametrize("change", [{"factor": 3}, {"version": "2"}], ids=["closure", "version"])
def test_changed_code_or_version_makes_a_new_key(runtime: Runtime, tmp_path: Path, change) -> None:
    marks = tmp_path / "marks"
    run(runtime, summing(marks).bind(numbers=[1]))
    assert set(statuses(run(runtime, summing(marks, **change).bind(numbers=[1]))).values()) == {"succeeded"}


def test_a_cached_result_expires(runtime: Runtime, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    run(runtime, summing(marks, lifetime=0.000001).bind(numbers=[1]))
    assert set(statuses(run(runtime, summing(marks, lifetime=0.000001).bind(numbers=[1]))).values()) == {"succeeded"}


def test_the_cache_outlives_the_execution_that_filled_it(runtime: Runtime, tmp_path: Path) -> None:
    @wf.task(cache=True)
    def big(n):
        return np.arange(n)

    @wf.task
    def total(array):
        return int(array.sum())

    @wf.workflow
    def arrays(n: int):
        return total(big(n))

    first = run(runtime, arrays.bind(n=100_000))
    second = run(runtime, arrays.bind(n=100_000))
    runtime.call(runtime.orchestrator.delete(first.id)).result(PATIENCE)
    third = run(runtime, arrays.bind(n=100_000))
    assert statuses(second)["big"] == statuses(third)["big"] == "cached"
    assert value(runtime, third.id) == sum(range(100_000))


def test_a_cached_result_whose_file_is_gone_is_computed_again(runtime: Runtime, data_dir: Path) -> None:
    @wf.task(cache=True)
    def big(n):
        return np.arange(n)

    @wf.workflow
    def arrays(n: int):
        return big(n)

    run(runtime, arrays.bind(n=100_000))
    for file in (data_dir / "values").rglob("*"):
        if file.is_file():
            file.unlink()
    again = run(runtime, arrays.bind(n=100_000))
    assert statuses(again) == {"big": "succeeded"}
    assert isinstance(value(runtime, again.id), np.ndarray)


def plain(marks: Path, fails: Path | None = None):
    @wf.task
    def load(n):
        with marks.open("a") as file:
            file.write("load\n")
        return list(range(n))

    @wf.task
    def square(x):
        with marks.open("a") as file:
            file.write(f"square{x}\n")
        return x * x

    @wf.task
    def report(xs):
        with marks.open("a") as file:
            file.write("report\n")
        if fails is not None and fails.exists():
            raise ValueError("not now")
        return sum(xs)

    @wf.workflow
    def squares(n: int):
        return report(square.map(load(n)))

    return squares


def test_a_rerun_from_a_task_keeps_everything_before_it(runtime: Runtime, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    first = run(runtime, plain(marks).bind(n=3))
    again = rerun(runtime, first.id, from_=("report",))
    assert again.id != first.id
    assert statuses(again) == {
        "load": "cached",
        "square[0]": "cached",
        "square[1]": "cached",
        "square[2]": "cached",
        "report": "succeeded",
    }
    assert ran(marks).count("load") == 1 and ran(marks).count("report") == 2
    assert value(runtime, again.id) == 5


def test_a_rerun_from_a_task_computes_it_anew_although_the_cache_knows_it(runtime: Runtime, tmp_path: Path) -> None:
    workflow = summing(tmp_path / "marks")
    first = run(runtime, workflow.bind(numbers=[1, 2]))
    again = rerun(runtime, first.id, from_=("multiply[0]",))
    assert statuses(again) == {"multiply[0]": "succeeded", "multiply[1]": "cached", "add": "succeeded"}
    assert set(statuses(run(runtime, workflow.bind(numbers=[1, 2]))).values()) == {"cached"}


def test_a_rerun_from_one_item_computes_that_item_and_what_follows(runtime: Runtime, tmp_path: Path) -> None:
    first = run(runtime, plain(tmp_path / "marks").bind(n=3))
    again = rerun(runtime, first.id, from_=("square[1]",))
    assert {key for key, status in statuses(again).items() if status == "succeeded"} == {"square[1]", "report"}


def test_a_rerun_without_a_place_repeats_what_did_not_succeed(runtime: Runtime, tmp_path: Path) -> None:
    fails = tmp_path / "fails"
    fails.touch()
    first = run(runtime, plain(tmp_path / "marks", fails).bind(n=2))
    assert first.status == "failed"
    fails.unlink()
    again = rerun(runtime, first.id)
    assert again.status == "succeeded"
    assert {key for key, status in statuses(again).items() if status == "succeeded"} == {"report"}


def test_a_rerun_with_other_inputs_keeps_what_they_do_not_touch(runtime: Runtime, tmp_path: Path) -> None:
    @wf.task
    def slow(a):
        return a

    @wf.task
    def both(a, b):
        return (a, b)

    @wf.workflow
    def mixed(a: int, b: int):
        return both(slow(a), b)

    first = run(runtime, mixed.bind(a=1, b=2))
    again = rerun(runtime, first.id, submission=packed(mixed.bind(a=1, b=3)))
    assert statuses(again) == {"slow": "cached", "both": "succeeded"}
    assert value(runtime, again.id) == (1, 3)


def test_a_rerun_names_what_it_cannot_do(runtime: Runtime, tmp_path: Path) -> None:
    first = run(runtime, plain(tmp_path / "marks").bind(n=1))
    with pytest.raises(InputError, match="nothing_like_it"):
        rerun(runtime, first.id, from_=("nothing_like_it",))

    from tests.sample_workflows import gated

    running = runtime.call(runtime.orchestrator.submit(packed(gated(tmp_path / "never")))).result(PATIENCE)
    with pytest.raises(StateConflict, match="ended"):
        rerun(runtime, running)
