"""Commands for notebooks."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wf_jupyter.cli import loading
from wf_jupyter.client.execution import Execution
from wf_jupyter.errors import InputError, StateConflict, TaskFailed, WorkflowError
from wf_jupyter.notebooks.outcome import CellOutcome, ExecutedCells
from wf_jupyter.notebooks.source import Book, read_book
from wf_jupyter.notebooks.workflow import Notebook


def is_notebook(workflow: object) -> bool:
    """Whether it is one that `wf.notebook` made."""
    return isinstance(workflow, Notebook)


def plan(asked: Namespace) -> int:
    """Print the plan of a run."""
    workflow = loading.workflow(asked.workflow)
    if not isinstance(workflow, Notebook):
        raise InputError(f"plan is for notebooks, and {asked.workflow} is none", "workflow")
    print(workflow.plan(**loading.inputs(asked.parameter)))
    return 0


def check(execution: Execution[Any], workflow: Notebook, inputs: Mapping[str, object]) -> int:
    """Run the notebook in order as well; 1 when a cell shows something else than in the execution that has ended."""
    cells = execution.result()
    in_order = workflow.with_mode("in-order").submit(**inputs).result()
    if cells.book is None or in_order.book is None or cells.book.cells != in_order.book.cells:
        raise WorkflowError(f"{workflow.function.path.name} was edited while it ran: nothing can be compared")
    differ = [one.number for one, other in zip(cells, in_order, strict=True) if not one.shows_the_same(other)]
    reused = sum(cell.is_reused for cell in cells)
    if not differ:
        print(f"in order all {len(cells)} cells show the same; {reused} of them had been reused", file=sys.stderr)
        return 0
    again = list(workflow.with_mode("in-order").submit(**inputs).result())
    steady = [n for n in differ if in_order[n - 1].shows_the_same(again[n - 1])]
    for number in differ:
        what = "shows something else" if number in steady else "shows something else each time"
        print(f"In [{number}] {what} when it runs in order: it was {cells[number - 1].how}", file=sys.stderr)
    return 1 if steady else 0


def book_of(workflow: Notebook, inputs: Mapping[str, object]) -> Book:
    """The notebook as it is now: it may be edited while it runs."""
    return read_book(workflow.function.path, inputs)


def prepare(path: Path) -> None:
    """Make the directory to write to; `InputError` when that is not possible, before anything runs."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}", "output") from None
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written", "output")


def save(execution: Execution[Any], book: Book, path: Path) -> None:
    """Write the executed notebook; after a failure as far as it came, with the error in its place."""
    if execution.status == "succeeded":
        cells: ExecutedCells = execution.result()
    else:
        cells = ExecutedCells(_outcomes(execution), book)
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
