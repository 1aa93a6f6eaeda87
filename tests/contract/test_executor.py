"""What every executor promises: one suite over worker processes and the calling thread."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from tests.attempts import POOLS, Bench, attempt_of, value_of, whole
from wf_jupyter.context import current_task, progress, track
from wf_jupyter.errors import TaskError
from wf_jupyter.model.draft import ABSENT, Draft, DraftNode
from wf_jupyter.model.events import Failure
from wf_jupyter.model.keys import TaskKey
from wf_jupyter.model.stimuli import AttemptExpanded, AttemptFailed, AttemptStopped, AttemptSucceeded, Printed
from wf_jupyter.ports import Absent, Built, Failed, Item, Many, Whole
from wf_jupyter.values import container
from wf_jupyter.values.codec import decode, encode_bytes
from wf_jupyter.values.exceptions import decode_exception

# The functions below travel like those of a notebook cell: by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


class Reference:
    """Stands for an input in a template."""

    def __init__(self, position: int, *path: object) -> None:
        self.place = (position, path)


def template(*args: object, **kwargs: object) -> bytes:
    return encode_bytes((args, kwargs), lambda obj: obj.place if isinstance(obj, Reference) else None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Bench]:
    """One Dask cluster for the whole suite: it takes seconds to come up."""
    made = Bench("dask")
    yield made
    made.close()


_NOT_ENDED = "nothing that runs there can be ended (tests/integration/test_futures.py)"
#: What executors of others lose, and why.
LOST = {
    "test_a_running_task_is_stopped": _NOT_ENDED,
    "test_a_task_over_its_timeout_fails": _NOT_ENDED,
    "test_a_partial_line_is_seen_while_the_task_runs": "what a task says arrives with its end",
    "test_threads_of_a_task_print_and_progress_for_it": "what threads of a task say is not known to be its",
}


@pytest.fixture(params=["local", "inline", *POOLS, pytest.param("dask", marks=pytest.mark.dask)])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "dask":
        shared = request.getfixturevalue("cluster")
        shared.reports.clear()
        yield shared
        return
    if request.param in POOLS and (reason := LOST.get(request.function.__name__)):
        pytest.skip(reason)
    if request.param == "loky":
        pytest.importorskip("loky")
    made = Bench(request.param)
    yield made
    made.close()


def test_a_result_comes_back(bench: Bench) -> None:
    report = bench.run(lambda a, b: a + b, 1, 2)
    assert value_of(report) == 3
    assert isinstance(report, AttemptSucceeded)
    assert (report.task, report.attempt, report.result.type, report.result.text) == ("task", 1, "int", "3")
    assert report.duration >= 0


def test_references_are_filled_in_at_any_depth(bench: Bench) -> None:
    call = template([Reference(0)], {"x": (Reference(1, "a", 0),)}, k=Reference(0))
    report = bench.run(lambda *a, **k: (a, k), call=call, inputs=(whole(7), whole({"a": [8]})))
    assert value_of(report) == (([7], {"x": (8,)}), {"k": 7})


def test_every_kind_of_input_is_understood(bench: Bench, tmp_path: Path) -> None:
    items = tmp_path / "items"
    items.write_bytes(container.pack([encode_bytes("zero"), encode_bytes("one")]))
    failure = Failure(kind="raised", type="ValueError", message="no")
    inputs = (
        whole("whole"),
        Item(Whole(path=str(items)), 1),
        Many((whole(1), whole(2))),
        Failed("other", failure),
        Absent(),
        Built(template([Reference(0)]), (whole(5),)),
    )

    def look(*given: object) -> object:
        assert isinstance(given[3], TaskError)
        return [*given[:3], given[3].task, given[3].kind, given[4] is ABSENT, given[5]]

    report = bench.run(look, call=template(*map(Reference, range(6))), inputs=inputs)
    assert value_of(report) == ["whole", "one", [1, 2], "other", "ValueError", True, (([5],), {})]


def test_a_mapped_parameter_comes_after_the_needs(bench: Bench) -> None:
    call = template(k=Reference(0))
    report = bench.run(lambda x, k: (x, k), call=call, inputs=(whole("k"), whole("x")), over=("x",), index=4)
    assert value_of(report) == ("x", "k")


def test_a_result_that_is_mapped_over_is_stored_item_by_item(bench: Bench) -> None:
    report = bench.run(lambda: {"train": [1, "two"], "text": "no list"}, splits=('["train"]', '["text"]', '["none"]'))
    assert isinstance(report, AttemptSucceeded)
    assert report.lengths == {'["train"]': 2}
    (stored,) = [value for value in report.values if value.part == 'items:["train"]']
    assert stored.data is not None
    assert [decode(container.item(stored.data, i)) for i in range(container.count(stored.data))] == [1, "two"]


@pytest.mark.parametrize(
    ("value", "length"),
    [
        ([], 0),
        ((1, 2), 2),
        (range(3), 3),
        (np.arange(4), 4),
        (pd.Series([1, 2], index=["a", "b"]), 2),
        (pd.Index(["a"]), 1),
        ("text", None),
        (b"bytes", None),
        ({"a": 1}, None),
        ({1}, None),
        (pd.DataFrame({"a": [1]}), None),
        (np.zeros((2, 2)), None),
        (5, None),
        (None, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_lists_have_a_length(bench: Bench, value: object, length: int | None) -> None:
    report = bench.run(lambda: value, splits=("",))
    assert isinstance(report, AttemptSucceeded)
    assert report.lengths.get("") == length


def test_truth_is_told_when_asked_for(bench: Bench) -> None:
    assert bench.run(list, wants_truth=True).truth is False  # type: ignore[union-attr]
    assert bench.run(lambda: [0], wants_truth=True, task="other").truth is True  # type: ignore[union-attr]
    unclear = bench.run(lambda: np.arange(3), wants_truth=True, task="third")
    assert isinstance(unclear, AttemptFailed)
    assert unclear.failure.kind == "definition"
    assert "neither true nor false" in unclear.failure.message


def test_an_exception_is_told_with_the_frames_of_the_user_only(bench: Bench) -> None:
    def inner() -> None:
        raise ValueError("bad value")

    def outer() -> None:
        inner()

    report = bench.run(outer)
    assert isinstance(report, AttemptFailed)
    failure = report.failure
    assert (failure.kind, failure.type, failure.message, failure.retriable) == (
        "raised",
        "ValueError",
        "bad value",
        True,
    )
    assert 'raise ValueError("bad value")' in failure.traceback
    assert failure.traceback.index("in outer") < failure.traceback.index("in inner")
    assert "wf_jupyter" not in failure.traceback
    (error,) = report.values
    assert error.part == "error"
    assert error.data is not None
    assert repr(decode_exception(error.data)) == "ValueError('bad value')"


def test_retry_on_decides_whether_a_failure_is_retriable(bench: Bench) -> None:
    def fail() -> None:
        raise KeyError("x")

    assert bench.run(fail, retry_on=(LookupError,)).failure.retriable is True  # type: ignore[union-attr]
    assert bench.run(fail, retry_on=(OSError,), task="b").failure.retriable is False  # type: ignore[union-attr]


def test_an_exception_that_cannot_be_rebuilt_is_told_as_text(bench: Bench) -> None:
    class Strange(Exception):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a} and {b}")
            self.lock = threading.Lock()

    def fail() -> None:
        raise Strange(1, 2)

    report = bench.run(fail)
    assert isinstance(report, AttemptFailed)
    assert (report.failure.type, report.failure.message, report.values) == ("Strange", "1 and 2", ())


def test_text_that_is_no_utf8_is_spelled_out_and_costs_nobody_a_worker(bench: Bench) -> None:
    lone = "name\udcff.csv"

    class Odd:
        def __repr__(self) -> str:
            return lone

    def talk() -> Odd:
        sys.stderr.write(lone)
        progress(1, 2, lone)
        return Odd()

    def fail() -> None:
        raise ValueError(lone)

    report = bench.run(talk)
    assert isinstance(report, AttemptSucceeded)
    assert report.result is not None
    assert report.result.text == r"name\udcff.csv"
    assert r"name\udcff.csv" in bench.text("stderr")
    assert bench.progress()[-1].text == r"name\udcff.csv"
    report = bench.run(fail, task="b")
    assert isinstance(report, AttemptFailed)
    assert (report.failure.type, report.failure.message) == ("ValueError", r"name\udcff.csv")


def test_progress_that_is_no_number_is_not_told_and_a_total_without_end_is_none(bench: Bench) -> None:
    def talk() -> None:
        progress(math.nan, 3)
        progress(math.inf)
        progress(2, math.inf)

    assert isinstance(bench.run(talk), AttemptSucceeded)
    assert [(said.done, said.total) for said in bench.progress()] == [(2, None)]


def test_an_exception_whose_text_fails_is_still_told(bench: Bench) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def fail() -> None:
        raise Mute

    report = bench.run(fail)
    assert isinstance(report, AttemptFailed)
    assert report.failure.type == "Mute"
    assert "cannot be shown" in report.failure.message


def test_sys_exit_fails_the_task_and_nothing_else(bench: Bench) -> None:
    report = bench.run(lambda: sys.exit(3))
    assert isinstance(report, AttemptFailed)
    assert (report.failure.kind, report.failure.type) == ("raised", "SystemExit")
    assert report.failure.message == "the task called sys.exit(3)"
    assert value_of(bench.run(lambda: 1, task="next")) == 1


def test_a_result_that_cannot_be_pickled_is_named(bench: Bench) -> None:
    report = bench.run(lambda: (i for i in range(3)))
    assert isinstance(report, AttemptFailed)
    assert (report.failure.kind, report.failure.retriable) == ("value", False)
    assert "'task'" in report.failure.message
    assert "'generator'" in report.failure.message
    assert value_of(bench.run(lambda: 1, task="next")) == 1


def test_a_result_over_the_limit_is_told_with_both_sizes(bench: Bench, tmp_path: Path) -> None:
    report = bench.run(lambda: b"x" * 5000, size_limit=1000, directory=str(tmp_path))
    assert isinstance(report, AttemptFailed)
    assert report.failure.kind == "value"
    assert "5,0" in report.failure.message
    assert "1,000" in report.failure.message
    assert list(tmp_path.iterdir()) == []


def test_a_large_result_is_a_file_that_readers_map_and_may_write_to(bench: Bench, tmp_path: Path) -> None:
    def big() -> object:
        return {"numbers": np.arange(100_000.0), "frame": pd.DataFrame({"a": np.arange(50_000)})}

    report = bench.run(big, directory=str(tmp_path))
    assert isinstance(report, AttemptSucceeded)
    (stored,) = report.values
    assert stored.data is None
    assert stored.path is not None
    assert Path(stored.path).parent == tmp_path
    assert stored.size == Path(stored.path).stat().st_size > 1_000_000

    def change(data: dict[str, np.ndarray]) -> float:
        data["numbers"][0] = 42
        return float(data["numbers"].sum()) + float(data["frame"]["a"].sum())

    again = bench.run(change, call=template(Reference(0)), inputs=(Whole(path=stored.path),), task="reader")
    assert value_of(again) == float(np.arange(100_000.0).sum()) + 42 + float(np.arange(50_000).sum())
    assert value_of(report)["numbers"][0] == 0


def test_a_result_that_cannot_be_written_fails_the_task_and_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    report = bench.run(lambda: b"x" * 100_000, directory=str(tmp_path / "gone"))
    assert isinstance(report, AttemptFailed)
    assert report.failure.kind == "value"
    assert "100,0" in report.failure.message


def test_a_missing_input_file_is_named(bench: Bench, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.value")
    report = bench.run(lambda x: x, call=template(Reference(0)), inputs=(Whole(path=missing),))
    assert isinstance(report, AttemptFailed)
    assert report.failure.kind == "value"
    assert missing in report.failure.message


def test_code_that_cannot_be_loaded_is_told(bench: Bench) -> None:
    attempt = attempt_of(lambda: 1)
    data = encode_bytes(1).replace(b"WFV1", b"WFV0")
    attempt = attempt_of(lambda: 1, call=template())
    broken = type(attempt)(**{**{f: getattr(attempt, f) for f in attempt.__struct_fields__}, "code_data": data})
    bench.start(broken)
    report = bench.final(broken)
    assert isinstance(report, AttemptFailed)
    assert report.failure.kind == "value"
    assert "code of task 'task'" in report.failure.message


def test_output_comes_before_the_end_and_in_order(bench: Bench) -> None:
    def talk() -> None:
        print("one")
        print("two", end="")
        print("!", file=sys.stderr)
        sys.stdout.buffer.write("naïve\n".encode())
        logging.getLogger("x").warning("logged")

    report = bench.run(talk)
    assert isinstance(report, AttemptSucceeded)
    assert bench.text() == "one\ntwonaïve\n"
    assert bench.text("stderr").startswith("!\n")
    assert bench.reports["task"][-1] is report
    streams = [printed.stream for printed in bench.of(Printed)]
    assert streams[:3] == ["stdout", "stderr", "stdout"]


def test_a_partial_line_is_seen_while_the_task_runs(bench: Bench, tmp_path: Path) -> None:
    go = tmp_path / "go"

    def talk() -> None:
        print("working...", end="")
        while not go.exists():
            time.sleep(0.01)

    attempt = attempt_of(talk)

    def release() -> None:
        deadline = time.monotonic() + 30
        while "working..." not in bench.text() and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.append(bench.text())
        go.touch()

    seen: list[str] = []
    helper = threading.Thread(target=release)
    helper.start()
    bench.start(attempt)
    bench.final(attempt)
    helper.join()
    assert seen == ["working..."]


def test_threads_of_a_task_print_and_progress_for_it(bench: Bench) -> None:
    def talk() -> None:
        def inside() -> None:
            print("from a thread")
            progress(1, 2)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()

    bench.run(talk)
    assert "from a thread" in bench.text()
    if bench.executor.__class__.__name__ != "InlineExecutor":
        assert [(told.done, told.total) for told in bench.progress()] == [(1.0, 2.0)]


def test_print_is_bounded_and_says_so(bench: Bench) -> None:
    def flood() -> None:
        line = "x" * 99 + "\n"
        for _ in range(30_000):
            print(line, end="")

    captured = sys.stdout
    sys.stdout = type("Sink", (), {"write": lambda s, t: None, "flush": lambda s: None})()
    try:
        report = bench.run(flood)
    finally:
        sys.stdout = captured
    assert isinstance(report, AttemptSucceeded)
    text = bench.text()
    assert 1 << 20 <= len(text) < (1 << 20) + 200
    assert text.count("output truncated") == 1


def test_progress_is_limited_and_the_last_always_told(bench: Bench) -> None:
    def work() -> None:
        for _ in track(range(5000), text="counting"):
            pass

    report = bench.run(work)
    assert isinstance(report, AttemptSucceeded)
    told = bench.progress()
    assert (told[-1].done, told[-1].total, told[-1].text) == (5000.0, 5000.0, "counting")
    assert len(told) <= 3 + report.duration * 11


def test_a_task_knows_what_it_is(bench: Bench) -> None:
    def who() -> object:
        task = current_task()
        return task and (task.execution, task.key, task.attempt, task.index)

    report = bench.run(who, task="who[2]", number=3, index=2, execution="e1")
    assert value_of(report) == ("e1", "who[2]", 3, 2)
    assert current_task() is None


def test_async_tasks_run(bench: Bench) -> None:
    async def double(x: int) -> int:
        await asyncio.sleep(0.01)
        print("awaited")
        return 2 * x

    report = bench.run(double, 4, is_async=True)
    assert value_of(report) == 8
    assert bench.text() == "awaited\n"


def test_an_async_task_that_fails_or_exits_is_told(bench: Bench) -> None:
    async def leave() -> None:
        await asyncio.sleep(0)
        sys.exit(1)

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("late")

    assert bench.run(leave, is_async=True).failure.message == "the task called sys.exit(1)"  # type: ignore[union-attr]
    assert bench.run(fail, is_async=True, task="b").failure.message == "late"  # type: ignore[union-attr]


class Bound:
    """What `workflow.bind(...)` returns, as far as an executor looks at it."""

    __wf_bound__ = True

    def __init__(self, draft: Draft) -> None:
        self.draft = draft


def test_a_returned_workflow_becomes_an_expansion(bench: Bench) -> None:
    def grow() -> object:
        node = DraftNode(key=TaskKey("one"), name="one", function=lambda: 1)
        return Bound(Draft("inner", nodes=[node], result=5))

    report = bench.run(grow)
    assert isinstance(report, AttemptExpanded)
    graph = report.expansion.graph
    assert [node.key for node in graph.nodes] == ["one"]
    assert decode(report.expansion.blobs[graph.result.template]) == 5
    assert set(report.expansion.blobs) == {graph.nodes[0].code, graph.nodes[0].call, graph.result.template}


def test_a_running_task_is_stopped(bench: Bench) -> None:
    def linger() -> None:
        print("begun", flush=True)
        while True:
            time.sleep(0.01)

    attempt = attempt_of(linger)

    def stop_when_begun() -> None:
        deadline = time.monotonic() + 30
        while "begun" not in bench.text() and time.monotonic() < deadline:
            time.sleep(0.01)
        bench.stop(attempt)

    helper = threading.Thread(target=stop_when_begun)
    helper.start()
    bench.start(attempt)
    assert isinstance(bench.final(attempt), AttemptStopped)
    helper.join()
    assert value_of(bench.run(lambda: 1, task="next")) == 1


def test_a_task_over_its_timeout_fails(bench: Bench) -> None:
    def linger() -> None:
        while True:
            time.sleep(0.01)

    report = bench.run(linger, timeout=0.2)
    assert isinstance(report, AttemptFailed)
    assert (report.failure.kind, report.failure.retriable) == ("timeout", True)
    assert report.failure.message == "the task ran longer than its timeout of 0.2 s"
    assert value_of(bench.run(lambda: 1, task="next")) == 1


def test_stopping_what_is_unknown_does_nothing(bench: Bench) -> None:
    bench.stop(attempt_of(lambda: 1, task="unknown"))
    assert value_of(bench.run(lambda: 1)) == 1


def test_arguments_do_not_leak_from_one_attempt_into_the_next(bench: Bench) -> None:
    def grow(items: list[int]) -> list[int]:
        items.append(len(items))
        return items

    call = encode_bytes((([],), {}))
    for number in (1, 2):
        assert value_of(bench.run(grow, call=call, number=number)) == [0]


def test_all_but_its_own_thread_are_refused(bench: Bench) -> None:
    attempt = attempt_of(lambda: 1)
    assert value_of(bench.run(lambda: 1, task="first")) == 1
    executor = bench.executor
    for act in (
        lambda: executor.slots(1),
        lambda: executor.start(attempt, "any"),
        lambda: executor.stop(attempt.execution, attempt.task, attempt.number),
        lambda: asyncio.run(executor.close()),
    ):
        with pytest.raises(RuntimeError, match="belongs to one thread"):
            act()
    assert value_of(bench.run(lambda: 2, task="second")) == 2
