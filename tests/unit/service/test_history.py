"""What is usual for a task, from how long it took before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.engine.fold import empty
from wf_jupyter.model.history import Durations, Experience
from wf_jupyter.model.snapshot import GroupSnapshot, Snapshot, TaskSnapshot
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.service.queries.history import KEPT, merge, summarize


def snapshot(*tasks: tuple[str, TaskStatus, float | None]) -> Snapshot:
    picture = empty("x", "e", datetime(2026, 1, 1, tzinfo=UTC), "w")
    picture.tasks = [
        TaskSnapshot(
            key=f"{name}[{i}]", name=name, group=None, status=status, dependencies=(), attempts=1, duration=duration
        )
        for i, (name, status, duration) in enumerate(tasks)
    ]
    return picture


def test_only_successful_attempts_say_what_is_usual() -> None:
    found = summarize(
        snapshot(
            ("a", TaskStatus.SUCCEEDED, 2.0),
            ("a", TaskStatus.FAILED, 90.0),
            ("a", TaskStatus.CACHED, None),
            ("b", TaskStatus.CANCELLED, 5.0),
        )
    )
    assert found == Experience(tasks={"a": Durations(count=1, points=(2.0,))})


def test_few_durations_give_exact_quantiles() -> None:
    usual = merge([{"a": Durations(count=5, points=(1.0, 2.0, 3.0, 4.0, 5.0))}])["a"]
    assert (usual.count, usual.p10, usual.p50, usual.p95) == (5, 1.0, 3.0, 5.0)
    assert 4.0 < usual.p90 <= 5.0


def test_each_execution_counts_with_as_many_attempts_as_it_had() -> None:
    many = Durations(count=990, points=(10.0, 10.0, 10.0))
    few = Durations(count=10, points=tuple(float(i) for i in range(10)))
    usual = merge([{"a": many}, {"a": few}])["a"]
    assert usual.count == 1000
    assert usual.p10 == pytest.approx(10.0, abs=0.5)
    assert usual.p50 == 10.0


def test_a_large_map_leaves_a_small_summary_with_nearly_the_same_quantiles() -> None:
    found = summarize(snapshot(*[("m", TaskStatus.SUCCEEDED, i / 100) for i in range(10_000)])).tasks["m"]
    assert len(found.points) == KEPT
    usual = merge([{"m": found}])["m"]
    assert usual.p50 == pytest.approx(50, abs=2)
    assert usual.p90 == pytest.approx(90, abs=2)


@given(st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=80), min_size=1, max_size=5))
def test_quantiles_are_ordered_and_within_what_was_seen(runs: list[list[float]]) -> None:
    merged = merge(summarize(snapshot(*[("a", TaskStatus.SUCCEEDED, d) for d in run])).tasks for run in runs)
    usual = merged["a"]
    seen = [d for run in runs for d in run]
    slack = 1e-6 * max(1.0, max(seen))
    assert min(seen) - slack <= usual.p10 <= usual.p50 + slack
    assert usual.p50 <= usual.p90 + slack
    assert usual.p90 <= usual.p95 + slack <= max(seen) + 2 * slack
    assert usual.count == len(seen)


def test_no_history_names_no_task() -> None:
    assert merge([]) == {}
    assert summarize(snapshot()) == Experience()


def test_a_group_that_ran_whole_tells_how_long_it_took_and_how_large_it_was() -> None:
    picture = snapshot(*[("m", TaskStatus.SUCCEEDED, 1.0)] * 4)
    at = [datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(10)]
    for i, task in enumerate(picture.tasks):
        task.group, task.started, task.ended = ("sub/m", at[i + 1], at[i + 3]) if i else ("sub", at[0], at[1])
    picture.groups = [
        GroupSnapshot(key="sub", name="sub", kind="workflow"),
        GroupSnapshot(key="sub/m", name="m", kind="map", size=3, group="sub"),
        GroupSnapshot(key="empty", name="empty", kind="map", size=0),
    ]
    found = summarize(picture)
    assert found.groups == {"sub": Durations(count=1, points=(6.0,)), "m": Durations(count=1, points=(4.0,))}
    assert found.sizes == {"m": Durations(count=1, points=(3.0,))}
    picture.tasks[3].status = TaskStatus.CACHED
    assert summarize(picture).groups == {}
