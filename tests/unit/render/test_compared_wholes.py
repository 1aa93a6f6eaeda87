"""A comparison begins with what was changed, shows mapped tasks as one each, and says it beside the cards."""

from __future__ import annotations

from datetime import UTC, datetime

from wf_jupyter.model.snapshot import GroupSnapshot, Snapshot, TaskSnapshot
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.render.comparison import compare


def execution(items: int, seconds: float, failed: int = 0, **inputs: str) -> Snapshot:
    tasks = [
        TaskSnapshot(
            key=f"score[{i}]",
            name="score",
            status=TaskStatus.FAILED if i < failed else TaskStatus.SUCCEEDED,
            group="score",
            dependencies=(),
            attempts=1,
            duration=seconds,
        )
        for i in range(items)
    ]
    return Snapshot(
        id="x",
        workflow="flow",
        status=ExecutionStatus.SUCCEEDED,
        epoch="e",
        seq=1,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        duration=seconds * items,
        counts={},
        inputs=inputs,
        groups=[GroupSnapshot(key="score", name="score", kind="map", size=items)],
        tasks=tasks,
    )


def test_changed_inputs_come_first() -> None:
    shown = compare(execution(1, 1, day="21", parts="3"), execution(1, 1, day="22", parts="3"))._repr_html_()
    assert "<code>day</code> <s>21</s> → <b>22</b> · 1 input the same" in shown
    assert shown.index("Changed inputs") < shown.index("<svg")
    assert "No inputs differ" in compare(execution(1, 1, day="21"), execution(1, 1, day="21"))._repr_html_()


def test_a_mapped_task_is_one_row_with_its_times_together() -> None:
    shown = compare(execution(300, 0.5), execution(500, 1.0))._repr_html_()
    assert shown.count("<tr>") == 2
    assert "score</b> × 300 → × 500" in shown
    assert "200 added, 300 slower" in shown
    assert "+ 200 added" in shown  # beside the card


def test_failures_of_items_are_counted() -> None:
    shown = compare(execution(10, 1), execution(10, 1, failed=3))._repr_html_()
    assert "✕ 3 failed" in shown
