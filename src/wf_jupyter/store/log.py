"""Events and submissions as rows: what one batch writes, and how it is read back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from wf_jupyter.errors import ExecutionNotFound, OwnershipLost, StoreError, Unreadable
from wf_jupyter.model.events import Event
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.submission import Expansion, Submission
from wf_jupyter.ports import Batch, Record
from wf_jupyter.store.cache import encode_entry, write_entries
from wf_jupyter.store.decoding import decode, decode_time
from wf_jupyter.store.events import decode_events, encode_event
from wf_jupyter.store.values import Places, write_values

_submission = msgspec.msgpack.Decoder(Submission)
_expansion = msgspec.msgpack.Decoder(Expansion)


def number_of(connection: sqlite3.Connection, execution: str) -> int:
    """The number that stands for the execution in every table; `ExecutionNotFound`."""
    row = connection.execute("SELECT number FROM executions WHERE id = ?", (execution,)).fetchone()
    if row is None:
        raise ExecutionNotFound(f"no execution {execution!r}")
    return int(row[0])


def appending(batch: Batch, owner: str, places: Places) -> Callable[[sqlite3.Connection], None]:
    """The work that makes `batch` durable. Encodes at once, so that what cannot be encoded is never queued."""
    bodies = batch.encoded or [encode_event(event) for event in batch.events]
    counts = msgspec.json.encode(batch.counts)
    ended = None if batch.ended is None else batch.ended.isoformat()
    submission = None if batch.submission is None else msgspec.msgpack.encode(without_secrets(batch.submission))
    cached = [encode_entry(entry) for entry in batch.cache]
    expansions = [(task, msgspec.msgpack.encode(without_blobs(expansion))) for task, expansion in batch.expansions]
    size = sum(map(len, bodies)) + sum(len(body) for _, body in expansions) + len(submission or b"") + data_size(batch)

    def work(connection: sqlite3.Connection) -> None:
        if batch.submission is not None:
            number, last = _create(connection, batch, batch.submission, owner), 0
            status: str = batch.status
            connection.execute("INSERT INTO submissions VALUES (?, ?)", (number, submission))
            _write_blobs(connection, number, batch.submission.blobs)
        else:
            number, status, last = _continue(connection, batch.execution, owner)
        check_sequence(batch, last)
        rows = [(number, event.seq, body) for event, body in zip(batch.events, bodies, strict=True)]
        connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
        write_values(connection, number, batch.values, places)
        write_entries(connection, number, cached)
        for (task, body), (_, expansion) in zip(expansions, batch.expansions, strict=True):
            connection.execute("INSERT INTO expansions (execution, task, body) VALUES (?, ?, ?)", (number, task, body))
            _write_blobs(connection, number, expansion.blobs)
        connection.execute(
            "UPDATE executions SET seq = ?, counts = ?, ended = ?, size = size + ? WHERE number = ?",
            (last + len(rows), counts, ended, size, number),
        )
        # Apart, because naming an indexed column rewrites its index entry even when nothing changes.
        if status != batch.status:
            connection.execute("UPDATE executions SET status = ? WHERE number = ?", (batch.status, number))

    return work


def check_sequence(batch: Batch, last: int) -> None:
    """Raise `StoreError` unless the batch's events continue after `last` without a gap."""
    for expected, event in enumerate(batch.events, start=last + 1):
        if event.seq != expected:
            raise StoreError(f"event {event.seq} of execution {batch.execution!r} came where {expected} was expected")


def data_size(batch: Batch) -> int:
    """Bytes of blobs and of small values that the batch adds."""
    size = sum(len(value.data) for _, value in batch.values if value.data is not None)
    blobs = [expansion.blobs for _, expansion in batch.expansions]
    if batch.submission is not None:
        blobs.append(batch.submission.blobs)
    return size + sum(len(data) for held in blobs for data in held.values())


def without_secrets(submission: Submission) -> Submission:
    """Copy the submission as its row stores it: no blobs, and no environment variables."""
    environment = msgspec.structs.replace(submission.environment, variables={})
    return msgspec.structs.replace(submission, blobs={}, environment=environment)


def without_blobs(expansion: Expansion) -> Expansion:
    """Copy the expansion as its row stores it."""
    return msgspec.structs.replace(expansion, blobs={})


