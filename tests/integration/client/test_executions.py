"""What an `Execution` promises, in this process and on a server."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import wf_jupyter as wf
from tests.jupyter_process import until
from tests.sample_workflows import doubling, failing, gated

pytestmark = pytest.mark.usefixtures("place")


def test_a_submitted_workflow_runs_and_its_result_comes_back():
    execution = doubling().submit(numbers=[1, 2, 3])
    assert execution.result(timeout=30) == 12
    assert execution.status == "succeeded"
    assert execution.exception() is None
    assert execution.workflow == "doubled"
    assert execution.inputs == {"numbers": [1, 2, 3]}


def test_calling_a_workflow_runs_it_to_its_end():
    assert doubling()(numbers=[5]) == 10


def test_submit_does_not_wait_and_status_is_told_while_it_runs(tmp_path):
    gate = tmp_path / "gate"
    execution = gated(gate).submit()
    assert execution.status in ("pending", "running")
    until(lambda: execution.tasks["wait"].status == "running", "the task does not start")
    assert execution.tasks["wait"].started is not None
    assert execution.wait(timeout=0.05) is None
    with pytest.raises(TimeoutError, match="still running"):
        execution.result(timeout=0.05)
    gate.touch()
    assert execution.wait(timeout=30) == "succeeded"
    assert execution.result() == "through"


def test_tasks_tell_their_status_attempts_logs_and_results():
    execution = doubling().submit(numbers=[4, 5])
    execution.wait(timeout=30)
    tasks = execution.tasks
    assert list(tasks) == ["double[0]", "double[1]", "add"] or set(tasks) == {"double[0]", "double[1]", "add"}
    assert len(tasks) == 3
    task = tasks["double[1]"]
    assert (task.name, task.status, task.attempts, task.error) == ("double", "succeeded", 1, None)
    assert task.duration >= 0
    assert task.result() == 10
    assert task.logs() == "doubling 5\n"
    assert tasks["add"].result() == 18
    assert "double[0] | doubling 4\n" in execution.logs()
    assert execution.logs("double[0]") == "doubling 4\n"
    with pytest.raises(KeyError, match=r"double\[7\].*double\[0\]"):
        tasks["double[7]"]
    with pytest.raises(KeyError):
        execution.logs("nothing")


def test_await_works_inside_a_running_loop_and_leaves_the_loop_free(tmp_path):
    async def main():
        gate = tmp_path / "gate"
        execution = gated(gate).submit()
        ticks = 0

        async def tick():
            nonlocal ticks
            while ticks < 5:
                await asyncio.sleep(0.01)
                ticks += 1
            gate.touch()

        found, _ = await asyncio.gather(_awaited(execution), tick())
        return found, ticks, await doubling().submit(numbers=[1])

    assert asyncio.run(main()) == ("through", 5, 2)


async def _awaited(execution):
    return await execution


def test_blocking_calls_work_inside_a_running_loop():
    async def main():
        return doubling().submit(numbers=[1, 2]).result(timeout=30)

    assert asyncio.run(main()) == 6


def test_many_executions_are_awaited_at_once():
    async def main():
        executions = [doubling().submit(numbers=[n]) for n in range(10)]
        return await asyncio.gather(*map(_awaited, executions))

    assert asyncio.run(main()) == [2 * n for n in range(10)]


def test_a_failure_carries_the_tasks_own_exception_and_traceback():
    execution = failing().submit(b=0)
    with pytest.raises(wf.TaskFailed) as caught:
        execution.result(timeout=30)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.task == "divide"
    assert "return a / b" in str(caught.value)
    assert "ZeroDivisionError: division by zero" in str(caught.value)
    assert execution.status == "failed"
    assert isinstance(execution.exception(), wf.TaskFailed)
    assert execution.tasks["after"].status == "skipped"
    task = execution.tasks["divide"]
    assert "return a / b" in str(task.error)
    with pytest.raises(wf.TaskFailed) as caught:
        task.result()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(wf.StateConflict, match="skipped"):
        execution.tasks["after"].result()


def test_an_awaited_failure_raises_the_same():
    async def main():
        await failing().submit(b=0)

    with pytest.raises(wf.TaskFailed, match="division by zero"):
        asyncio.run(main())


def test_an_exception_whose_class_takes_other_arguments_is_the_cause_all_the_same():
    class HttpError(Exception):
        def __init__(self, url, *, code):
            super().__init__(f"{url} answered {code}")
            self.code = code

    @wf.task
    def fetch():
        raise HttpError("http://a", code=404)

    @wf.workflow
    def w():
        return fetch()

    with pytest.raises(wf.TaskFailed, match="HttpError: http://a answered 404") as caught:
        w.submit().result(timeout=30)
    cause: Any = caught.value.__cause__
    assert (type(cause).__name__, str(cause), cause.code) == ("HttpError", "http://a answered 404", 404)


def test_an_exception_that_cannot_be_rebuilt_is_still_told():
    @wf.task
    def stubborn():
        class Refusing(Exception):
            def __reduce__(self):
                raise TypeError("never")

        raise Refusing("by its text")

    @wf.workflow
    def w():
        return stubborn()

    with pytest.raises(wf.TaskFailed, match="Refusing: by its text") as caught:
        w.submit().result(timeout=30)
    assert caught.value.__cause__ is None


def test_other_failed_tasks_are_named_in_a_note():
    @wf.task
    def fail(n):
        raise ValueError(n)

    @wf.workflow
    def w():
        return fail.map([1, 2, 3])

    with pytest.raises(wf.TaskFailed) as caught:
        w.submit().result(timeout=30)
    assert "Also failed: fail[1]: ValueError, fail[2]: ValueError" in caught.value.__notes__[0]


def test_cancel_stops_what_runs_and_the_result_says_so(tmp_path):
    execution = gated(tmp_path / "never").submit()
    until(lambda: execution.tasks["wait"].status == "running", "the task does not start")
    execution.cancel()
    assert execution.status in ("cancelling", "cancelled")
    with pytest.raises(wf.ExecutionCancelled):
        execution.result(timeout=30)
    assert execution.status == "cancelled"
    assert execution.tasks["wait"].status == "cancelled"
    with pytest.raises(wf.StateConflict):
        execution.cancel()


def test_retry_runs_the_failed_task_again_and_keeps_the_others(tmp_path):
    marker = tmp_path / "marker"

    @wf.task
    def first():
        return 1

    @wf.task
    def needs_marker(x, path):
        return path.read_text() * x

    @wf.workflow
    def w(path):
        return needs_marker(first(), path)

    execution = w.submit(path=marker)
    assert execution.wait(timeout=30) == "failed"
    marker.write_text("here")
    execution.retry()
    assert execution.result(timeout=30) == "here"
    assert (execution.tasks["first"].attempts, execution.tasks["needs_marker"].attempts) == (1, 2)


def test_one_failed_task_is_retried_alone_with_what_waits_for_it(tmp_path):
    @wf.task
    def read(path):
        return path.read_text()

    @wf.task
    def join(a, b):
        return a + b

    @wf.workflow
    def w(folder):
        left, right = read(folder / "left"), read(folder / "right")
        return join(left, right), read.map([folder / "x", folder / "y"])

    execution = w.submit(folder=tmp_path)
    assert execution.wait(timeout=30) == "failed"
    attempts = lambda: {key: task.attempts for key, task in execution.tasks.items()}  # noqa: E731
    statuses = lambda: {key: task.status for key, task in execution.tasks.items()}  # noqa: E731
    for name in ("left", "right", "x", "y"):
        (tmp_path / name).write_text(name)
    execution.retry(task="read")
    assert execution.wait(timeout=30) == "failed"
    assert attempts() == {"read": 2, "read-2": 1, "join": 0, "read-3[0]": 1, "read-3[1]": 1}
    assert [statuses()[key] for key in ("read", "read-2", "join")] == ["succeeded", "failed", "skipped"]
    execution.retry(task=execution.tasks["read-3[1]"])
    assert execution.wait(timeout=30) == "failed"
    assert (attempts()["read-3[0]"], attempts()["read-3[1]"]) == (1, 2)
    execution.retry(task="join")
    assert execution.wait(timeout=30) == "failed"
    assert [attempts()[key] for key in ("read", "read-2", "join", "read-3[0]")] == [2, 2, 1, 1], "it needs read-2"
    with pytest.raises(wf.StateConflict, match="'read' is succeeded"):
        execution.retry(task="read")
    with pytest.raises(wf.StateConflict, match="no task 'nobody'"):
        execution.retry(task="nobody")
    with pytest.raises(wf.InputError, match="task=3 is not allowed"):
        execution.retry(task=3)  # type: ignore[arg-type]
    execution.retry(task=["read-3"])
    assert execution.result(timeout=30) == ("leftright", ["x", "y"])


def test_a_failed_task_is_tried_again_while_others_run(tmp_path):
    @wf.task
    def read(path):
        return path.read_text()

    @wf.task
    def wait(path):
        import time

        while not path.exists():
            time.sleep(0.01)
        return "through"

    @wf.task
    def join(a, b):
        return a + b

    @wf.workflow
    def w(folder):
        return join(read(folder / "data"), wait(folder / "gate"))

    execution = w.submit(folder=tmp_path)
    until(lambda: execution.tasks["read"].status == "failed", "it does not fail")
    until(lambda: execution.tasks["wait"].status == "running", "it does not run")
    assert execution.tasks["join"].status == "pending"
    with pytest.raises(wf.StateConflict, match="an execution that is running cannot be retried"):
        execution.retry()
    (tmp_path / "data").write_text("read and ")
    execution.retry(task="read")
    until(lambda: execution.tasks["read"].status == "succeeded", "it is not tried again")
    (tmp_path / "gate").touch()
    assert execution.result(timeout=30) == "read and through"
    assert (execution.tasks["read"].attempts, execution.tasks["wait"].attempts) == (2, 1)


def test_an_execution_is_found_by_its_id_and_in_the_list():
    execution = doubling().submit(numbers=[1])
    execution.result(timeout=30)
    again = wf.get_execution(execution.id)
    assert again == execution
    assert again.result() == 2
    assert execution in list(wf.executions(status="succeeded", workflow="doubled", limit=1000))
    assert len(wf.executions(limit=1)) == 1
    assert not len(wf.executions(workflow="never heard of"))


def test_events_are_gap_free_and_can_be_followed_to_the_end(tmp_path):
    gate = tmp_path / "gate"
    execution = gated(gate).submit()
    opener = threading.Timer(0.2, gate.touch)
    opener.start()
    followed = list(execution.events(follow=True))
    assert [event.seq for event in followed] == list(range(1, len(followed) + 1))
    assert type(followed[-1]).__name__ == "WorkflowCompleted"
    assert execution.events() == followed
    assert execution.events(after=2) == followed[2:]
    assert list(execution.events(after=len(followed), follow=True)) == []


def test_the_log_can_be_followed_while_the_task_still_runs(tmp_path):
    @wf.task
    def talk(path):
        import time

        print("before", flush=True)
        while not path.exists():
            time.sleep(0.01)
        print("after")

    @wf.workflow
    def w(path):
        return talk(path)

    gate = tmp_path / "gate"
    heard = ""
    for piece in w.submit(path=gate).logs("talk", follow=True):
        heard += piece
        if "before" in heard:
            gate.touch()
    assert heard == "before\nafter\n"


def test_large_results_come_back_whole(tmp_path):
    @wf.task
    def big():
        return b"x" * 5_000_000

    @wf.workflow
    def w():
        return {"big": big(), "twice": [big()]}

    found = w.submit().result(timeout=30)
    assert found["big"] == found["twice"][0] == b"x" * 5_000_000


def test_what_a_skipped_task_would_have_returned_is_none():
    @wf.task
    def no():
        return False

    @wf.task
    def never():
        return 1

    @wf.workflow
    def w():
        with wf.when(no()):
            found = never()
        return [found, 2]

    assert w.submit().result(timeout=30) == [None, 2]


def test_an_execution_that_nobody_holds_goes_on(tmp_path):
    gate = tmp_path / "gate"
    name = gated(gate).submit().id
    gate.touch()
    assert wf.get_execution(name).result(timeout=30) == "through"


def test_a_table_of_the_tasks():
    pytest.importorskip("pandas")
    execution = failing().submit(b=0)
    execution.wait(timeout=30)
    frame = execution.to_frame().set_index("key")
    assert frame.loc["divide", "status"] == "failed"
    assert frame.loc["divide", "error"].startswith("ZeroDivisionError")
    assert frame.loc["after", "attempts"] == 0


def still(execution):
    """What is compared from run to run (`pytest_nbval`); richer types name the execution and show its state."""
    return execution._repr_mimebundle_()["text/plain"]


def test_what_is_shown_is_the_same_for_every_run():
    shown = []
    for _ in range(2):
        execution = doubling().submit(numbers=[1, 2])
        execution.wait(timeout=30)
        text = still(execution)
        assert execution.id not in text
        shown.append((repr(execution), text, execution.to_svg(), repr(execution.tasks)))
    assert shown[0] == shown[1]
    assert shown[0][0] == "<Execution of 'doubled'>"


def test_what_is_shown_of_a_run_under_way_does_not_depend_on_the_moment(tmp_path):
    gate = tmp_path / "gate"
    execution = gated(gate).submit()
    first = (repr(execution), still(execution))
    until(lambda: execution.tasks["wait"].status == "running", "the task does not start")
    assert (repr(execution), still(execution)) == first
    gate.touch()
    execution.wait(timeout=30)


def test_status_costs_no_request_once_followed(place):
    execution = doubling().submit(numbers=[1])
    execution.wait(timeout=30)
    begin = time.perf_counter()
    for _ in range(1000):
        assert execution.status == "succeeded"
    assert time.perf_counter() - begin < 1


def test_a_rerun_with_other_inputs_keeps_what_they_do_not_touch() -> None:
    @wf.task
    def slow(a):
        return a

    @wf.task
    def both(a, b):
        return [a, b]

    @wf.workflow
    def mixed(a: int, b: int):
        return both(slow(a), b)

    first = mixed.submit(a=1, b=2)
    assert first.result(timeout=60) == [1, 2]
    second = first.rerun(inputs={"b": 3})
    assert second.result(timeout=60) == [1, 3]
    assert [task.status for task in second.tasks.values()] == ["cached", "succeeded"]
    third = second.rerun(from_=second.tasks["slow"])
    assert third.result(timeout=60) == [1, 3]
    assert [task.status for task in third.tasks.values()] == ["succeeded", "succeeded"]
    with pytest.raises(wf.InputError, match="no input 'c'"):
        first.rerun(inputs={"c": 1})
    with pytest.raises(wf.InputError, match="submitted"):
        wf.get_execution(first.id).rerun(inputs={"b": 1})


def test_a_log_of_megabytes_comes_back_whole() -> None:
    @wf.task
    def talk(lines):
        for number in range(lines):
            print(f"line {number:06d} " + "." * 88)

    @wf.workflow
    def talking(lines: int):
        return talk(lines)

    execution = talking.submit(lines=30_000)
    execution.result(timeout=60)
    text = execution.tasks["talk"].logs()
    assert text.count("\n") == 30_000 and len(text) == 30_000 * 101
    assert text.endswith("line 029999 " + "." * 88 + "\n")
