"""Published workflows as rows."""

from __future__ import annotations

import sqlite3

import msgspec

from wf_jupyter.errors import WorkflowNotFound
from wf_jupyter.ports import Published


def write_workflow(connection: sqlite3.Connection, workflow: Published) -> Published:
    """Store as the newest version, unless it is the newest version already."""
    row = connection.execute(
        "SELECT body FROM workflows WHERE name = ? ORDER BY version DESC LIMIT 1", (workflow.name,)
    ).fetchone()
    newest = None if row is None else _decode(row[0])
    stored = as_stored(workflow, newest)
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
    return _decode(row[0])


def read_workflows(connection: sqlite3.Connection) -> list[Published]:
    """The newest version of each, by name."""
    rows = connection.execute("SELECT body, max(version) FROM workflows GROUP BY name ORDER BY name")
    return [_decode(body) for body, _ in rows]


def not_published(name: str, version: int | None) -> WorkflowNotFound:
    """The error for a name, or a version of it, that nobody published."""
    which = f"workflow {name!r}" if version is None else f"version {version} of workflow {name!r}"
    return WorkflowNotFound(f"no {which} was published")


def _decode(body: bytes) -> Published:
    return msgspec.msgpack.decode(body, type=Published)
