"""Two executions side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from wf_jupyter.engine.fold import empty
from wf_jupyter.model.events import Failure
from wf_jupyter.model.snapshot import Snapshot, TaskSnapshot
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.render.comparison import compare

S = TaskStatus


def task(key: str, status: TaskStatus = S.SUCCEEDED, duration: float | None = 1.0, **more: Any) -> TaskSnapshot:
    return TaskSnapshot(
        key=key, name=key, group=None, status=status, dependencies=(), attempts=1, duration=duration, **more
    )


def snapshot(*tasks: TaskSnapshot) -> Snapshot:
    picture = empty("x", "e", datetime(2026, 1, 1, tzinfo=UTC), "flow")
    picture.tasks = list(tasks)
    picture.status = ExecutionStatus.SUCCEEDED
    picture.duration = 3.0
    return picture


def changes(before: Snapshot, after: Snapshot) -> dict[str, str]:
    return {each.key: each.change for each in compare(before, after).differences}


def test_every_kind_of_difference_is_told() -> None:
    failure = Failure(kind="raised", type="ValueError", message="<b>no</b>")
    before = snapshot(
        task("same"), task("slow"), task("fast", duration=4.0), task("gone"), task("reused"), task("breaks"),
        task("mended", S.FAILED), task("left", S.SKIPPED, None),
    )  # fmt: skip
    after = snapshot(
        task("same", duration=1.05), task("slow", duration=2.0), task("fast"), task("new"),
        task("reused", S.CACHED, None), task("breaks", S.FAILED, error=failure), task("mended"), task("left"),
    )  # fmt: skip
    found = compare(before, after)
    assert changes(before, after) == {
        "breaks": "failed",
        "mended": "recovered",
        "new": "added",
        "gone": "removed",
        "fast": "faster",
        "slow": "slower",
        "reused": "cached",
        "left": "other status",
        "same": "same",
    }
    shown = found._repr_html_()
    assert "2.0 × slower" in shown
    assert "4.0 × faster" in shown
    assert "<b>no</b>" not in shown
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in shown
    assert repr(found) == "<comparison of two executions of 'flow'>"


def test_small_differences_in_time_are_noise() -> None:
    before = snapshot(task("tiny", duration=0.001), task("long", duration=100.0))
    after = snapshot(task("tiny", duration=0.05), task("long", duration=110.0))
    assert set(changes(before, after).values()) == {"same"}


def test_an_execution_is_the_same_as_itself() -> None:
    one = snapshot(*(task(f"t{i}", status) for i, status in enumerate(S)))
    assert set(changes(one, one).values()) == {"same"}


def test_ten_thousand_differences_are_shown_in_part() -> None:
    after = snapshot(*(task(f"t{i}") for i in range(10_000)))
    shown = compare(snapshot(), after)._repr_html_()
    assert "9,800 more" in shown
    assert len(shown) < 200_000
