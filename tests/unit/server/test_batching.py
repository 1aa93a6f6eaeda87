"""Deliveries become frames: in order, nothing lost, each of bounded size."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.model.events import TaskLog
from wf_jupyter.server.ws.batching import ENOUGH, LARGEST, MOST, Resync, frames
from wf_jupyter.service.subscriptions.mailbox import Delivery, Events, Lagged

NOW = datetime(2024, 5, 17, tzinfo=UTC)


def batch(execution: str, first: int, count: int) -> Events:
    return Events(
        execution,
        tuple(
            TaskLog(seq=seq, time=NOW, task="t", attempt=1, stream="stdout", text='"],[')
            for seq in range(first, first + count)
        ),
    )


def read(deliveries: list[Delivery]) -> list[tuple[str, list[int] | None]]:
    shown: list[tuple[str, list[int] | None]] = []
    for frame in frames(deliveries):
        if isinstance(frame, Resync):
            shown.append((frame.topic, None))
        else:
            params = json.loads(frame)["params"]
            shown.append((params["execution_id"], [event["seq"] for event in params["events"]]))
    return shown


def test_small_batches_of_one_execution_share_a_frame() -> None:
    assert read([batch("a", 1, 2), batch("a", 3, 1), batch("b", 1, 1)]) == [("a", [1, 2, 3]), ("b", [1])]


def test_a_snapshot_stands_where_the_events_were_dropped() -> None:
    assert read([batch("a", 1, 1), Lagged("a"), batch("b", 1, 1)]) == [("a", [1]), ("a", None), ("b", [1])]


def test_a_large_batch_is_cut() -> None:
    shown = read([batch("a", 1, MOST * 2 + 1)])
    assert [len(seqs or ()) for _, seqs in shown] == [MOST, MOST, 1]


def test_frames_are_bounded_in_bytes() -> None:
    text = "x" * (LARGEST // 3)
    long = tuple(TaskLog(seq=seq, time=NOW, task="t", attempt=1, stream="stdout", text=text) for seq in range(1, 9))
    made = [frame for frame in frames([Events("a", long)]) if isinstance(frame, bytes)]
    assert all(len(frame) <= LARGEST + 1000 for frame in made)
    assert read([Events("a", long)]) == [("a", [1, 2]), ("a", [3, 4]), ("a", [5, 6]), ("a", [7, 8])]
    assert read([Events("a", long[:2]), Events("a", long[2:3])]) == [("a", [1, 2]), ("a", [3])]


def test_events_for_all_executions_say_so_and_stand_by_themselves() -> None:
    own, broad = batch("a", 1, 1), Events("a", batch("a", 1, 1).events, "*")
    shown = [json.loads(frame)["params"] for frame in frames([own, broad]) if isinstance(frame, bytes)]
    assert [params.get("subscription") for params in shown] == [None, "*"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 200)), max_size=20))
def test_every_event_arrives_once_and_in_order(plan: list[tuple[str, int]]) -> None:
    deliveries: list[Delivery] = []
    sent: list[tuple[str, int]] = []
    for execution, count in plan:
        if count == 0:
            deliveries.append(Lagged(execution))
            sent.append((execution, 0))
        else:
            deliveries.append(batch(execution, len(sent) + 1, count))
            sent += [(execution, seq) for seq in range(len(sent) + 1, len(sent) + 1 + count)]
    shown = read(deliveries)
    assert [(execution, seq) for execution, seqs in shown for seq in (seqs or [0])] == sent
    assert all(seqs is None or len(seqs) <= max(ENOUGH, 200) for _, seqs in shown)
