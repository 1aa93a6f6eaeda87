"""Summaries of finished executions: how long their tasks took."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

import msgspec

from wf_jupyter.errors import Unreadable
from wf_jupyter.model.history import Experience
from wf_jupyter.store.decoding import decode
from wf_jupyter.store.log import number_of

_decoder = msgspec.msgpack.Decoder(Experience)


def write_history(connection: sqlite3.Connection, execution: str, experience: Experience) -> None:
    """Store or replace the summary; `ExecutionNotFound`."""
    number = number_of(connection, execution)
    body = msgspec.msgpack.encode(experience)
    connection.execute("INSERT OR REPLACE INTO histories (execution, body) VALUES (?, ?)", (number, body))


def read_histories(connection: sqlite3.Connection, workflow: str, before: str, limit: int) -> list[Experience]:
    """Summaries of executions of the workflow that are older than `before`, newest first."""
    rows = connection.execute(
        "SELECT body FROM executions JOIN histories ON execution = number"
        " WHERE workflow = ? AND id < ? ORDER BY id DESC LIMIT ?",
        (workflow, before, limit),
    )
    return [experience for (body,) in rows if (experience := _decode(body)) is not None]


def _decode(body: object) -> Experience | None:
    # It only says what is usual: without one of them there is less of that.
    with suppress(Unreadable):
        return decode(_decoder, body, "a history")
    return None
