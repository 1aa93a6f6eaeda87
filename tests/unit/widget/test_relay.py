"""The relay: a snapshot first, then every event once and in order, in few frames."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from tests.jupyter_process import until
from wf_jupyter.client.loop import background
from wf_jupyter.client.replica import Replica
from wf_jupyter.engine.fold import empty
from wf_jupyter.model.events import TaskInfo, TaskProgress, TasksAdded, TaskStarted, WorkflowCompleted, WorkflowStarted
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.widget import relay as relay_module
from wf_jupyter.widget.relay import LARGEST_FRAME, Relay

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Page:
    """What arrives at a page, with its time."""

    def __init__(self):
        self.frames = []
        self.kept = []
        self.times = []

    def send(self, frame):
        self.frames.append(frame)
        self.times.append(time.monotonic())

    def keep(self, snapshot):
        self.kept.append(snapshot)

    def of(self, kind):
        return [frame for frame in self.frames if frame["kind"] == kind]

    def seqs(self):
        return [event["seq"] for frame in self.of("events") for event in frame["events"]]


def started():
    replica, page = Replica(empty("x", "epoch", NOW, "w")), Page()
    relay = Relay(replica, page.send, page.keep)
    relay.start()
    return replica, page, relay


def fold(replica, *events):
    background().loop.call_soon_threadsafe(replica.fold, events)


BEGIN = (
    WorkflowStarted(seq=1, time=NOW, workflow="w", task_count=1),
    TasksAdded(seq=2, time=NOW, tasks=(TaskInfo(key="a", name="a"),)),
    TaskStarted(seq=3, time=NOW, task="a", attempt=1),
)


def progress(seq):
    return TaskProgress(seq=seq, time=NOW, task="a", done=seq)


def test_nothing_is_sent_unless_a_page_asked():
    replica, page, _ = started()
    fold(replica, *BEGIN)
    until(lambda: replica.position[1] == 3 and len(page.kept) == 2, "the snapshot is not kept")
    assert page.frames == []
    assert page.kept[-1].tasks[0].status == "running"


def test_a_page_gets_a_snapshot_and_then_each_event_once_in_few_numbered_frames():
    replica, page, relay = started()
    fold(replica, *BEGIN)
    relay.ask()
    until(lambda: page.of("snapshot"), "no snapshot")
    assert page.frames[0]["snapshot"]["seq"] == 3
    begin = time.monotonic()
    seq = 3
    while time.monotonic() - begin < 0.5:
        seq += 1
        fold(replica, progress(seq))
        time.sleep(0.001)
    until(lambda: page.seqs()[-1:] == [seq], "the last event does not arrive")
    assert page.seqs() == list(range(4, seq + 1))
    assert [frame["from"] for frame in page.frames] == list(range(1, len(page.frames) + 1))
    assert len(page.frames) <= 20 * (page.times[-1] - begin) + 3
    assert page.of("events")[0]["events"][0]["type"] == "task.progress"


def test_too_many_events_for_a_frame_become_a_snapshot():
    replica, page, relay = started()
    relay.ask()
    fold(replica, *BEGIN, *(progress(seq) for seq in range(4, LARGEST_FRAME + 100)))
    until(lambda: len(page.of("snapshot")) == 2, "no second snapshot")
    assert page.of("snapshot")[1]["snapshot"]["seq"] == LARGEST_FRAME + 99
    assert page.seqs() == []


def test_a_replaced_snapshot_reaches_the_page_and_a_lost_connection_is_told():
    replica, page, relay = started()
    relay.ask()
    background().loop.call_soon_threadsafe(replica.set_link, "reconnecting")
    background().loop.call_soon_threadsafe(replica.replace, empty("x", "other", NOW, "w"))
    until(lambda: len(page.of("snapshot")) == 2, "no second snapshot")
    assert [frame["state"] for frame in page.of("connection")] == ["waiting"]
    assert page.of("snapshot")[1]["snapshot"]["epoch"] == "other"


def test_the_end_is_kept_at_once():
    replica, page, _ = started()
    fold(replica, *BEGIN, WorkflowCompleted(seq=4, time=NOW, status=ExecutionStatus.SUCCEEDED))
    begin = time.monotonic()
    until(lambda: page.kept[-1].status == "succeeded", "the end is not kept")
    assert time.monotonic() - begin < 0.9


def test_a_page_that_left_gets_nothing_more():
    replica, page, relay = started()
    relay.ask()
    until(lambda: page.of("snapshot"), "no snapshot")
    relay.leave()
    fold(replica, *BEGIN)
    until(lambda: len(page.kept) == 2, "the snapshot is not kept")
    assert page.of("events") == []


def test_a_heartbeat_tells_how_far_it_is_and_ends_with_the_execution(monkeypatch):
    monkeypatch.setattr(relay_module, "HEARTBEAT", 0.05)
    replica, page, relay = started()
    relay.ask()
    fold(replica, *BEGIN)
    until(lambda: page.of("heartbeat") and page.of("heartbeat")[-1]["seq"] == 3, "no heartbeat came")
    fold(replica, WorkflowCompleted(seq=4, time=NOW, status=ExecutionStatus.SUCCEEDED))
    until(lambda: page.of("heartbeat")[-1]["seq"] == 4, "the end was not confirmed")
    before = len(page.of("heartbeat"))
    time.sleep(0.3)
    assert len(page.of("heartbeat")) == before
    relay.leave()
