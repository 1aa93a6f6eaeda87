"""Scenes on a full disk, each in a process of its own: `disk.py SCENE FOLDER`; exits with 0 when all is as it must be.

The disk is full for this process alone: a limit to the size of files makes every commit fail. The
scene `small_disk` needs a FOLDER on a file system with only a few megabytes.
"""

from __future__ import annotations

import contextlib
import logging
import resource
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import wf_jupyter as wf
from tests.crash.child import here
from wf_jupyter.errors import StoreError
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.stimuli import Pause
from wf_jupyter.ports import Whole
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.values.packaging import pack

MEGABYTE = 1_000_000


@wf.task
def wait(gate: Path) -> str:
    Path(f"{gate}.begun").touch()
    while not gate.exists():
        time.sleep(0.01)
    return "through"


@wf.task
def after(value: str) -> str:
    return f"{value} and after"


@wf.workflow
def gated(gate: Path) -> Any:
    return after(wait(gate))


@wf.task
def make(size: int) -> bytes:
    return bytes(size)


@wf.task
def unwritable(size: int) -> bytes:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    return bytes(size)


@wf.workflow
def making(sizes: list[int]) -> Any:
    return make.map(sizes)


@wf.workflow
def failing(size: int) -> Any:
    return unwritable(size)


class Scene:
    """A runtime on a data directory."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.warned = threading.Event()
        handler = logging.Handler()
        handler.emit = self._note  # type: ignore[method-assign]
        logging.getLogger("wf_jupyter").addHandler(handler)
        self.told: list[str] = []
        self.settings = settings
        self.open()

    def open(self) -> None:
        config = RuntimeConfig(data_dir=self.folder / "data", max_workers=2, **self.settings)
        self.runtime = Runtime.open(config)

    def _note(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())
        self.warned.set()

    def submit(self, bound: Any) -> str:
        submission = pack(bound.draft, here(), ExecutionOptions())
        return self.runtime.call(self.runtime.orchestrator.submit(submission)).result(60)

    def snapshot(self, execution: str) -> Snapshot:
        return self.runtime.call(self.runtime.orchestrator.snapshot(execution)).result(60)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, self.told
            time.sleep(0.02)

    def ended(self, execution: str) -> Snapshot:
        self.until(lambda: self.snapshot(execution).status.is_final)
        return self.snapshot(execution)

    def seqs(self, execution: str) -> list[int]:
        events = self.runtime.call(self.runtime.orchestrator.events(execution)).result(60)
        return [event.seq for event in events]

    def running(self) -> tuple[str, Path]:
        """An execution whose first task runs until the file is there."""
        gate = self.folder / "gate"
        execution = self.submit(gated.bind(gate=gate))
        # The worker must be there before the disk is full: a process started later would share the limit.
        self.until(Path(f"{gate}.begun").exists)
        return execution, gate

    def intact(self) -> None:
        """The database is whole."""
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "wf_jupyter.sqlite3")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow beyond a few bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def waits_for_room(folder: Path) -> None:
    """What happened while the disk was full is committed as soon as there is room."""
    scene = Scene(folder)
    execution, gate = scene.running()
    with full_disk():
        gate.touch()
        assert scene.warned.wait(60), "nobody was warned"
        assert scene.snapshot(execution).counts["running"] == 1
        with pytest.raises(StoreError, match="the disk is full"):
            scene.runtime.call(scene.runtime.orchestrator.command(execution, Pause())).result(30)
    final = scene.ended(execution)
    assert (final.status, [task.attempts for task in final.tasks]) == ("succeeded", [1, 1])
    assert scene.seqs(execution) == list(range(1, final.seq + 1))
    assert "trying again: the disk is full" in scene.told[0]
    assert "can be written again" in scene.told[1] and len(scene.told) == 2, scene.told
    scene.runtime.close()
    scene.intact()


def refuses_submissions(folder: Path) -> None:
    """Whoever submits is told, and nothing is left of it."""
    scene = Scene(folder)
    kept, gate = scene.running()
    with full_disk():
        began = time.monotonic()
        with pytest.raises(StoreError, match=r"the disk is full, .*wf_jupyter\.sqlite3 cannot grow"):
            scene.submit(gated.bind(gate=gate))
        assert time.monotonic() - began < 30
    lines = scene.runtime.call(scene.runtime.orchestrator.executions()).result(60)
    assert [line.id for line in lines] == [kept]
    assert scene.runtime.orchestrator.active_count() == 1
    another = scene.submit(gated.bind(gate=gate))
    gate.touch()
    assert {str(scene.ended(execution).status) for execution in (kept, another)} == {"succeeded"}
    scene.runtime.close()
    scene.intact()


def is_parked(scene: Scene, execution: str) -> bool:
    return scene.snapshot(execution).parked is not None


def parks(folder: Path) -> None:
    """Meanwhile it is shown as parked, with the reason, and can be deleted."""
    scene = Scene(folder)
    first, gate = scene.running()
    second = scene.submit(gated.bind(gate=gate))
    with full_disk():
        gate.touch()
        for execution in (first, second):
            scene.until(partial(is_parked, scene, execution))
            parked = scene.snapshot(execution).parked
            assert parked is not None and parked.kind == "waiting" and "the disk is full" in parked.reason
        lines = scene.runtime.call(scene.runtime.orchestrator.executions()).result(60)
        assert all(line.parked is not None and line.parked.kind == "waiting" for line in lines)
    scene.until(lambda: scene.snapshot(first).parked is None)
    assert [task.attempts for task in scene.ended(first).tasks] == [1, 1]
    assert scene.ended(second).status == "succeeded"
    scene.runtime.close()
    scene.intact()


def is_resumed_by_the_next(folder: Path) -> None:
    """An orchestrator that ends meanwhile leaves it to the next one."""
    scene = Scene(folder)
    execution, gate = scene.running()
    with full_disk():
        gate.touch()
        scene.until(lambda: scene.snapshot(execution).parked is not None)
        scene.runtime.close()
    scene.open()
    final = scene.ended(execution)
    assert (final.status, [task.attempts for task in final.tasks]) == ("succeeded", [2, 1])
    assert scene.seqs(execution) == list(range(1, final.seq + 1))
    scene.runtime.close()
    scene.intact()


def fails_the_task(folder: Path) -> None:
    """A result that finds no room fails its task, naming the reason, and leaves no file."""
    scene = Scene(folder)
    execution = scene.submit(failing.bind(size=MEGABYTE))
    final = scene.ended(execution)
    (task,) = final.tasks
    assert final.status == "failed" and task.error is not None
    assert "the result of task 'unwritable'" in task.error.message, task.error
    assert "File too large" in task.error.message, task.error
    assert not list((scene.folder / "data" / "values" / execution).iterdir())
    scene.runtime.close()


def small_disk(folder: Path) -> None:
    """Results that fill a real disk: the tasks that find no room fail, the others' results are right."""
    scene = Scene(folder)
    execution = scene.submit(making.bind(sizes=[MEGABYTE + number for number in range(40)]))
    final = scene.ended(execution)
    assert final.status == "failed"
    failed = [task for task in final.tasks if task.status == "failed"]
    assert 5 < len(failed) < 40 and all(
        "the disk is full" in task.error.message for task in failed if task.error is not None
    ), final.counts
    for number, task in enumerate(final.tasks):
        if task.status == "succeeded":
            value = scene.runtime.call(scene.runtime.orchestrator.task_value(execution, task.key)).result(60)
            assert isinstance(value, Whole) and value.path is not None
            assert Path(value.path).stat().st_size > MEGABYTE + number
    assert scene.seqs(execution) == list(range(1, final.seq + 1))
    scene.runtime.call(scene.runtime.orchestrator.delete(execution)).result(60)
    again = scene.submit(making.bind(sizes=[MEGABYTE]))
    assert scene.ended(again).status == "succeeded"
    scene.runtime.close()
    scene.intact()


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
