"""Forgetting an execution.

It disappears at once, in one transaction; its events and values follow in steps, so that a long
history does not hold up commits of running executions. A row in `removals` says that something is
left to do: whoever opens the data directory after a crash finishes it.
"""

from __future__ import annotations

import sqlite3

from wf_jupyter.errors import StateConflict
from wf_jupyter.store import notes
from wf_jupyter.store.decoding import known_status
from wf_jupyter.store.log import number_of
from wf_jupyter.store.owners import Ownership

STEP = 5_000


def check(connection: sqlite3.Connection, execution: str, ownership: Ownership) -> int:
    """The number of an execution that may be forgotten; `ExecutionNotFound`, `StateConflict`."""
    number = number_of(connection, execution)
    status, owner = connection.execute("SELECT status, owned_by FROM executions WHERE number = ?", (number,)).fetchone()
    if not known_status(status).is_final and owner != ownership.id and not ownership.is_gone(owner):
        raise StateConflict(f"execution {execution} is {status} in another process: cancel it first")
    return number


def begin(connection: sqlite3.Connection, execution: str, ownership: Ownership) -> int:
    """Make the execution unfindable and free its blobs; raises what `check` raises."""
    number = check(connection, execution, ownership)
    notes.keep_newest_id(connection)
    connection.execute("INSERT INTO removals VALUES (?, ?)", (number, execution))
    for table, column in (
        ("executions", "number"),
        ("submissions", "execution"),
        ("expansions", "execution"),
        ("cache", "execution"),
        ("histories", "execution"),
    ):
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))
    connection.execute(
        "DELETE FROM blobs WHERE digest IN (SELECT digest FROM blob_uses WHERE execution = :number)"
        " AND NOT EXISTS (SELECT 1 FROM blob_uses AS other"
        " WHERE other.digest = blobs.digest AND other.execution <> :number)",
        {"number": number},
    )
    connection.execute("DELETE FROM blob_uses WHERE execution = ?", (number,))
    return number


def step(connection: sqlite3.Connection, number: int) -> bool:
    """Remove the next rows; False when none are left."""
    events = connection.execute(
        "DELETE FROM events WHERE execution = :number AND seq IN"
        " (SELECT seq FROM events WHERE execution = :number ORDER BY seq LIMIT :step)",
        {"number": number, "step": STEP},
    )
    values = connection.execute(
        "DELETE FROM task_values WHERE rowid IN (SELECT rowid FROM task_values WHERE execution = ? LIMIT ?)",
        (number, STEP),
    )
    return events.rowcount > 0 or values.rowcount > 0


def finish(connection: sqlite3.Connection, number: int) -> None:
    """Nothing is left of it, neither rows nor files."""
    connection.execute("DELETE FROM removals WHERE execution = ?", (number,))


def unfinished(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Removals that a crash interrupted."""
    return [(int(number), str(execution)) for number, execution in connection.execute("SELECT * FROM removals")]
