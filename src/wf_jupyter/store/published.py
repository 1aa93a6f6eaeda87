"""Published workflows as rows."""

from __future__ import annotations

import logging
import sqlite3

import msgspec

from wf_jupyter.errors import Unreadable, WorkflowNotFound
from wf_jupyter.ports import Published
from wf_jupyter.store.decoding import decode

_decoder = msgspec.msgpack.Decoder(Published)
_log = logging.getLogger(__name__)


def write_workflow(connection: sqlite3.Connection, workflow: Published) -> Published:
    """Store as the newest version, unless it is the newest version already."""
    row = connection.execute(
        "SELECT body, version FROM workflows WHERE name = ? ORDER BY version DESC LIMIT 1", (workflow.name,)
    ).fetchone()
    try:
        newest = None if row is None else _decode(row[0], workflow.name)
        stored = as_stored(workflow, newest)
    except Unreadable:
        newest, stored = None, msgspec.structs.replace(as_stored(workflow, None), version=row[1] + 1)
    if stored is not newest:
        connection.execute(
            "INSERT INTO workflows VALUES (?, ?, ?)", (stored.name, stored.version, msgspec.msgpack.encode(stored))
        )
    return stored


def as_stored(workflow: Published, newest: Published | None) -> Published:
    """The workflow with its version and without environment variables; `newest` itself when nothing changed."""
    environment = msgspec.structs.replace(workflow.environment, variables={})
    if newest is not None and (workflow.code, workflow.parameters, environment) == (
        newest.code,
        newest.parameters,
        newest.environment,
    ):
        return newest
    version = 1 if newest is None else newest.version + 1
    return msgspec.structs.replace(workflow, version=version, environment=environment)


def read_workflow(connection: sqlite3.Connection, name: str, version: int | None) -> Published:
    """The newest (or that) version; `WorkflowNotFound`."""
    row = connection.execute(
        "SELECT body FROM workflows WHERE name = ? AND (? IS NULL OR version = ?) ORDER BY version DESC LIMIT 1",
        (name, version, version),
    ).fetchone()
    if row is None:
        raise not_published(name, version)
    return _decode(row[0], name)


def read_workflows(connection: sqlite3.Connection) -> list[Published]:
    """The newest version of each, by name."""
    rows = connection.execute("SELECT name, body, max(version) FROM workflows GROUP BY name ORDER BY name")
    found = []
    for name, body, _ in rows:
        try:
            found.append(_decode(body, name))
        except Unreadable as error:
            _log.warning("%s: publish it again", error)
    return found


def not_published(name: str, version: int | None) -> WorkflowNotFound:
    """The error for a name, or a version of it, that nobody published."""
    which = f"workflow {name!r}" if version is None else f"version {version} of workflow {name!r}"
    return WorkflowNotFound(f"no {which} was published")


def _decode(body: object, name: str) -> Published:
    return decode(_decoder, body, f"the published workflow {name!r}")
