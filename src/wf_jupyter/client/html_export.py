"""An execution as a file of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from wf_jupyter.errors import WorkflowError
from wf_jupyter.model.events import Event
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.render.standalone import standalone_html
from wf_jupyter.render.svg import snapshot_svg

BUNDLE = Path(__file__).parent.parent / "static" / "widget.js"


def write_html(snapshot: Snapshot, events: Sequence[Event], path: str | os.PathLike[str]) -> Path:
    """Write an execution with all its events to one HTML file; `WorkflowError` when the view is not installed."""
    if not BUNDLE.exists():
        raise WorkflowError("the view was not built: reinstall wf_jupyter, or run `npm run build` in its frontend")
    recording: dict[str, Any] = {
        "execution_id": snapshot.id,
        "workflow": snapshot.workflow,
        "epoch": snapshot.epoch,
        "created": snapshot.created,
        "events": events,
    }
    target = Path(path)
    code = BUNDLE.read_text(encoding="utf-8")
    page = standalone_html(snapshot.workflow, code, msgspec.json.encode(recording), snapshot_svg(snapshot))
    target.write_text(page, encoding="utf-8")
    return target
