"""A look at a data directory that changes nothing: what of it cannot be used, and what is merely worth knowing.

It works while servers use the directory, and on one that no version of wf_jupyter would open.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from wf_jupyter.errors import Unreadable
from wf_jupyter.model.history import Experience
from wf_jupyter.ports import CacheEntry, Published
from wf_jupyter.service.queries.execution_reader import replay
from wf_jupyter.store import listing, log
from wf_jupyter.store.database import FILE_NAME, newest_schema
from wf_jupyter.store.decoding import decode
from wf_jupyter.store.owners import is_held

#: Less room than this, in bytes and in files, will soon stop executions.
LITTLE_SPACE, FEW_FILES = 64 << 20, 1_000
#: Findings of one kind that are named; the others are counted.
_NAMED = 20


class Finding(NamedTuple):
    """`is_problem` says that something does not work; otherwise it is only worth knowing."""

    is_problem: bool
    text: str


def examine(data_dir: Path) -> Iterator[Finding]:
    """Everything that is to be said about the directory, as it is found."""
    path = data_dir / FILE_NAME
    if not path.exists():
        yield Finding(True, f"{path} does not exist: nothing was ever run with this data directory, or it was removed")
        return
    yield from _room(data_dir)
    yield from _modes(data_dir)
    try:
        with reading(path) as connection:
            yield from _database(connection, data_dir)
    except sqlite3.Error as error:
        yield Finding(True, f"{path} cannot be read: {error}")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that leaves no trace, whether or not somebody has the database open."""
    logged = path.with_name(f"{path.name}-wal")
    if not logged.exists() or not logged.stat().st_size:
        # Nobody writes. Without this, SQLite would make files beside it.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            yield connection
    elif path.with_name(f"{path.name}-shm").exists():
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    else:
        with tempfile.TemporaryDirectory() as folder:
            for file in (path, logged):
                shutil.copy(file, folder)
            with closing(sqlite3.connect(Path(folder, path.name))) as connection:
                yield connection


def _room(data_dir: Path) -> Iterator[Finding]:
    room = os.statvfs(data_dir)
    space = room.f_bavail * room.f_frsize
    if space < LITTLE_SPACE:
        yield Finding(True, f"the disk is nearly full: {space / 1e6:.0f} MB are left")
    # Some file systems make files as they are needed, and count none.
    if room.f_files and room.f_favail < FEW_FILES:
        yield Finding(True, f"the disk can hold only {room.f_favail} more files")
    if not os.access(data_dir, os.W_OK | os.X_OK):
        yield Finding(True, f"{data_dir} may not be written by this user")


def _modes(data_dir: Path) -> Iterator[Finding]:
    open_to_others = []
    for folder, names, files in os.walk(data_dir):
        for place in (folder, *(os.path.join(folder, name) for name in (*names, *files))):
            found = os.lstat(place)
            if not stat.S_ISLNK(found.st_mode) and found.st_mode & 0o077:
                open_to_others.append(place)
            elif hasattr(os, "getuid") and found.st_uid != os.getuid():
                yield Finding(False, f"{place} belongs to another user")
    for place in dict.fromkeys(open_to_others[:_NAMED]):
        yield Finding(True, f"{place} is open to other users: chmod go-rwx")


def _database(connection: sqlite3.Connection, data_dir: Path) -> Iterator[Finding]:
    version, newest = connection.execute("PRAGMA user_version").fetchone()[0], newest_schema()
    if version > newest:
        yield Finding(True, f"its schema is {version}, written by a newer version; this one knows {newest} and older")
        return
    if version < newest:
        yield Finding(False, f"its schema is {version}: the next opening brings it to {newest}")
    for (verdict,) in connection.execute("PRAGMA integrity_check(10)"):
        if verdict != "ok":
            yield Finding(True, f"the database is corrupt: {verdict}")
    yield from _executions(connection, data_dir)
    yield from _rows(connection)
    yield from _files(connection, data_dir)


def _executions(connection: sqlite3.Connection, data_dir: Path) -> Iterator[Finding]:
    rows = connection.execute("SELECT id, status, owned_by, seq FROM executions ORDER BY id").fetchall()
    yield Finding(False, f"{len(rows)} executions")
    for execution, _, owner, seq in rows:
        try:
            summary = listing.read_summary(connection, execution)
            record = log.read_record(connection, execution)
            events = log.read_events(connection, execution, 0, None, data_dir / FILE_NAME)
            replay(execution, record, events)
        except Unreadable as error:
            yield Finding(True, str(error))
            continue
        if summary.parked is not None:
            yield Finding(True, summary.parked.reason)
        elif not events or events[-1].seq != seq:
            last = events[-1].seq if events else 0
            yield Finding(True, f"the log of execution {execution} ends at event {last}, its line says {seq}")
        elif not summary.status.is_final and not is_held(data_dir / "owners", owner):
            note = "its orchestrator is gone; the next one takes it over"
            yield Finding(False, f"execution {execution} of {summary.workflow!r} is {summary.status}: {note}")


def _rows(connection: sqlite3.Connection) -> Iterator[Finding]:
    tables: dict[str, tuple[str, type]] = {
        "SELECT key, body FROM cache": ("cached result", CacheEntry),
        "SELECT execution, body FROM histories": ("history of execution number", Experience),
        "SELECT name, body FROM workflows": ("published workflow", Published),
    }
    for query, (what, kind) in tables.items():
        decoder: msgspec.msgpack.Decoder[object] = msgspec.msgpack.Decoder(kind)
        for name, body in connection.execute(query):
            try:
                decode(decoder, body, f"{what} {name}")
            except Unreadable as error:
                yield Finding(True, str(error))


def _files(connection: sqlite3.Connection, data_dir: Path) -> Iterator[Finding]:
    missing = [
        f"{path}, a result of task {task!r} of execution {execution}, is missing"
        for path, task, execution in connection.execute(
            "SELECT path, task, id FROM task_values JOIN executions ON number = execution WHERE path NOT NULL"
        )
        if not (data_dir / path).exists()
    ]
    yield from _limit_findings(missing, lambda text: Finding(True, text))
    known = {execution for (execution,) in connection.execute("SELECT id FROM executions")}
    known |= {execution for (execution,) in connection.execute("SELECT id FROM removals")}
    strays = [
        f"{folder} belongs to no execution: nobody will remove it, nor read it"
        for root in (data_dir / "values", data_dir / "logs")
        if root.is_dir()
        for folder in root.iterdir()
        if folder.name not in known
    ]
    yield from _limit_findings(strays, lambda text: Finding(False, text))


def _limit_findings(texts: list[str], finding: Callable[[str], Finding]) -> Iterator[Finding]:
    yield from (finding(text) for text in texts[:_NAMED])
    if len(texts) > _NAMED:
        yield finding(f"… and {len(texts) - _NAMED} more like these")
