"""The state that a notebook keeps of an execution that a server runs: id, snapshot in short, and still pictures.

The JupyterLab extension finds the execution by this and shows it live, with no kernel. Everybody else
sees the pictures. Inputs, results and tracebacks are left out: notebooks are sent around.
"""

from __future__ import annotations

import base64
from html import escape
from typing import Any

import msgspec

from wf_jupyter.model.snapshot import Snapshot, TaskSnapshot
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.render.discreet import discreet_failure
from wf_jupyter.render.html import snapshot_html
from wf_jupyter.render.pdf import encode_pdf
from wf_jupyter.render.svg import snapshot_svg

EXECUTION_TYPE = "application/vnd.wf-jupyter.execution+json"
VERSION = 1

#: Bytes of JSON up to which all tasks are named; of a larger graph only those that failed are.
_WHOLE = 32 * 1024
_MANY = 50


def stored_bundle(snapshot: Snapshot, server_id: str) -> dict[str, Any]:
    """MIME types and contents of one state; the same state gives the same contents."""
    return {
        EXECUTION_TYPE: {
            "version": VERSION,
            "id": snapshot.id,
            "server_id": server_id,
            "workflow": snapshot.workflow,
            "snapshot": stored_snapshot(snapshot),
        },
        **stored_pictures(snapshot),
    }


def stored_pictures(snapshot: Snapshot) -> dict[str, str]:
    """The graph with its states, for readers of SVG, HTML and LaTeX; the HTML has the failure and the id as well."""
    picture = snapshot_svg(snapshot)
    return {
        "image/svg+xml": picture,
        "text/html": _html(snapshot, picture),
        "application/pdf": encode_pdf(picture),
    }


def _html(snapshot: Snapshot, picture: str) -> str:
    """The picture as an image, the table, and the id: viewers that prefer HTML show no other type.

    A sanitizer that takes the image away leaves the table, which says the same.
    """
    data = base64.b64encode(picture.encode()).decode()
    status = "as it was submitted" if snapshot.status is ExecutionStatus.PENDING else snapshot.status.value
    alt = escape(f"The graph of {snapshot.workflow}: {status}")
    image = f'<p><img alt="{alt}" src="data:image/svg+xml;base64,{data}"></p>'
    began = snapshot.created.strftime("%d %b %Y, %H:%M UTC")
    return f"<div>{image}{snapshot_html(snapshot)}<p>execution <code>{escape(snapshot.id)}</code> · {began}</p></div>"


def stored_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as JSON without inputs and results; of a large graph only groups, counts and failures."""
    short = msgspec.structs.replace(
        snapshot,
        inputs={},
        result=None,
        parked=None,
        failed=snapshot.failed[:_MANY],
        groups=snapshot.groups[:_MANY],
        tasks=[_short(task) for task in snapshot.tasks],
    )
    if len(snapshot.groups) > _MANY or len(msgspec.json.encode(short)) > _WHOLE:
        failed = [task for task in short.tasks if task.status is TaskStatus.FAILED]
        short = msgspec.structs.replace(
            short,
            tasks=[msgspec.structs.replace(task, dependencies=()) for task in failed[:_MANY]],
            groups=[msgspec.structs.replace(group, dependencies=()) for group in short.groups],
        )
    content: dict[str, Any] = msgspec.to_builtins(short)
    return content


def _short(task: TaskSnapshot) -> TaskSnapshot:
    return msgspec.structs.replace(task, worker="", progress=None, result=None, error=discreet_failure(task.error))
