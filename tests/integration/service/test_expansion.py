"""Graphs that grow while they run: tasks that return workflows, and what may be done with their results."""

from __future__ import annotations

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, ended, packed
from tests.integration.service.test_reuse import run, statuses, value
from wf_jupyter.model import policy
from wf_jupyter.service.runtime import Runtime


def counting(rounds: int):
    @wf.task
    def step(n):
        return n + 1

    @wf.task
    def loop(n, rounds):
        if n >= rounds:
            return n
        return body.bind(n=n, rounds=rounds)

    @wf.workflow
    def body(n: int, rounds: int):
        return loop(step(n), rounds)

    @wf.workflow
    def until_done(rounds: int):
        return loop(0, rounds)

    return until_done.bind(rounds=rounds)


def test_a_loop_until_converged_goes_round_by_round(runtime: Runtime) -> None:
    final = run(runtime, counting(3))
    assert list(statuses(final)) == [
        "loop",
        "loop/step",
        "loop/loop",
        "loop/loop/step",
        "loop/loop/loop",
        "loop/loop/loop/step",
        "loop/loop/loop/loop",
    ]
    assert value(runtime, final.id) == 3


def test_a_thousand_rounds_are_no_problem(runtime: Runtime) -> None:
    final = run(runtime, counting(1000))
    assert final.status == "succeeded" and len(final.tasks) == 2001
    assert value(runtime, final.id) == 1000


def test_an_expansion_that_never_ends_is_stopped_with_a_clear_message(runtime: Runtime, monkeypatch) -> None:
    monkeypatch.setattr("wf_jupyter.engine.decide.MAX_DEPTH", 20)
    final = run(runtime, counting(10_000))
    assert final.status == "failed"
    reasons = [task.error.message for task in final.tasks if task.error and task.error.kind == "definition"]
    assert len(reasons) == 1 and "at most 20 deep" in reasons[0]


def test_what_an_expansion_returns_can_be_mapped_over_and_asked(runtime: Runtime) -> None:
    @wf.task
    def numbers(n):
        return list(range(n))

    @wf.task
    def double(x):
        return 2 * x

    @wf.workflow
    def doubled(n: int):
        return double.map(numbers(n))

    @wf.workflow
    def pair():
        return [numbers(1), numbers(2)]

    @wf.task
    def choose(kind):
        return {"map": lambda: doubled.bind(n=3), "task": lambda: plain.bind(n=3), "pair": pair.bind}[kind]()

    @wf.workflow
    def plain(n: int):
        return numbers(n)

    @wf.task
    def size(x):
        return len(x) if isinstance(x, list) else x

    @wf.workflow
    def mapped(kind: str):
        chosen = choose(kind)
        with wf.when(chosen):
            return size.map(chosen)

    for kind, expected in (("map", [0, 2, 4]), ("task", [0, 1, 2]), ("pair", [1, 2])):
        final = run(runtime, mapped.bind(kind=kind))
        assert final.status == "succeeded", statuses(final)
        assert value(runtime, final.id) == expected


def test_a_map_over_too_many_items_is_refused_by_name(runtime: Runtime, monkeypatch) -> None:
    monkeypatch.setattr("wf_jupyter.engine.propagate.MAX_TASKS", 50)

    @wf.task
    def numbers(n):
        return list(range(n))

    @wf.workflow
    def many(n: int):
        return numbers.map(numbers(n))

    final = run(runtime, many.bind(n=100))
    assert final.status == "failed"
    assert "100 items" in next(task.error.message for task in final.tasks if task.error is not None)
    assert policy.MAX_TASKS == 200_000


def test_a_failure_inside_an_expansion_fails_the_task_that_returned_it_and_can_be_retried(
    runtime: Runtime, tmp_path
) -> None:
    marker = tmp_path / "marker"

    @wf.task
    def fragile(path):
        if not path.exists():
            raise ValueError("missing")
        return "there"

    @wf.workflow
    def inner(path):
        return fragile(path)

    @wf.task
    def outer(path):
        return inner.bind(path=path)

    @wf.workflow
    def whole(path):
        return outer(path)

    from wf_jupyter.model.stimuli import Retry

    execution = runtime.call(runtime.orchestrator.submit(packed(whole.bind(path=marker)))).result(PATIENCE)
    assert statuses(ended(runtime, execution)) == {"outer": "failed", "outer/fragile": "failed"}
    marker.touch()
    runtime.call(runtime.orchestrator.command(execution, Retry())).result(PATIENCE)
    assert statuses(ended(runtime, execution)) == {"outer": "succeeded", "outer/fragile": "succeeded"}
    assert value(runtime, execution) == "there"
