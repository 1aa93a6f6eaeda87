"""Results that may be used again, by the lineage of what computed them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC

import msgspec

from wf_jupyter.errors import Unreadable
from wf_jupyter.model.stimuli import Value
from wf_jupyter.ports import CacheEntry
from wf_jupyter.store.decoding import decode
from wf_jupyter.store.values import Places, stored_value

#: Parts of a task's value that are no result.
NO_RESULT = "error"

_entry = msgspec.msgpack.Decoder(CacheEntry)

#: Key, time of creation, task, body.
Row = tuple[str, str, str, bytes]


def encode_entry(entry: CacheEntry) -> Row:
    """Key, time, task and body, as they are stored."""
    return entry.key, entry.created.astimezone(UTC).isoformat(), entry.task, msgspec.msgpack.encode(entry)


def write_entries(connection: sqlite3.Connection, number: int, entries: Sequence[Row]) -> None:
    """Store entries of one execution."""
    if entries:
        connection.executemany(
            "INSERT OR REPLACE INTO cache (key, created, task, body, execution) VALUES (?, ?, ?, ?, ?)",
            [(*entry, number) for entry in entries],
        )


def read_cached(
    connection: sqlite3.Connection, key: str, into: str, places: Places
) -> tuple[CacheEntry, str, tuple[Value, ...]] | None:
    """The newest entry under the key with its values, adopted by `into`; see `ports.ValueStore.cached`."""
    row = connection.execute(
        "SELECT body, number, id FROM cache JOIN executions ON number = execution"
        " WHERE key = ? ORDER BY cache.created DESC, execution DESC LIMIT 1",
        (key,),
    ).fetchone()
    if row is None:
        return None
    body, number, execution = row
    try:
        entry = decode(_entry, body, "a cached result")
    except Unreadable:
        return None
    rows = connection.execute(
        "SELECT part, data, path, size FROM task_values WHERE execution = ? AND task = ? AND part <> ?",
        (number, entry.task, NO_RESULT),
    )
    values = [stored_value(part, row, places) for part, *row in rows]
    whole = [value for value in values if value is not None]
    adopted = places.adopt(whole, into) if len(whole) == len(values) else None
    return (entry, execution, adopted) if adopted else None
