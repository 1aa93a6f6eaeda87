"""Data directories that are old, from the future, or damaged: what can be read is, and the rest says why not."""

from __future__ import annotations

import gzip
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.integration.service.conftest import PATIENCE, ended
from wf_jupyter.errors import StateConflict, StoreError, Unreadable
from wf_jupyter.model.stimuli import Resume, Retry
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.runtime import Runtime

OLD = Path(__file__).parents[1] / "data" / "v0_1_0" / "wf_jupyter.sqlite3.gz"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def unpack_old(data_dir: Path) -> Path:
    """A data directory that 0.1.0 left: two executions succeeded, one failed, one was running; one is published."""
    data_dir.mkdir()
    path = data_dir / "wf_jupyter.sqlite3"
    path.write_bytes(gzip.decompress(OLD.read_bytes()))
    with closing(sqlite3.connect(path)) as connection:
        for number, body in connection.execute("SELECT execution, body FROM submissions").fetchall():
            submission = msgspec.msgpack.decode(body)
            submission["environment"] = {"executable": sys.executable, "directory": str(data_dir), "path": sys.path}
            encoded = msgspec.msgpack.encode(submission)
            connection.execute("UPDATE submissions SET body = ? WHERE execution = ?", (encoded, number))
        (owner,) = connection.execute("SELECT owned_by FROM executions WHERE status = 'running'").fetchone()
        connection.commit()
    (data_dir / "owners").mkdir(mode=0o700)
    (data_dir / "owners" / f"{owner}.lock").touch(mode=0o600)
    return path


def opened(data_dir: Path) -> Runtime:
    return Runtime.open(RuntimeConfig(data_dir=data_dir, max_workers=2))


def call(runtime: Runtime, coroutine: Any) -> Any:
    return runtime.call(coroutine).result(PATIENCE)


def lines(runtime: Runtime) -> dict[str, Any]:
    return {line.workflow: line for line in call(runtime, runtime.orchestrator.executions())}


def test_a_data_directory_of_0_1_0_opens_and_what_ran_goes_on(data_dir: Path) -> None:
    unpack_old(data_dir)
    runtime = opened(data_dir)
    try:
        found = lines(runtime)
        assert {name: line.status for name, line in found.items() if name != "left"} == {
            "finished": "succeeded",
            "mapped": "succeeded",
            "failed": "failed",
        }
        assert ended(runtime, found["left"].id).status == "succeeded"
        assert call(runtime, runtime.orchestrator.result(found["finished"].id)).info.text == "-2"
        call(runtime, runtime.orchestrator.command(found["failed"].id, Retry()))
        assert ended(runtime, found["failed"].id).status == "failed"
        assert [workflow.name for workflow in call(runtime, runtime.orchestrator.workflows())] == ["published"]
        again = call(runtime, runtime.orchestrator.rerun(found["finished"].id))
        assert ended(runtime, again).status == "succeeded"
    finally:
        runtime.close()


def test_a_data_directory_from_the_future_is_refused_in_words(data_dir: Path) -> None:
    path = unpack_old(data_dir)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(StoreError, match=r"has schema 999, this version of wf_jupyter knows \d+ .*upgrade wf_jupyter"):
        opened(data_dir)


BREAKS = {
    "submission": "UPDATE submissions SET body = x'c1' WHERE execution = {number}",
    "submission of another type": "UPDATE submissions SET body = 7 WHERE execution = {number}",
    "no submission": "DELETE FROM submissions WHERE execution = {number}",
    "event": "UPDATE events SET body = x'00ff' WHERE execution = {number} AND seq = 2",
    "hole in the log": "DELETE FROM events WHERE execution = {number} AND seq = 2",
    "created": "UPDATE executions SET created = 'yesterday' WHERE number = {number}",
    "counts": "UPDATE executions SET counts = x'ff' WHERE number = {number}",
    "options from the future": None,
}


def damage(path: Path, workflow: str, what: str) -> str:
    """Break one row of the execution of that workflow; returns its id."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT number, id FROM executions WHERE workflow = ?"
        number, execution = connection.execute(query, (workflow,)).fetchone()
        statement = BREAKS[what]
        if statement is None:
            (body,) = connection.execute("SELECT body FROM submissions WHERE execution = ?", (number,)).fetchone()
            submission = {**msgspec.msgpack.decode(body), "options": {"executor": "teleport"}}
            encoded = msgspec.msgpack.encode(submission)
            connection.execute("UPDATE submissions SET body = ? WHERE execution = ?", (encoded, number))
        else:
            connection.execute(statement.format(number=number))
        connection.commit()
    return str(execution)


@pytest.mark.parametrize("what", BREAKS)
@pytest.mark.parametrize("workflow", ["left", "failed"])
def test_one_row_that_cannot_be_read_is_one_unreadable_execution(data_dir: Path, what: str, workflow: str) -> None:
    path = unpack_old(data_dir)
    broken = damage(path, workflow, what)
    runtime = opened(data_dir)
    try:
        engine = runtime.orchestrator
        others = [line for line in lines(runtime).values() if line.id != broken]
        assert len(others) == 3, "the list holds all of them"
        for line in others:
            assert ended(runtime, line.id).parked is None
        if what != "counts" or workflow != "left":
            # A snapshot is given, and says what is the matter.
            snapshot = call(runtime, engine.snapshot(broken))
            if what != "counts":
                assert snapshot.parked is not None and snapshot.parked.kind == "unreadable", snapshot
                assert snapshot.workflow == workflow
                listed = lines(runtime)[workflow]
                assert listed.parked is not None and listed.parked.kind == "unreadable" and listed.parked.reason
                with pytest.raises((Unreadable, StateConflict)):
                    call(runtime, engine.command(broken, Resume() if workflow == "left" else Retry()))
        call(runtime, runtime.retention.sweep())
        if what == "counts" and workflow == "left":
            ended(runtime, broken)
        call(runtime, engine.delete(broken))
        assert broken not in [line.id for line in call(runtime, engine.executions())]
    finally:
        runtime.close()


def test_a_published_workflow_that_cannot_be_read_can_be_published_again(data_dir: Path) -> None:
    path = unpack_old(data_dir)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE workflows SET body = x'c1'")
        connection.commit()
    runtime = opened(data_dir)
    try:
        assert call(runtime, runtime.orchestrator.workflows()) == []
        with pytest.raises(Unreadable, match="published workflow 'published'"):
            call(runtime, runtime.orchestrator.execute("published", {"x": 1}))
    finally:
        runtime.close()
