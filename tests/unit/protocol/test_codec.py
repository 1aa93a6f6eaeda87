"""Events on the wire: complete, and tolerant of a newer version."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wf_jupyter.errors import InputError
from wf_jupyter.model.events import Event, TaskLog, TaskStarted, WorkflowStarted
from wf_jupyter.protocol import codec
from wf_jupyter.protocol.codec import UnknownEvent

NOW = datetime(2024, 5, 17, 12, 0, tzinfo=UTC)
EVENTS: list[Event] = [
    WorkflowStarted(seq=1, time=NOW, workflow="w"),
    TaskStarted(seq=2, time=NOW, task="a", attempt=1),
    TaskLog(seq=3, time=NOW, task="a", attempt=1, stream="stdout", text="ü\n"),
]
NEWER = b'{"type":"task.dreamt","seq":4,"time":"2024-05-17T12:00:00Z","of":"sheep"}'


def test_events_come_back_as_they_were() -> None:
    assert codec.decode_events(codec.encode_events(EVENTS)) == EVENTS


def test_times_are_utc_with_a_z() -> None:
    assert b'"time":"2024-05-17T12:00:00Z"' in codec.encode_events(EVENTS)


def test_an_event_of_a_newer_version_keeps_its_seq() -> None:
    expected = UnknownEvent(seq=4, time=NOW, type="task.dreamt")
    assert codec.decode_event(NEWER) == expected
    data = codec.join_arrays([codec.encode_events(EVENTS), b"[" + NEWER + b"]"])
    assert codec.decode_events(data) == [*EVENTS, expected]


def test_a_known_event_that_is_broken_is_not_taken_for_a_newer_one() -> None:
    with pytest.raises(InputError, match="task"):
        codec.decode_event(b'{"type":"task.started","seq":1,"time":"2024-05-17T12:00:00Z"}')


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'[{"type":"x"}]', b"[" * 100_000])
def test_what_is_no_list_of_events_is_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError):
        codec.decode_events(data)


def test_joining_arrays_skips_empty_ones() -> None:
    assert codec.join_arrays([b"[]", b"[1]", b"[]", b"[2,3]"]) == b"[1,2,3]"
    assert codec.join_arrays([]) == b"[]"
