"""What `--watch` draws in a terminal: a line per group, in place, cut to the window."""

from __future__ import annotations

from datetime import UTC, datetime

from wf_jupyter.cli.live import _cut, _fitting, _text, group_lines
from wf_jupyter.model.snapshot import GroupSnapshot, Snapshot, TaskSnapshot
from wf_jupyter.model.status import ExecutionStatus, TaskStatus


def task(key: str, status: TaskStatus, group: str | None = None, name: str = "") -> TaskSnapshot:
    return TaskSnapshot(key=key, name=name or key, status=status, group=group, dependencies=(), attempts=1)


def snapshot(*tasks: TaskSnapshot, groups: tuple[GroupSnapshot, ...] = ()) -> Snapshot:
    return Snapshot(
        id="x",
        workflow="flow",
        status=ExecutionStatus.RUNNING,
        epoch="e",
        seq=1,
        created=datetime.now(UTC),
        counts={},
        groups=list(groups),
        tasks=list(tasks),
    )


def test_tasks_of_a_group_and_calls_of_one_task_are_one_line() -> None:
    groups = (
        GroupSnapshot(key="train", name="train", kind="workflow"),
        GroupSnapshot(key="train/fit", name="fit", kind="map", size=2, group="train"),
    )
    lines = group_lines(
        snapshot(
            task("fetch", TaskStatus.SUCCEEDED),
            task("fetch-2", TaskStatus.RUNNING, name="fetch"),
            task("train/fit[0]", TaskStatus.FAILED, "train/fit"),
            task("train/fit[1]", TaskStatus.PENDING, "train/fit"),
            groups=groups,
        )
    )
    assert [(line.name, line.done, line.counts.total(), line.status) for line in lines] == [
        ("fetch", 1, 2, TaskStatus.RUNNING),
        ("train", 1, 2, TaskStatus.FAILED),
    ]
    assert "1/2" in _text(lines[1]) and "1 failed" in _text(lines[1])


def test_a_small_window_keeps_what_runs_or_failed() -> None:
    tasks = [task(f"t{i}", TaskStatus.RUNNING if i == 9 else TaskStatus.SUCCEEDED) for i in range(10)]
    assert [line.name for line in _fitting(group_lines(snapshot(*tasks)), 3)] == ["t0", "t1", "t9"]


def test_colours_take_no_columns() -> None:
    assert _cut("\x1b[31mabcdef\x1b[0m", 4) == "\x1b[31mabc\x1b[0m"
    assert _cut("\x1b[31mabc\x1b[0m", 4) == "\x1b[31mabc\x1b[0m"
