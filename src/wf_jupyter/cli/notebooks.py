"""What the command line does with notebooks only."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wf_jupyter.client.execution import Execution
from wf_jupyter.errors import StateConflict, TaskFailed, WorkflowError
from wf_jupyter.notebook.outcome import CellOutcome, ExecutedCells
from wf_jupyter.notebook.source import read_book
from wf_jupyter.notebook.workflow import Notebook


def is_notebook(workflow: object) -> bool:
    """Whether it is one that `wf.notebook` made."""
    return isinstance(workflow, Notebook)


def save(execution: Execution[Any], workflow: Notebook, inputs: Mapping[str, object], path: Path) -> None:
    """Write the executed notebook; after a failure as far as it came, with the error in its place."""
    if execution.status == "succeeded":
        cells: ExecutedCells = execution.result()
    else:
        cells = ExecutedCells(_outcomes(execution), read_book(workflow.function.path, inputs))
    try:
        cells.save(path)
    except OSError as error:
        raise WorkflowError(f"{path} cannot be written: {error.strerror or error}") from error
    print(f"wrote {path}", file=sys.stderr)


def _outcomes(execution: Execution[Any]) -> Iterator[CellOutcome]:
    for task in execution.tasks.values():
        try:
            yield task.result()
        except StateConflict:  # it did not run
            continue
        except TaskFailed as error:
            outcome = getattr(error.__cause__, "outcome", None)
            if isinstance(outcome, CellOutcome):
                yield outcome
