"""A removal that a crash interrupted is finished by whoever opens the data directory next."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from wf_jupyter.model.events import TaskLog
from wf_jupyter.model.graph import GraphSpec, ResultSpec
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Value
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.ports import Batch
from wf_jupyter.store import database, removal
from wf_jupyter.store.owners import Ownership
from wf_jupyter.store.sqlite import SqliteStore


def test_an_interrupted_removal_is_finished_when_opened_again(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path)
    asyncio.run(store.append(batch("e1", removal.STEP + 10)))
    (store.directory("e1") / "big").write_bytes(b"x")
    store.shutdown()

    path = tmp_path / database.FILE_NAME
    connection = sqlite3.connect(path)
    removal.begin(connection, "e1", Ownership(tmp_path / "owners"))
    connection.commit()
    connection.close()

    store = SqliteStore.open(tmp_path)
    assert asyncio.run(store.summaries()) == []
    assert not (tmp_path / "values" / "e1").exists()
    store.shutdown()
    assert rows(path) == {"meta": 2}, "the epoch, and the newest id"


def test_results_whose_database_was_lost_are_not_removed(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path)
    asyncio.run(store.append(batch("e1", 1)))
    (store.directory("e1") / "big").write_bytes(b"x")
    store.shutdown()
    for file in tmp_path.glob(f"{database.FILE_NAME}*"):
        file.unlink()
    for path in (tmp_path / "values" / "e1", tmp_path / "values"):
        os.utime(path, (0, 0))

    SqliteStore.open(tmp_path).shutdown()
    assert (tmp_path / "values" / "e1" / "big").read_bytes() == b"x"


def rows(path: Path) -> dict[str, int]:
    connection = sqlite3.connect(path)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    counts = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for (name,) in names.fetchall()}
    connection.close()
    return {name: count for name, count in counts.items() if count}


def batch(execution: str, count: int) -> Batch:
    now = datetime.now(UTC)
    return Batch(
        execution=execution,
        events=tuple(
            TaskLog(seq=seq, time=now, task="t", attempt=1, stream="stdout", text="") for seq in range(1, count + 1)
        ),
        values=(("t", Value(data=b"v", size=1)),),
        submission=Submission(
            workflow="flow",
            graph=GraphSpec(nodes=(), result=ResultSpec(template=Digest("t"))),
            blobs={Digest("t"): b"template"},
            environment=Environment(executable="", directory="", path=()),
        ),
        status=ExecutionStatus.RUNNING,
    )
