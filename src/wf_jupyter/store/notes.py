"""Notes on a data directory as a whole."""

from __future__ import annotations

import sqlite3

_NEWEST = "newest_id"


def read(connection: sqlite3.Connection, name: str) -> bytes | None:
    """Read the note under that name, or None."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0]).encode()


def write(connection: sqlite3.Connection, name: str, data: bytes) -> None:
    """Note something, in place of what was there."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, data.decode()))


def newest_id(connection: sqlite3.Connection) -> str:
    """The greatest id that an execution ever had; empty without any."""
    # Whatever is text is less than any blob, which only a damaged row holds.
    row = connection.execute("SELECT max(id) FROM executions WHERE id < x''").fetchone()
    return max(row[0] or "", (read(connection, _NEWEST) or b"").decode())


def keep_newest_id(connection: sqlite3.Connection) -> None:
    """Note the greatest id before an execution is forgotten: it might be that one's."""
    write(connection, _NEWEST, newest_id(connection).encode())
