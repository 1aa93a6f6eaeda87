"""`jupyter wf watch` says why an execution does not move: that stands in no event."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from wf_jupyter.cli.commands import _Reasons
from wf_jupyter.client.replica import Replica
from wf_jupyter.engine.fold import empty
from wf_jupyter.model.events import WorkflowStarted
from wf_jupyter.model.snapshot import Parked

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_reason_is_told_once_and_so_is_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    replica = Replica(empty("e", "epoch", NOW, "w"))
    reasons = _Reasons(replica)
    replica.attach(reasons, lambda _: None)
    parked = Parked(kind="waiting", reason="the disk is full", since=NOW)
    for _ in range(2):
        replica.replace(msgspec.structs.replace(empty("e", "epoch", NOW, "w"), parked=parked))
        reasons.look()
    assert capsys.readouterr().err.count("parked: the disk is full (goes on by itself)\n") == 1
    replica.fold([WorkflowStarted(seq=1, time=NOW, workflow="w", task_count=0)])
    assert capsys.readouterr().err.endswith("goes on\n")