def read_events(
    connection: sqlite3.Connection, execution: str, after: int, limit: int | None, path: Path
) -> list[Event]:
    """Events with `seq > after`; `ExecutionNotFound`, and `Unreadable` when one is damaged or missing."""
    rows = connection.execute(
        "SELECT body, seq FROM events WHERE execution = ? AND seq > ? ORDER BY seq LIMIT ?",
        (number_of(connection, execution), after, -1 if limit is None else max(limit, 0)),
    ).fetchall()
    for expected, (_, seq) in enumerate(rows, start=max(after, 0) + 1):
        if seq != expected:
            raise Unreadable(f"the log of execution {execution} in {path} has event {seq} where {expected} should be")
    return decode_events([row[0] for row in rows], f"execution {execution} in {path}")


def read_record(connection: sqlite3.Connection, execution: str) -> Record:
    """The execution as it was submitted; `ExecutionNotFound`."""
    number = number_of(connection, execution)
    created, body = connection.execute(
        "SELECT created, body FROM executions LEFT JOIN submissions ON execution = number WHERE number = ?", (number,)
    ).fetchone()
    expansions = connection.execute(
        "SELECT task, body FROM expansions WHERE execution = ? ORDER BY position", (number,)
    )
    return Record(
        submission=decode(_submission, body, f"the submission of execution {execution}"),
        created=decode_time(created, f"when execution {execution} was created"),
        expansions=tuple(
            (task, decode(_expansion, graph, f"what task {task!r} of execution {execution} returned"))
            for task, graph in expansions
        ),
    )


class Blobs(dict[Digest, bytes]):
    """The blobs of an execution; one that is not there was lost, which is `Unreadable`."""

    def __init__(self, execution: str, blobs: Mapping[Digest, bytes]) -> None:
        super().__init__(blobs)
        self._execution = execution

    def __missing__(self, digest: Digest) -> bytes:
        raise Unreadable(f"the data of execution {self._execution} lack {digest!r}, which its graph refers to")


def read_blobs(connection: sqlite3.Connection, execution: str) -> dict[Digest, bytes]:
    """Every blob of the execution and of its expansions; `ExecutionNotFound`."""
    rows = connection.execute(
        "SELECT digest, data FROM blob_uses JOIN blobs USING (digest) WHERE execution = ?",
        (number_of(connection, execution),),
    )
    return Blobs(execution, {digest: data for digest, data in rows if isinstance(data, bytes)})


def read_blob(connection: sqlite3.Connection, execution: str, digest: Digest) -> bytes | None:
    """One of them, or None; `ExecutionNotFound`."""
    found = connection.execute(
        "SELECT data FROM blob_uses JOIN blobs USING (digest) WHERE execution = ? AND digest = ?",
        (number_of(connection, execution), digest),
    ).fetchone()
    return None if found is None else bytes(found[0])


def _create(connection: sqlite3.Connection, batch: Batch, submission: Submission, owner: str) -> int:
    known = connection.execute("SELECT 1 FROM executions WHERE id = ?", (batch.execution,)).fetchone()
    if known is not None:
        raise StoreError(f"execution {batch.execution!r} exists already")
    created = batch.events[0].time if batch.events else datetime.now(UTC)
    cursor = connection.execute(
        "INSERT INTO executions (id, workflow, status, created, builds_on, asked_by, owned_by, seq, counts, size)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0, x'', 0)",
        (
            batch.execution,
            submission.workflow,
            batch.status,
            created.isoformat(),
            None if submission.reuse is None else submission.reuse.execution,
            submission.owner,
            owner,
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _continue(connection: sqlite3.Connection, execution: str, owner: str) -> tuple[int, str, int]:
    row = connection.execute(
        "SELECT number, status, seq, owned_by FROM executions WHERE id = ?", (execution,)
    ).fetchone()
    if row is None:
        raise ExecutionNotFound(f"no execution {execution!r}")
    number, status, last, owned_by = row
    if owned_by != owner:
        raise OwnershipLost(f"execution {execution!r} is owned by another orchestrator: claim it first")
    return int(number), str(status), int(last)


def _write_blobs(connection: sqlite3.Connection, number: int, blobs: Mapping[Digest, bytes]) -> None:
    connection.executemany("INSERT OR IGNORE INTO blobs VALUES (?, ?)", blobs.items())
    connection.executemany("INSERT OR IGNORE INTO blob_uses VALUES (?, ?)", ((number, digest) for digest in blobs))
