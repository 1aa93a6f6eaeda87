"""What a saved notebook keeps of an execution: bounded, and without what only its author may know."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import msgspec
import pytest

from wf_jupyter.model.events import Failure, ResultInfo
from wf_jupyter.model.snapshot import GroupSnapshot, Snapshot, TaskSnapshot
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.widget.kept import LIMIT, keep_snapshot

NOW = datetime(2026, 1, 1, 10, 20, 30, 123456, tzinfo=UTC)


def task(key: str, group: str | None = None, status: TaskStatus = TaskStatus.SUCCEEDED, **more: object) -> TaskSnapshot:
    return TaskSnapshot(
        key=key,
        name=key.split("[")[0],
        status=status,
        group=group,
        dependencies=(),
        attempts=1,
        worker="/home/ada/envs/python-4711",
        started=NOW,
        ended=NOW,
        duration=0.123456789,
        result=ResultInfo(type="str", text="'the result'", size=10, html="<b>the result</b>"),
        **more,  # type: ignore[arg-type]
    )


def snapshot(*tasks: TaskSnapshot, groups: list[GroupSnapshot] | None = None) -> Snapshot:
    return Snapshot(
        id="01",
        workflow="w",
        status=ExecutionStatus.SUCCEEDED,
        epoch="e",
        seq=9,
        created=NOW,
        counts={},
        inputs={"folder": "'/home/ada/data'", "password": "'hunter2'"},
        result=ResultInfo(type="str", text="'the result'", size=10),
        groups=groups or [],
        tasks=list(tasks),
    )


def test_a_small_graph_is_kept_whole_but_for_inputs_texts_of_results_workers_and_tracebacks() -> None:
    message = "no /home/ada/data/rows.csv at https://ada:pw@host/x?token=abc123&page=2"
    error = Failure(kind="raised", type="OSError", message=message, traceback='File "/home/ada/a.py", line 1')
    found = keep_snapshot(snapshot(task("load"), task("fit", status=TaskStatus.FAILED, error=error)))
    text = msgspec.json.encode(found).decode()
    assert [each["key"] for each in found["tasks"]] == ["load", "fit"]
    assert (found["tasks"][0]["duration"], found["tasks"][0]["result"]["size"]) == (0.123456789, 10)
    assert found["tasks"][1]["error"]["message"] == "no …/rows.csv at https://host/x?token=•••&page=2"
    for hidden in ("ada", "hunter2", "the result", "4711", "a.py", "abc123"):
        assert hidden not in text


@pytest.mark.parametrize("count", [700, 3000, 10_000])
def test_the_items_of_a_large_map_become_runs_of_equal_states_and_some_failures_are_kept(count: int) -> None:
    error = Failure(kind="raised", type="ValueError", message="x" * 5000)
    states = [TaskStatus.FAILED if index % 100 == 7 else TaskStatus.SUCCEEDED for index in range(count)]
    items = [
        task(f"f[{index}]", "f", status, error=error if status is TaskStatus.FAILED else None)
        for index, status in enumerate(states)
    ]
    found = keep_snapshot(
        snapshot(task("load"), *items, groups=[GroupSnapshot(key="f", name="f", kind="map", size=count)])
    )
    assert len(msgspec.json.encode(found)) <= LIMIT
    again = [status for status, many in found["items"][0]["runs"] for _ in range(many)]
    assert again == [status.value for status in states]
    assert found["tasks"][0]["key"] == "load"
    assert 7 <= len(found["tasks"]) - 1 <= 20


def test_whatever_the_graph_the_limit_holds() -> None:
    rolled = random.Random(5)
    for count in (10, 100, 400, 650, 2000, 12_000):
        mixed = [task(f"f[{index}]", "f", rolled.choice(list(TaskStatus))) for index in range(count)]
        groups = [GroupSnapshot(key="f", name="f", kind="map", size=count)]
        for tasks in (mixed, [task(f"{'long' * 50}-{index}") for index in range(count)]):
            assert len(msgspec.json.encode(keep_snapshot(snapshot(*tasks, groups=groups)))) <= LIMIT
