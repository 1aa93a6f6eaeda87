"""Large data and long logs, with real workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, Reader, data_dir, ended, open_runtime, packed, runtime
from wf_jupyter.errors import ExecutionNotFound, InputError
from wf_jupyter.model.events import TaskLog
from wf_jupyter.service.logs import EVENT_LIMIT
from wf_jupyter.service.runtime import Runtime

__all__ = ["data_dir", "open_runtime", "runtime"]
MIB = 1 << 20


def submit(runtime: Runtime, bound, **options) -> str:
    return runtime.call(runtime.orchestrator.submit(packed(bound, **options))).result(PATIENCE)


def log_text(runtime: Runtime, execution: str, key: str, **where) -> str:
    """The whole log, read in stretches."""
    text, at = "", where.pop("offset", 0)
    while True:
        engine = runtime.orchestrator
        found = runtime.call(engine.log_text(execution, key, offset=at, **where)).result(PATIENCE)
        text, at = text + found.text, found.end
        if at >= found.size:
            return text


def printing():
    @wf.task(retries=1, retry_delay=0)
    def talk(lines):
        import os

        for number in range(lines):
            print(f"line {number} {'€' * 60}")
        os.write(1, b"from C\n")
        if wf.current_task().attempt == 1:
            raise ValueError("once more")

    @wf.workflow
    def talking(lines: int):
        return talk(lines)

    return talking


def test_the_whole_log_is_kept_while_the_events_stay_bounded(runtime: Runtime, data_dir: Path) -> None:
    lines = 40_000
    execution = submit(runtime, printing().bind(lines=lines))
    assert ended(runtime, execution).status == "succeeded"
    whole = "".join(f"line {number} {'€' * 60}\n" for number in range(lines)) + "from C\n"
    assert len(whole) > 2 * EVENT_LIMIT
    for attempt in (1, 2):
        assert log_text(runtime, execution, "talk", attempt=attempt) == whole
    events = runtime.call(runtime.orchestrator.events(execution)).result(PATIENCE)
    for attempt in (1, 2):
        told = "".join(event.text for event in events if isinstance(event, TaskLog) and event.attempt == attempt)
        assert told[:EVENT_LIMIT] == whole[:EVENT_LIMIT]
        assert told[EVENT_LIMIT:].strip() == "... more than 1 MiB: the rest is in the whole log, on disk"
    assert [path.name for path in sorted((data_dir / "logs" / execution).iterdir())] == ["talk.1.log", "talk.2.log"]
    runtime.call(runtime.orchestrator.delete(execution)).result(PATIENCE)
    assert not (data_dir / "logs" / execution).exists()


def test_a_short_log_is_read_from_the_events(runtime: Runtime, data_dir: Path) -> None:
    execution = submit(runtime, printing().bind(lines=2))
    ended(runtime, execution)
    assert log_text(runtime, execution, "talk").splitlines()[-1] == "from C"
    assert log_text(runtime, execution, "talk", limit=7, offset=5).startswith("0 €€")
    assert not (data_dir / "logs").exists()
    with pytest.raises(InputError, match="no task 'other'"):
        log_text(runtime, execution, "other")
    with pytest.raises(ExecutionNotFound):
        log_text(runtime, "unknown", "talk")


def test_a_log_ends_at_its_limit_and_says_so(open_runtime: Callable[..., Runtime], data_dir: Path) -> None:
    runtime = open_runtime(log_limit=2 * MIB)
    execution = submit(runtime, printing().bind(lines=60_000))
    ended(runtime, execution)
    text = log_text(runtime, execution, "talk", attempt=1)
    assert 2 * MIB < len(text) < 2 * MIB + 200
    assert text.count("output truncated: a task may print 2 MiB per attempt") == 1


def test_a_subscriber_sees_the_beginning_of_a_long_log_live(runtime: Runtime, tmp_path: Path) -> None:
    @wf.task
    def talk(gate):
        import time

        print("x" * 5_000_000)
        while not gate.exists():
            time.sleep(0.01)

    @wf.workflow
    def talking(gate):
        return talk(gate)

    gate = tmp_path / "gate"
    execution = submit(runtime, talking.bind(gate=gate))
    reader = Reader(runtime)
    reader.follow(execution, after=0, epoch=runtime.orchestrator.epoch)
    reader.until(lambda r: any(isinstance(event, TaskLog) and "the rest is" in event.text for event in r.events))
    found = runtime.call(runtime.orchestrator.log_text(execution, "talk", offset=4_000_000)).result(PATIENCE)
    assert found.text and set(found.text) <= {"x", "\n"}
    gate.touch()
    assert ended(runtime, execution).status == "succeeded"
