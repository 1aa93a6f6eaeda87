from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wf_jupyter.engine.fold import Picture
from wf_jupyter.model.events import Event
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.service.subscriptions.mailbox import Events, Mailbox
from wf_jupyter.values.packaging import pack

PATIENCE = 60.0


def here() -> Environment:
    """This interpreter, as a submitting process would describe itself."""
    return Environment(
        executable=sys.executable,
        directory=os.getcwd(),
        path=tuple(path or os.getcwd() for path in sys.path),
        variables=dict(os.environ),
    )


def packed(bound: Any, **options: Any) -> Submission:
    """A bound workflow as a submission."""
    return pack(bound.draft, here(), ExecutionOptions(**options))


class Reader:
    """A subscriber that folds what it is sent and can wait for a condition."""

    def __init__(self, runtime: Runtime, limit: int = 4096) -> None:
        self.runtime = runtime
        self.changed = threading.Event()
        self.mailbox = Mailbox(self.changed.set, limit)
        self.events: list[Event] = []
        self.told: list[tuple[str, Event]] = []
        self.lagged = 0
        self.picture: Picture | None = None

    def follow(self, execution: str, after: int | None = None, epoch: str | None = None) -> Any:
        engine = self.runtime.orchestrator
        answer = self.runtime.call(engine.subscribe(execution, self.mailbox, after, epoch)).result(PATIENCE)
        if answer.snapshot is not None:
            self.picture = Picture(answer.snapshot)
        return answer

    def read(self) -> None:
        for delivery in self.mailbox.take():
            if isinstance(delivery, Events):
                self.events += delivery.events
                self.told += ((delivery.execution_id, event) for event in delivery.events)
                for event in delivery.events:
                    if self.picture is not None:
                        self.picture.fold(event)
            else:
                self.lagged += 1
                engine = self.runtime.orchestrator
                snapshot = self.runtime.call(engine.resync(delivery.topic, self.mailbox)).result(PATIENCE)
                self.picture = Picture(snapshot)

    @property
    def snapshot(self) -> Snapshot:
        """What it sees now."""
        assert self.picture is not None, "it follows nothing"
        return self.picture.snapshot

    def until(self, condition: Callable[[Reader], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            self.read()
            if condition(self):
                return
            assert time.monotonic() < deadline, f"waited in vain; last events: {self.events[-3:]}"
            self.changed.wait(0.5)
            self.changed.clear()


def seqs(reader: Reader) -> list[int]:
    return [event.seq for event in reader.events]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def open_runtime(data_dir: Path) -> Iterator[Callable[..., Runtime]]:
    opened: list[Runtime] = []

    def open_(**settings: Any) -> Runtime:
        runtime = Runtime.open(RuntimeConfig(data_dir=data_dir, max_workers=2, **settings))
        opened.append(runtime)
        return runtime

    yield open_
    for runtime in opened:
        runtime.close(10)


@pytest.fixture
def runtime(open_runtime: Callable[..., Runtime]) -> Runtime:
    return open_runtime()


def ended(runtime: Runtime, execution: str) -> Snapshot:
    """Wait until an execution is final, and return how it looks then."""
    reader = Reader(runtime)
    reader.follow(execution)
    reader.until(lambda r: r.picture is not None and r.picture.snapshot.status.is_final)
    return runtime.call(runtime.orchestrator.snapshot(execution)).result(PATIENCE)
