"""The mirror of one execution: what arrives late, twice or all at once must not show."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from wf_jupyter.client.log_views import deep_copy
from wf_jupyter.client.replica import Replica
from wf_jupyter.engine.fold import empty
from wf_jupyter.model.events import TaskCompleted, TaskInfo, TasksAdded, TaskStarted, WorkflowCompleted, WorkflowStarted
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.protocol.codec import UnknownEvent

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def story():
    return [
        WorkflowStarted(seq=1, time=NOW, workflow="w", task_count=1),
        TasksAdded(seq=2, time=NOW, tasks=(TaskInfo(key="a", name="a"),)),
        TaskStarted(seq=3, time=NOW, task="a", attempt=1),
        TaskCompleted(seq=4, time=NOW, task="a", attempt=1, status=TaskStatus.SUCCEEDED),
        WorkflowCompleted(seq=5, time=NOW, status=ExecutionStatus.SUCCEEDED),
    ]


def replica():
    return Replica(empty("x", "epoch", NOW, "w"))


class Diary:
    def __init__(self):
        self.lines = []

    def on_events(self, events):
        self.lines += [event.seq for event in events]

    def on_snapshot(self):
        self.lines.append("replaced")

    def on_link(self, link):
        self.lines.append(link)


def test_events_that_come_twice_are_folded_and_told_once():
    held, diary = replica(), Diary()
    held.attach(diary, lambda snapshot: None)
    events = story()
    held.fold(events[:3])
    held.fold(events[1:5])
    held.fold(events)
    assert diary.lines == [1, 2, 3, 4, 5]
    assert held.status == "succeeded"
    assert held.task("a").attempts == 1


def test_events_after_a_hole_are_left_out_and_said_to_be_missing():
    held, diary = replica(), Diary()
    held.attach(diary, lambda snapshot: None)
    events = story()
    assert held.fold(events[:2])
    assert not held.fold(events[3:])
    assert held.position == ("epoch", 2)
    assert not held.fold([*events[:3], events[4]])
    assert held.position == ("epoch", 3)
    assert not held.fold(events[4:])
    assert held.position == ("", 3), "it did not come when it was asked for: only a snapshot helps"
    assert held.fold(events)
    assert diary.lines == [1, 2, 3, 4, 5]
    newer = empty("x", "epoch", NOW, "w")
    newer.seq = 9
    held.replace(newer)
    assert held.position == ("epoch", 9)


def test_an_event_of_a_newer_version_counts_but_changes_nothing():
    held = replica()
    held.fold([*story()[:2], UnknownEvent(seq=3, time=NOW, type="task.teleported")])
    assert held.position == ("epoch", 3)
    assert held.task("a").status == "pending"


def test_an_older_snapshot_is_ignored_and_a_newer_one_replaces():
    held, diary = replica(), Diary()
    held.fold(story()[:2])
    older = held.read(deep_copy)
    held.attach(diary, lambda snapshot: None)
    held.fold(story()[2:])
    held.replace(older)
    assert held.status == "succeeded"
    newer = held.read(deep_copy)
    newer.seq = 9
    held.replace(newer)
    assert diary.lines == [3, 4, 5, "replaced"]


def test_a_snapshot_of_another_epoch_replaces_whatever_its_seq_is():
    held = replica()
    held.fold(story())
    held.replace(empty("x", "another", NOW, "w"))
    assert held.position == ("another", 0)


def test_what_was_read_does_not_change_afterwards():
    held = replica()
    held.fold(story()[:2])
    task, snapshot = held.task("a"), held.read(deep_copy)
    held.fold(story()[2:])
    assert (task.status, snapshot.tasks[0].status) == ("pending", "pending")


def test_a_waiter_in_another_thread_is_woken_by_the_end():
    held = replica()
    woken = []
    waiter = threading.Thread(target=lambda: woken.append(held.wait(lambda snapshot: snapshot.status.is_final, 30)))
    waiter.start()
    for event in story():
        held.fold([event])
    waiter.join(30)
    assert woken == [True]


def test_waiting_ends_with_the_timeout():
    assert not replica().wait(lambda snapshot: snapshot.status.is_final, 0.01)


def test_a_listener_that_left_hears_nothing_more():
    held, diary = replica(), Diary()
    held.attach(diary, lambda snapshot: None)
    held.detach(diary)
    held.fold(story())
    held.set_link("reconnecting")
    assert diary.lines == []
