"""A data directory that is an older copy of itself: what was told before is never continued by another history."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, Reader, ended, packed
from wf_jupyter.client.embedded import EmbeddedConnection
from wf_jupyter.client.log_views import stream
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.stimuli import Retry
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.store.database import FILE_NAME


@wf.task
def wait_for(path: str, number: int) -> int:
    import time
    from pathlib import Path

    while not Path(path).exists():
        time.sleep(0.02)
    return number


@wf.task
def fail_without(path: str) -> None:
    from pathlib import Path

    if not Path(path).exists():
        raise ValueError("not yet")


@wf.workflow
def waiting(paths: list[str]) -> object:
    return [wait_for(path, number) for number, path in enumerate(paths)]


@wf.workflow
def failing(path: str) -> object:
    return fail_without(path)


def back_up(data_dir: Path, to: Path) -> None:
    with closing(sqlite3.connect(data_dir / FILE_NAME)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def restore(data_dir: Path, backup: Path) -> None:
    for path in data_dir.glob(f"{FILE_NAME}*"):
        path.unlink()
    shutil.copyfile(backup, data_dir / FILE_NAME)


@pytest.mark.parametrize("is_running", [True, False], ids=["while-it-ran", "after-a-clean-end"])
def test_who_was_told_what_an_older_copy_does_not_hold_gets_a_snapshot(
    open_runtime: Callable[..., Runtime], data_dir: Path, tmp_path: Path, is_running: bool
) -> None:
    first = open_runtime()
    if is_running:
        gates = [tmp_path / "one", tmp_path / "two"]
        execution = first.call(first.orchestrator.submit(packed(waiting.bind(paths=[str(g) for g in gates])))).result()
        reader = Reader(first)
        reader.follow(execution)
        reader.until(lambda r: r.picture and r.picture.snapshot.counts["running"] == 2)
        back_up(data_dir, tmp_path / "backup")
        gates[0].touch()
        reader.until(lambda r: r.picture and r.picture.snapshot.counts["succeeded"] == 1)
        gates[1].touch()
    else:
        path = tmp_path / "path"
        execution = first.call(first.orchestrator.submit(packed(failing.bind(path=str(path))))).result()
        ended(first, execution)
        first.close(10)
        back_up(data_dir, tmp_path / "backup")
        first = open_runtime()
        path.touch()
        first.call(first.orchestrator.command(execution, Retry())).result(PATIENCE)
    told = ended(first, execution)
    log = first.call(first.orchestrator.events(execution)).result(PATIENCE)
    kept = len(log)
    first.close(10)
    restore(data_dir, tmp_path / "backup")

    second = open_runtime()
    if not is_running:
        answer = Reader(second).follow(execution, after=told.seq, epoch=told.epoch)
        assert (answer.recovered, answer.snapshot.status) == (False, "failed"), "it ends before what was told"
        second.call(second.orchestrator.command(execution, Retry())).result(PATIENCE)
    final = ended(second, execution)
    now = second.call(second.orchestrator.events(execution)).result(PATIENCE)
    for seq in range(1, kept + 1):
        epochs = [getattr(event, "epoch", "") for event in log[:seq]]
        epoch = next(filter(None, reversed(epochs)))
        answer = Reader(second).follow(execution, after=seq, epoch=epoch)
        page = second.call(second.orchestrator.following.page(execution, after=seq)).result(PATIENCE)
        is_same = now[:seq] == log[:seq]
        assert answer.recovered is is_same
        assert (page.epoch == epoch) is is_same
        assert is_same or answer.snapshot == final
    assert now != log


def test_an_iterator_over_events_says_that_the_log_is_another_one(
    open_runtime: Callable[..., Runtime], tmp_path: Path
) -> None:
    runtime = open_runtime()
    gate = tmp_path / "gate"
    gate.touch()
    execution = runtime.call(runtime.orchestrator.submit(packed(waiting.bind(paths=[str(gate)])))).result()
    last = ended(runtime, execution).seq
    connection = EmbeddedConnection(runtime)
    assert list(stream(connection, execution, last, follow=True)) == []
    with pytest.raises(StateConflict, match="older copy"):
        list(stream(connection, execution, last + 1, follow=True))
