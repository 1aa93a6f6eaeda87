"""Commands of JupyterLab's page to a kernel started for a moment: to submit a notebook, or to show its data flow.

The answers are lines of JSON on standard output. The kernel is one of the notebook's own kind, so that the cells run
with the interpreter that people chose for them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from wf_jupyter.errors import WorkflowError
from wf_jupyter.notebooks.flow import flow_of
from wf_jupyter.notebooks.workflow import Notebook, links_of, notebook

#: Before an answer: importing may print, too.
MARK = "wf-jupyter:"


def submit(path: str) -> None:
    """Run what is saved; tells the execution's id."""
    try:
        book = notebook(path)
        execution = book.submit()
        _tell({"id": execution.id, "workflow": book.name})
    except WorkflowError as error:
        _tell({"error": str(error)})


def flow(path: str) -> None:
    """Tell the cells, what a run would do with each, and which names come from where."""
    try:
        _tell({"cells": cells_of(notebook(path))})
    except WorkflowError as error:
        _tell({"error": str(error)})


def cells_of(book: Notebook) -> list[dict[str, Any]]:
    """The cells as a page draws them."""
    script = book.function.script({})
    links = links_of([flow_of(cell.source) for cell in script.cells])
    return [
        {
            "number": cell.number,
            "position": cell.position,
            "label": cell.label,
            "group": cell.group,
            "decision": planned.decision,
            "sentence": planned.sentence,
            "from": [{"number": number + 1, "names": names} for number, names in sorted(link.items())],
        }
        for cell, planned, link in zip(script.cells, book.plan(), links, strict=True)
    ]


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(f"{MARK}{json.dumps(answer)}\n")
    sys.stdout.flush()
