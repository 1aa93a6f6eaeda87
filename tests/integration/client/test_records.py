"""Events and snapshots in Python are the JSON objects of the wire, and read like them."""

from __future__ import annotations

import json
import re

import pytest
from sample_workflows import doubling, failing

import wf_jupyter as wf
from wf_jupyter.protocol.codec import encode_events

pytestmark = pytest.mark.usefixtures("place")


def test_events_can_be_read_as_objects_and_as_the_mappings_that_they_are_on_the_wire():
    execution = doubling().submit(numbers=[1])
    execution.wait(timeout=30)
    events = execution.events()
    assert [event.type for event in events] == [event["type"] for event in events]
    assert events[0].type == "workflow.started"
    assert events[-1]["type"] == "workflow.completed"
    assert events[-1]["status"] == "succeeded"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    added = next(event for event in events if event["type"] == "tasks.added")
    assert added["tasks"][0]["key"] == "double[0]"
    for event, message in zip(events, json.loads(encode_events(events)), strict=True):
        assert list(dict(event)) == list(message)
    with pytest.raises(KeyError, match="nope.*there are: type, seq, time"):
        added["nope"]
    assert added.get("nope") is None
    assert "nope" not in added


def test_what_an_event_shows_is_the_same_in_every_run():
    execution = failing().submit(b=0)
    execution.wait(timeout=30)
    again = wf.get_execution(execution.id).rerun()
    again.wait(timeout=30)
    shown = [repr(list(run.events())) + repr(run.snapshot()) for run in (execution, again)]
    assert shown[0] == shown[1]
    assert execution.id not in shown[0]
    assert not re.search(r"\b(time|duration|worker|created|started|ended|epoch)=", shown[0])
