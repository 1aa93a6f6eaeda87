"""Events as stored JSON, and what an older version does with a newer one's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from wf_jupyter.errors import StoreError
from wf_jupyter.model.events import TaskStarted
from wf_jupyter.store.events import decode_events, encode_event

PATH = Path("data.sqlite3")
EVENT = TaskStarted(seq=1, time=datetime(2026, 1, 2, tzinfo=UTC), task="t", attempt=1)


def test_an_event_is_stored_as_its_json_on_the_wire() -> None:
    assert msgspec.json.decode(encode_event(EVENT)) == {
        "type": "task.started",
        "seq": 1,
        "time": "2026-01-02T00:00:00Z",
        "task": "t",
        "attempt": 1,
        "worker": "",
    }


def test_event_types_from_a_newer_version_are_left_out() -> None:
    newer = b'{"type":"task.teleported","seq":2,"time":"2026-01-02T00:00:00Z","to":"Mars"}'
    assert decode_events([encode_event(EVENT), newer, encode_event(EVENT)], str(PATH)) == [EVENT, EVENT]


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"[]", b'{"seq":1}', b'{"type":"task.started","seq":"one"}'])
def test_what_is_no_event_is_an_error_that_names_the_file(body: bytes) -> None:
    with pytest.raises(StoreError, match=r"an event of .*data\.sqlite3 cannot be read"):
        decode_events([encode_event(EVENT), body], str(PATH))
