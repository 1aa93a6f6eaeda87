"""Positions in a log: which of them belong to it, and which to another history."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.model.events import Event, WorkflowPaused, WorkflowRecovered, WorkflowResumed, WorkflowStarted

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def picture(*events: Event) -> Picture:
    made = Picture(empty("x", "home", NOW, "w"))
    for event in events:
        made.fold(event)
    return made


def started() -> list[Event]:
    return [
        WorkflowStarted(seq=1, time=NOW, workflow="w", epoch="home.a"),
        WorkflowPaused(seq=2, time=NOW),
        WorkflowResumed(seq=3, time=NOW),
    ]


@pytest.mark.parametrize(
    ("epoch", "seq", "is_known"),
    [
        ("home", 0, True),
        ("home", 1, False),
        ("home.a", 0, True),
        ("home.a", 3, True),
        ("home.a", 4, False),
        ("home.b", 2, True),
        ("home.b", 4, True),
        ("home.b", 5, False),
        ("home.c", 1, False),
        ("home.b", -1, False),
        ("", 2, False),
    ],
)
def test_a_position_is_known_up_to_the_end_of_its_stretch(epoch: str, seq: int, is_known: bool) -> None:
    made = picture(*started(), WorkflowRecovered(seq=4, time=NOW, epoch="home.b"))
    assert made.holds(epoch, seq) is is_known


def test_an_older_copy_that_went_on_does_not_know_what_was_told_of_its_original() -> None:
    original = picture(*started(), WorkflowPaused(seq=4, time=NOW))
    copy = picture(*started()[:2], WorkflowRecovered(seq=3, time=NOW, epoch="home.c"), WorkflowPaused(seq=4, time=NOW))
    for seq in range(1, 5):
        assert copy.holds(original.epoch_at(seq), seq) is (seq <= 2)


def test_the_epoch_of_a_log_written_before_there_were_epochs_is_that_of_its_directory() -> None:
    made = picture(WorkflowStarted(seq=1, time=NOW, workflow="w"), WorkflowPaused(seq=2, time=NOW))
    assert made.holds("home", 2)
    assert [made.epoch_at(seq) for seq in (0, 2, 3)] == ["home", "home", ""]
