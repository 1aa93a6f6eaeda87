"""Any column of any row may hold what makes no sense: it costs what it belongs to, and nothing hangs or crashes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_unreadable import call, opened, unpack_old
from tests.jupyter_process import until
from wf_jupyter.errors import ExecutionNotFound, StateConflict, WorkflowError
from wf_jupyter.model.stimuli import Cancel, Resume, Retry
from wf_jupyter.service.runtime import Runtime

#: As SQL: bytes that are neither MessagePack nor JSON nor UTF-8, a number, words, nothing.
SENSELESS = ("x'c1ff'", "-7", "'no sense'", "''")
NAME = "wf_jupyter.sqlite3"
with closing(sqlite3.connect(":memory:")) as _schema:
    for _script in sorted((Path(__file__).parents[2] / "src/wf_jupyter/store/migrations").glob("*.sql")):
        _schema.executescript(_script.read_text())
    TABLES = {
        name: [column[1] for column in _schema.execute(f"PRAGMA table_info({name})")]
        for (name,) in _schema.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with executions that succeeded and failed, one that was running, and a published workflow."""
    folder = tmp_path_factory.mktemp("whole") / "data"
    unpack_old(folder)
    return folder


def damage(folder: Path, table: str, column: str, value: str, workflow: str) -> bool:
    """Put that into the rows of the table that belong to the execution; whether there are any, and it can be."""
    with closing(sqlite3.connect(folder / NAME)) as connection:
        (number,) = connection.execute("SELECT number FROM executions WHERE workflow = ?", (workflow,)).fetchone()
        of = {"executions": f"number = {number}"}.get(
            table, f"execution = {number}" if "execution" in TABLES[table] else "1"
        )
        with suppress(sqlite3.IntegrityError):
            damaged = connection.execute(f"UPDATE {table} SET {column} = {value} WHERE {of}").rowcount
            connection.commit()
            return damaged > 0
    return False


def is_settled(runtime: Runtime, execution: str) -> bool:
    snapshot = call(runtime, runtime.orchestrator.snapshot(execution))
    return snapshot.status.is_final or snapshot.parked is not None


def ask_everything(runtime: Runtime, execution: str) -> None:
    """Whatever is asked of the damaged one is answered, if only with an error of ours."""
    engine = runtime.orchestrator
    questions: list[Callable[[], Any]] = [
        lambda: until(lambda: is_settled(runtime, execution), "it neither ends nor says why not"),
        lambda: call(runtime, engine.result(execution)),
        lambda: call(runtime, engine.events(execution)),
        lambda: call(runtime, engine.history(execution)),
        lambda: [call(runtime, engine.task_value(execution, task.key)) for task in snapshot(runtime, execution).tasks],
        lambda: call(runtime, engine.workflow("published")),
        lambda: call(runtime, engine.command(execution, Resume())),
        lambda: call(runtime, engine.command(execution, Cancel())),
        lambda: call(runtime, engine.command(execution, Retry())),
        lambda: until(lambda: is_settled(runtime, execution), "it neither ends nor says why not"),
    ]
    for ask in questions:
        with suppress(WorkflowError):
            ask()


def snapshot(runtime: Runtime, execution: str) -> Any:
    return call(runtime, runtime.orchestrator.snapshot(execution))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("workflow", ["finished", pytest.param("left", marks=pytest.mark.long)])
def test_a_row_without_sense_costs_what_it_belongs_to_and_nothing_else(
    whole: Path, tmp_path: Path, table: str, workflow: str
) -> None:
    with closing(sqlite3.connect(whole / NAME)) as connection:
        ids = dict(connection.execute("SELECT workflow, id FROM executions").fetchall())
    is_shared = table in ("blobs", "workflows", "meta")
    for number, column in enumerate(TABLES[table]):
        # Every column meets half of them here, and each kind half of the columns.
        for value in SENSELESS[number % 2 :: 2]:
            folder = tmp_path / f"{column}-{SENSELESS.index(value)}"
            shutil.copytree(whole, folder)
            if damage(folder, table, column, value, workflow):
                look_at(folder, ids, ids[workflow], is_shared=is_shared)
            shutil.rmtree(folder)


def look_at(folder: Path, ids: dict[str, str], broken: str, *, is_shared: bool) -> None:
    runtime = opened(folder)
    try:
        engine = runtime.orchestrator
        assert len(call(runtime, engine.executions())) == len(ids), "the list holds all of them"
        for name in ("mapped", "failed"):
            assert snapshot(runtime, ids[name]).parked is None
        if not is_shared:
            assert call(runtime, engine.result(ids["mapped"])).status == "succeeded"
        ask_everything(runtime, broken)
        call(runtime, runtime.retention.sweep())
        for line in call(runtime, engine.executions()):
            if line.id != ids["mapped"]:
                with suppress(StateConflict, ExecutionNotFound):
                    call(runtime, engine.delete(line.id))
        assert ids["mapped"] in {line.id for line in call(runtime, engine.executions())}
        assert ids["failed"] not in {line.id for line in call(runtime, engine.executions())}
    finally:
        runtime.close()
    runtime = opened(folder)
    try:
        assert call(runtime, runtime.orchestrator.executions())
    finally:
        runtime.close()
