"""What a notebook keeps of an execution: enough to find it again and to see its outcome, and nothing private."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from wf_jupyter.model.events import Failure, ResultInfo
from wf_jupyter.model.snapshot import GroupSnapshot, Snapshot, TaskSnapshot
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.render.stored import EXECUTION_TYPE, stored_bundle, stored_snapshot

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def execution(tasks: int, failed: int = 1, groups: int = 0) -> Snapshot:
    error = Failure(kind="raised", type="ValueError", message="m" * 5_000, traceback='File "/home/ada/secret.py"')
    return Snapshot(
        id="x",
        workflow="flow",
        status=ExecutionStatus.FAILED,
        epoch="d.l",
        seq=7,
        created=MOMENT,
        counts={status.value: 0 for status in TaskStatus} | {"failed": failed, "succeeded": tasks - failed},
        inputs={"password": "'hunter2'"},
        result=ResultInfo(type="str", text="'hunter2'"),
        failed=tuple(f"t{i}" for i in range(failed)),
        groups=[GroupSnapshot(key=f"g{i}", name="g", kind="map", size=3) for i in range(groups)],
        tasks=[
            TaskSnapshot(
                key=f"t{i}",
                name="t",
                status=TaskStatus.FAILED if i < failed else TaskStatus.SUCCEEDED,
                group=None,
                dependencies=(f"t{i - 1}",) if i else (),
                attempts=1,
                worker="pid 7",
                error=error if i < failed else None,
                result=ResultInfo(type="str", text="'hunter2'"),
            )
            for i in range(tasks)
        ],
    )


def test_the_bundle_names_the_execution_and_its_state() -> None:
    bundle = stored_bundle(execution(3), "server")
    told = bundle[EXECUTION_TYPE]
    assert {name: told[name] for name in ("version", "id", "server_id", "workflow")} == {
        "version": 1,
        "id": "x",
        "server_id": "server",
        "workflow": "flow",
    }
    snapshot = told["snapshot"]
    assert (snapshot["status"], snapshot["epoch"], snapshot["seq"]) == ("failed", "d.l", 7)
    assert [task["key"] for task in snapshot["tasks"]] == ["t0", "t1", "t2"]
    assert "failed" in bundle["image/svg+xml"]
    assert "failed" in bundle["text/html"]


def test_inputs_results_tracebacks_and_workers_are_left_out() -> None:
    told = json.dumps(stored_bundle(execution(3), "server")[EXECUTION_TYPE])
    for private in ("hunter2", "/home/ada", "pid 7"):
        assert private not in told


@pytest.mark.parametrize(("tasks", "failed", "groups"), [(10_000, 4, 0), (10_000, 9_999, 3_000), (300, 300, 60)])
def test_of_a_large_graph_groups_counts_and_failures_are_kept(tasks: int, failed: int, groups: int) -> None:
    snapshot = stored_snapshot(execution(tasks, failed, groups))
    assert len(json.dumps(snapshot)) < 64_000
    assert snapshot["counts"]["failed"] == failed
    assert {task["status"] for task in snapshot["tasks"]} == {"failed"}
    assert len(snapshot["tasks"]) == min(failed, 50)
    assert len(snapshot["groups"]) == min(groups, 50)
    assert len(json.dumps(stored_bundle(execution(tasks, failed, groups), "server"))) < 200_000


def test_the_html_alone_shows_the_graph_the_failure_and_the_id() -> None:
    html = stored_bundle(execution(3), "server")["text/html"]
    assert 'src="data:image/svg+xml;base64,' in html
    assert "ValueError" in html and "<code>x</code>" in html
    assert "hunter2" not in html and "/home/ada" not in html


def test_the_same_state_is_stored_as_the_same_text() -> None:
    assert stored_bundle(execution(20), "server") == stored_bundle(execution(20), "server")
