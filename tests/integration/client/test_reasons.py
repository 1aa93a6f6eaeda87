"""Why a task did not run: told truly, with the name of the task that caused it, wherever it is told."""

from __future__ import annotations

import time
from typing import Any

import pytest

import wf_jupyter as wf
from wf_jupyter.cli.main import main
from wf_jupyter.errors import TaskSkipped
from wf_jupyter.model.stimuli import CancelTask


@pytest.fixture(autouse=True)
def in_this_process():
    wf.connect(mode="embedded")


@wf.task
def yes():
    return True


@wf.task
def no():
    return False


@wf.task
def numbers(x=None):
    return [1, 2]


@wf.task
def bad(x=None):
    raise ValueError("bad")


@wf.task
def use(*values):
    return values


@wf.task(trigger_rule="one_failed")
def cleanup(*values):
    return "clean"


@wf.task(trigger_rule="all_done")
def anyhow(*values):
    return "done"


@wf.workflow
def inner():
    return use.with_options(name="deep")(yes())


def reasons(body, **options):
    """The reasons of a run's tasks by key."""
    execution = wf.workflow(body).with_options(executor="inline", **options).submit()
    execution.wait(timeout=60)
    told = {key: task.error for key, task in execution.tasks.items()}
    return {key: str(error) for key, error in told.items() if isinstance(error, TaskSkipped)}


def test_a_branch_that_is_not_taken_names_its_condition_and_so_does_what_comes_after():
    def w():
        is_big = yes.with_options(name="is_big")()
        with wf.unless(is_big):
            small = numbers.with_options(name="small")()
            inner()
        with wf.when(is_big):
            big = numbers.with_options(name="big")()
            with wf.when(no()):
                nested = use.with_options(name="nested")(big)
        each = use.with_options(name="each").map(small)
        after = use.with_options(name="after")(each)
        last = use.with_options(name="last")().after(nested)
        return wf.coalesce(small, big), wf.coalesce(small, nested), after, last, anyhow(small), cleanup(small)

    because = "not taken: is_big was truthy"
    assert reasons(w) == {
        "small": because,
        "inner/yes": because,
        "inner/deep": because,
        "nested": "not taken: no was falsy",
        "each": f"{because}, so small was skipped",
        "after": f"{because}, so each was skipped",
        "last": "not taken: no was falsy, so nested was skipped",
        "coalesce-2": f"{because}, so small was skipped",
        "cleanup": "not needed: small did not fail",
    }


def test_a_failure_and_a_cancellation_upstream_are_named_and_come_before_a_branch():
    def w():
        with wf.when(no()):
            branch = numbers.with_options(name="branch")()
        failed = bad()
        with wf.when(failed):
            use.with_options(name="guarded")()
        direct = use.with_options(name="direct")(branch, failed)
        items = bad.with_options(name="item").map([1, 2])
        many = use.with_options(name="many").map(items)
        listed = use.with_options(name="listed").map(bad.with_options(name="list")())
        return wf.coalesce(branch, direct), many, listed, cleanup(direct)

    failed = "upstream failed: bad failed"
    assert reasons(w) == {
        "branch": "not taken: no was falsy",
        "guarded": failed,
        "direct": failed,
        "many[0]": "upstream failed: item[0] failed",
        "many[1]": "upstream failed: item[1] failed",
        "listed": "upstream failed: list failed",
        "coalesce": f"{failed}, so direct was skipped",
        "cleanup": "not needed: direct did not fail",
    }


def test_what_fail_fast_stops_names_the_failure():
    def w():
        first = bad()
        return use.with_options(name="later")(first), use.with_options(name="each").map(numbers(first))

    stopped = "stopped: bad failed, and on_failure is 'fail_fast'"
    assert reasons(w, on_failure="fail_fast") == {"later": stopped, "numbers": stopped, "each": stopped}


def test_what_waits_for_a_cancelled_task_says_so(tmp_path):
    gate = tmp_path / "gate"

    @wf.task
    def slow():
        while not gate.exists():
            time.sleep(0.01)

    @wf.workflow
    def w():
        return use(numbers.with_options(name="never")(slow()))

    execution = w.submit()
    execution.connection.command(execution.id, CancelTask(task="never"))
    gate.touch()
    execution.wait(timeout=30)
    assert str(execution.tasks["use"].error) == "upstream cancelled: never was cancelled"


def test_a_graph_whose_result_was_skipped_counts_as_none():
    @wf.workflow
    def choose():
        with wf.when(no()):
            return numbers()

    @wf.task
    def expand():
        return choose.bind()

    def w():
        chosen = expand()
        with wf.unless(chosen):
            instead = use.with_options(name="instead")()
        with wf.when(chosen):
            never = use.with_options(name="never")()
        return instead, never, use.with_options(name="each").map(chosen)

    because = "not taken: expand/no was falsy"
    assert reasons(w) == {
        "never": "not taken: expand was falsy",
        "expand/numbers": because,
        "each": f"{because}, so expand/numbers was skipped",
    }


def test_it_is_told_alike_in_every_picture(place, capsys):
    def body(n: int):
        is_big = yes.with_options(name="is_big")()
        with wf.unless(is_big):
            return numbers.with_options(name="small")()

    w = wf.workflow(body)
    execution = w.submit(n=1)
    assert execution.result(timeout=30) is None
    because = "not taken: is_big was truthy"
    row = execution.to_frame().set_index("key").loc["small"]
    assert row["error"] == because
    data: Any = execution._repr_mimebundle_()
    shown = [execution.to_svg(), data["text/html"]]
    with pytest.raises(wf.StateConflict, match=because):
        execution.tasks["small"].result()
    for command in ("show", "watch"):
        assert main([command, execution.id]) == 0
        told = capsys.readouterr()
        shown.append(told.out + told.err)
    for text in shown:
        assert because in text
        assert "upstream" not in text
