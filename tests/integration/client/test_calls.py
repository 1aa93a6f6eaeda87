"""Tasks that are called again where their author is: the values that they had, and the debugger at the failure."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest

import wf_jupyter as wf
from wf_jupyter.client import session

pytestmark = pytest.mark.usefixtures("place")


@wf.task
def numbers(n):
    return list(range(n))


@wf.task
def fit(x, depth=3, *, scale=1):
    return scale // (x - depth)


@wf.task
def collect_all(*values, **named):
    return values, named


@wf.task
async def later(x):
    return x + 1


@wf.task
def where():
    context = wf.current_task()
    assert context is not None
    return context.key, context.attempt, context.index


class Model:
    def __init__(self, rate):
        self.rate = rate

    @wf.task
    def train(self, x, /, rows):
        return self.rate * x + len(rows)


@wf.workflow
def inner(x):
    return fit(x, depth=9)


@wf.task
def expand(x):
    return inner.bind(x + 1)


@wf.workflow
def w(n: int):
    given = numbers(n)
    fitted = fit.partial(scale=8).map(given)
    tolerant = collect_all.with_options(name="tolerant")(wf.allow_failure(fit.with_options(name="bad")(3)))
    mixed = collect_all.with_options(name="mixed")(given, [given[1], 7], key=given)
    collect_all.with_options(name="after")(fitted)
    later.map([1, 2])
    later.with_options(name="over").map(given)
    expand(5)
    inner(12)
    Model(2).train(3, given)
    where()
    with wf.unless(given):
        fit.with_options(name="never")(1)
    large = numbers.with_options(name="large", cache=True)(200_000)
    collect_all.with_options(name="sums")(large)
    return tolerant, mixed


@pytest.fixture
def tasks(place, server):
    """The tasks of an execution that has ended, as another kernel finds them."""
    execution = w.submit(n=5)
    execution.wait(timeout=60)
    session.close()
    if place == "embedded":
        wf.connect(mode="embedded")
    else:
        wf.connect(url=server.url, token=server.token)
    return wf.get_execution(execution.id).tasks


def test_inputs_are_the_values_by_parameter_name_and_call_gives_what_the_task_gave(tasks):
    assert tasks["fit[4]"].inputs() == {"x": 4, "scale": 8}
    assert tasks["fit[4]"].call() == tasks["fit[4]"].result() == 8
    assert tasks["numbers"].inputs() == {"n": 5}
    assert tasks["mixed"].inputs() == {"values": ([0, 1, 2, 3, 4], [1, 7]), "named": {"key": [0, 1, 2, 3, 4]}}
    assert tasks["mixed"].call() == tasks["mixed"].result()
    assert [tasks[f"later[{i}]"].call() for i in range(2)] == [2, 3]
    assert tasks["over[3]"].inputs() == {"x": 3}
    assert tasks["inner/fit"].inputs() == {"x": 12, "depth": 9}
    assert tasks["expand/fit"].inputs() == {"x": 6, "depth": 9}
    assert type(tasks["expand"].call()).__name__ == "BoundWorkflow"
    train = tasks["train"].inputs()
    assert (train["self"].rate, train["x"], train["rows"]) == (2, 3, [0, 1, 2, 3, 4])
    assert tasks["train"].call() == 11
    assert tasks["where"].call() == ("where", 1, None)
    assert wf.current_task() is None
    assert tasks["sums"].inputs()["values"][0] == list(range(200_000))


def test_a_failure_is_there_to_look_at(tasks):
    assert tasks["bad"].inputs() == {"x": 3}
    with pytest.raises(ZeroDivisionError):
        tasks["bad"].call()
    (error,) = tasks["tolerant"].inputs()["values"]
    assert isinstance(error, wf.TaskError)
    assert error.kind == "ZeroDivisionError"
    with pytest.raises(wf.StateConflict, match=r"'after' was not called: upstream failed: fit\[3\] failed"):
        tasks["after"].inputs()
    with pytest.raises(wf.StateConflict, match="'never' was not called: not taken: numbers was truthy"):
        tasks["never"].debug()


def test_the_debugger_opens_at_the_line_that_raised(tasks, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("p x, depth\nw\nq\n"))
    assert tasks["fit[3]"].debug() is None
    told = capsys.readouterr()
    assert "ZeroDivisionError" in told.err
    assert "return scale // (x - depth)" in told.out
    assert "(3, 3)" in told.out
    assert tasks["fit[2]"].debug() == -8


def test_what_is_missing_is_named(place, tmp_path):
    gate = tmp_path / "gate"

    @wf.task
    def waits():
        while not gate.exists():
            time.sleep(0.01)
        return bytes(300_000)

    @wf.workflow
    def waiting():
        return numbers(waits())

    execution = waiting.submit()
    with pytest.raises(wf.StateConflict, match="'numbers' was not called: it waits for waits"):
        execution.tasks["numbers"].inputs()
    gate.touch()
    execution.wait(timeout=30)
    assert len(execution.tasks["numbers"].inputs()["n"]) == 300_000
    if place == "embedded":
        for file in Path(os.environ["WF_JUPYTER_DATA_DIR"]).glob("values/**/*"):
            if file.is_file():
                file.unlink()
        with pytest.raises(wf.StateConflict, match="an input of task 'numbers' cannot be loaded here"):
            execution.tasks["numbers"].inputs()
    with pytest.raises(KeyError, match="no task 'nobody'"):
        execution.tasks["nobody"].inputs()
