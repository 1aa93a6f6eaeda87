"""Executions as lines of a list, and who owns them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from wf_jupyter.errors import ExecutionNotFound, Unreadable
from wf_jupyter.model.snapshot import Parked, Summary, inputs_in_short
from wf_jupyter.model.status import FINAL_EXECUTION, ExecutionStatus
from wf_jupyter.ports import Holding
from wf_jupyter.store.decoding import SENSELESS, decode, decode_time, known_status
from wf_jupyter.store.owners import MISSING_SECONDS, Ownership

_UNFINISHED = tuple(status for status in ExecutionStatus if status not in FINAL_EXECUTION)
_FINAL = tuple(FINAL_EXECUTION)
_SUMMARY = "id, workflow, status, seq, created, ended, counts, asked_by"
#: The first event has the inputs.
_FIRST = "(SELECT body FROM events WHERE execution = number AND seq = 1)"
#: SQLite limits the number of parameters of one statement.
_AT_ONCE = 500
#: Stands for a time that cannot be read.
_UNKNOWN = datetime.fromtimestamp(0, UTC)
T = TypeVar("T")
_counts = msgspec.json.Decoder(dict[str, int])


class _First(msgspec.Struct):
    inputs: Mapping[str, str] = {}


_first = msgspec.json.Decoder(_First)


def read_summaries(
    connection: sqlite3.Connection,
    status: ExecutionStatus | None,
    workflow: str | None,
    limit: int,
    before: str | None,
) -> list[Summary]:
    """Executions, newest first. Each page is a range of an index: its cost does not grow with the table."""
    wanted = {"status = ?": status, "workflow = ?": workflow, "id < ?": before}
    given = {condition: value for condition, value in wanted.items() if value is not None}
    where = f"WHERE {' AND '.join(given)}" if given else ""
    rows = connection.execute(
        f"SELECT {_SUMMARY}, {_FIRST} FROM executions {where} ORDER BY id DESC LIMIT ?",
        (*given.values(), max(limit, 0)),
    )
    return [msgspec.structs.replace(_summary(row), inputs=_inputs(first)) for *row, first in rows]


def read_summary(connection: sqlite3.Connection, execution: str) -> Summary:
    """One of them; `ExecutionNotFound`."""
    row = connection.execute(f"SELECT {_SUMMARY} FROM executions WHERE id = ?", (execution,)).fetchone()
    if row is None:
        raise ExecutionNotFound(f"no execution {execution!r}")
    return _summary(row)


def claim(connection: sqlite3.Connection, execution: str, ownership: Ownership) -> bool:
    """Take over an execution whose owner is gone; within a write transaction, so that only one succeeds."""
    row = connection.execute("SELECT owned_by, status FROM executions WHERE id = ?", (execution,)).fetchone()
    if row is None:
        raise ExecutionNotFound(f"no execution {execution!r}")
    if row[0] == ownership.id:
        return True
    # Lock files are kept for unfinished executions only.
    if not ownership.is_gone(row[0], patience=0.0 if known_status(row[1]).is_final else MISSING_SECONDS):
        return False
    connection.execute("UPDATE executions SET owned_by = ? WHERE id = ?", (ownership.id, execution))
    return True


def read_orphans(connection: sqlite3.Connection, ownership: Ownership) -> list[str]:
    """Unfinished executions whose owner is gone, oldest first."""
    rows = connection.execute(
        # Those too whose status makes no sense: the log knows how they stand.
        f"SELECT id, owned_by FROM executions WHERE status NOT IN ({', '.join('?' * len(_FINAL))})"
        " AND typeof(id) = 'text' ORDER BY id",
        _FINAL,
    ).fetchall()
    gone = {owner: ownership.is_gone(owner) for owner in {row[1] for row in rows}}
    ownership.sweep(gone)
    return [execution for execution, owner in rows if gone[owner]]


def read_elsewhere(
    connection: sqlite3.Connection, newest: int, known: Collection[str], ownership: Ownership
) -> tuple[list[Summary], int]:
    """Query of `ports.Store.elsewhere`; newest first."""
    unfinished, given = ", ".join("?" * len(_UNFINISHED)), ", ".join("?" * len(known))
    rows = connection.execute(
        f"SELECT {_SUMMARY} FROM executions WHERE owned_by <> ?"
        f" AND (status IN ({unfinished}) OR number > ? OR id IN ({given})) ORDER BY id DESC",
        (ownership.id, *_UNFINISHED, newest, *known),
    ).fetchall()
    last = connection.execute("SELECT max(number) FROM executions").fetchone()[0]
    return [_summary(row) for row in rows], last or 0


def read_positions(connection: sqlite3.Connection, executions: Collection[str]) -> dict[str, int]:
    """Query of `ports.Store.positions`."""
    found: dict[str, int] = {}
    wanted = list(executions)
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        found.update(
            connection.execute(f"SELECT id, seq FROM executions WHERE id IN ({', '.join('?' * len(part))})", part)
        )
    return found


def read_holdings(connection: sqlite3.Connection) -> list[Holding]:
    """Space that every execution occupies in the database; files are left out."""
    unfinished = ", ".join("?" * len(_UNFINISHED))
    rows = connection.execute(
        f"SELECT id, CASE WHEN status IN ({unfinished}) THEN NULL ELSE coalesce(ended, created) END,"
        " CASE typeof(size) WHEN 'integer' THEN max(size, 0) ELSE 0 END,"
        f" id IN (SELECT builds_on FROM executions WHERE status IN ({unfinished}) AND builds_on NOT NULL)"
        " FROM executions WHERE typeof(id) = 'text'",
        _UNFINISHED * 2,
    )
    return [
        Holding(
            id=execution,
            ended=None if ended is None else _time(ended, None),
            size=size,
            is_needed=bool(is_needed),
        )
        for execution, ended, size, is_needed in rows
    ]


def _inputs(first: bytes | None) -> Mapping[str, str]:
    try:
        return {} if first is None else inputs_in_short(_first.decode(first).inputs)
    except SENSELESS:
        # The line says so only when its own columns cannot be read: without its inputs it is still a line.
        return {}


def _summary(row: Sequence[Any]) -> Summary:
    execution, workflow, status, seq, created, ended, counts, asked_by = row
    try:
        return Summary(
            id=execution,
            workflow=workflow,
            status=ExecutionStatus(status),
            seq=seq,
            created=decode_time(created, "when it was created"),
            ended=None if ended is None else decode_time(ended, "when it ended"),
            counts=decode(_counts, counts, "the number of its tasks"),
            owner=asked_by,
        )
    except (Unreadable, ValueError) as error:
        # The line stays, with what of it makes sense: it is how one sees, and deletes, what is broken.
        since = _time(created, _UNKNOWN)
        return Summary(
            id=execution,
            workflow=str(workflow),
            status=known_status(status),
            seq=int(seq) if isinstance(seq, int) else 0,
            created=since,
            parked=Parked(kind="unreadable", reason=f"the line of execution {execution}: {error}", since=since),
        )


def _time(text: object, otherwise: T) -> datetime | T:
    try:
        return decode_time(text, "a time")
    except Unreadable:
        return otherwise
