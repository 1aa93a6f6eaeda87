"""What is kept in the cache was computed by the code that its key stands for, whatever happens to files meanwhile."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, ended, packed
from wf_jupyter.model.events import TaskLog
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.submission import Submission
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.values.codec import decode
from wf_jupyter.values.inputs import resolver


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("wf_cached_")]:
        del sys.modules[name]


def write(path: Path, source: str) -> None:
    """Write a file as it was before anything began: an edit in this moment would count as one during the run."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)
    importlib.invalidate_caches()


def submitted(runtime: Runtime, submission: Submission) -> tuple[Snapshot, object]:
    snapshot = ended(runtime, runtime.call(runtime.orchestrator.submit(submission)).result(PATIENCE))
    assert str(snapshot.status) == "succeeded", [task.error for task in snapshot.tasks]
    outcome = runtime.call(runtime.orchestrator.result(snapshot.id)).result(PATIENCE)
    assert outcome.template is not None
    return snapshot, decode(outcome.template, resolver(outcome.inputs))


def run(runtime: Runtime, function: Callable[..., object], *args: object) -> tuple[str, object]:
    """Run one cached task; how it ended, and its value."""
    snapshot, value = submitted(runtime, packed(flow(function, *args)))
    return str(snapshot.tasks[0].status), value


def flow(function: Callable[..., object], *args: object):
    task = wf.task(cache=True, name="t")(function)

    @wf.workflow
    def one():
        return task(*args)

    return one.bind()


def log_of(runtime: Runtime, execution: str, task: str) -> str:
    events = runtime.call(runtime.orchestrator.events(execution)).result(PATIENCE)
    return "".join(event.text for event in events if isinstance(event, TaskLog) and event.task == task)


def code(source: str) -> Callable[..., object]:
    """The function `f` as a notebook defines it."""
    space: dict[str, object] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), space)
    return space["f"]  # type: ignore[return-value]


reading_helper = code("def f():\n    import wf_cached_helper\n    return wf_cached_helper.K\n")
importing = code("import importlib\ndef f(name):\n    return importlib.import_module(name).K\n")


def test_a_result_of_a_file_that_was_edited_after_submitting_is_not_kept(runtime: Runtime, project: Path) -> None:
    helper = project / "wf_cached_helper.py"
    write(helper, "K = 1\n")
    submission = packed(flow(reading_helper))
    write(helper, "K = 2222\n")
    snapshot, value = submitted(runtime, submission)
    assert value == 2222
    assert "'wf_cached_helper' was edited between submitting and running" in log_of(runtime, snapshot.id, "t")
    write(helper, "K = 1\n")
    assert run(runtime, reading_helper) == ("succeeded", 1)
    assert run(runtime, reading_helper) == ("cached", 1)


def test_a_module_that_no_code_names_keeps_the_result_out_of_the_cache(runtime: Runtime, project: Path) -> None:
    plugin = project / "wf_cached_plugin.py"
    write(plugin, "K = 1\n")
    assert run(runtime, importing, "wf_cached_plugin") == ("succeeded", 1)
    # The worker holds the module by now, so that this time nothing is loaded.
    assert run(runtime, importing, "wf_cached_plugin") == ("succeeded", 1)
    write(plugin, "K = 2222\n")
    assert run(runtime, importing, "wf_cached_plugin") == ("succeeded", 2222)


def test_an_edit_that_leaves_time_and_size_of_the_file_is_not_mistaken(runtime: Runtime, project: Path) -> None:
    helper, long_ago = project / "wf_cached_helper.py", 1_000_000_000
    write(helper, "K = 1\n")
    os.utime(helper, (long_ago, long_ago))
    assert run(runtime, reading_helper) == ("succeeded", 1)
    write(helper, "K = 2\n")
    os.utime(helper, (long_ago, long_ago))
    run(runtime, reading_helper)  # the worker cannot know that its module is outdated
    os.utime(helper, (long_ago + 1, long_ago + 1))
    assert run(runtime, reading_helper) == ("succeeded", 2), "what it computed was not kept for the new file"
    assert run(runtime, reading_helper) == ("cached", 2)


def test_what_was_computed_from_a_failure_is_not_found_when_there_is_none(runtime: Runtime, tmp_path: Path) -> None:
    switch = tmp_path / "switch"

    @wf.task
    def flaky():
        if not switch.exists():
            raise ValueError("not yet")
        return 1

    @wf.task
    def handle(x):
        return -1 if isinstance(x, wf.TaskError) else x

    @wf.task(cache=True)
    def last(x):
        return x * 10

    @wf.workflow
    def handled():
        return last(handle(wf.allow_failure(flaky())))

    assert submitted(runtime, packed(handled.bind()))[1] == -10
    switch.touch()
    assert submitted(runtime, packed(handled.bind()))[1] == 10
    snapshot, value = submitted(runtime, packed(handled.bind()))
    assert value == 10
    assert {task.key: str(task.status) for task in snapshot.tasks}["last"] == "cached"


def test_a_branch_that_is_not_taken_does_not_keep_results_from_being_found(runtime: Runtime) -> None:
    @wf.task(cache=True)
    def double(x):
        return x * 2

    @wf.task(cache=True)
    def last(x):
        return x + 1

    @wf.workflow
    def branches(big: bool):
        with wf.when(double(big)):
            a = double(10)
        with wf.unless(double(big)):
            b = double(20)
        return last(wf.coalesce(a, b))

    assert submitted(runtime, packed(branches.bind(big=True)))[1] == 21
    snapshot, value = submitted(runtime, packed(branches.bind(big=True)))
    assert value == 21
    assert {task.key: str(task.status) for task in snapshot.tasks}["last"] == "cached"
    assert submitted(runtime, packed(branches.bind(big=False)))[1] == 41


def test_arguments_that_mean_the_same_share_a_result(runtime: Runtime) -> None:
    @wf.task(cache=True)
    def first(x):
        return x

    @wf.task(cache=True)
    def join(a, b, c=3):
        return (a, b, c)

    @wf.workflow
    def positional():
        return join(first(1), first(2))

    @wf.workflow
    def named():
        return join(c=3, b=first(2), a=first(1))

    assert submitted(runtime, packed(positional.bind()))[1] == (1, 2, 3)
    snapshot, value = submitted(runtime, packed(named.bind()))
    assert value == (1, 2, 3)
    assert {str(task.status) for task in snapshot.tasks} == {"cached"}


def test_a_task_without_a_key_says_so_in_its_log_and_runs_each_time(runtime: Runtime) -> None:
    calculate = code("def f(text):\n    return eval(text)\n")
    snapshot, value = submitted(runtime, packed(flow(calculate, "1 + 1")))
    assert value == 2
    told = log_of(runtime, snapshot.id, "t")
    assert "this result is not kept in the cache: its code has" in told and "eval" in told
    assert run(runtime, calculate, "1 + 1") == ("succeeded", 2)


def test_a_named_tuple_of_a_notebook_reaches_a_worker_and_hits(runtime: Runtime) -> None:
    source = "import typing\nclass Pair(typing.NamedTuple):\n    left: int = 1\n\ndef f():\n    return Pair().left\n"
    assert run(runtime, code(source)) == ("succeeded", 1)
    assert run(runtime, code(source)) == ("cached", 1)
