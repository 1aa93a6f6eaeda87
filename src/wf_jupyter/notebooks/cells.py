"""The code of a cell's task."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wf_jupyter.context import current_task
from wf_jupyter.errors import CellFailed, WorkflowError
from wf_jupyter.notebooks.outcome import CellOutcome
from wf_jupyter.notebooks.source import Cell, Script

if TYPE_CHECKING:
    from wf_jupyter.notebooks.session import Session

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def run_cell(script: Script, number: int, secrets: Mapping[str, object] | None = None) -> CellOutcome:
    """Run one cell of a notebook, or take what is known of it; `CellFailed` when it raises.

    Secrets travel apart, sealed, and are put into the text of their cell here.
    """
    try:
        from nbclient.exceptions import DeadKernelError

        from wf_jupyter.notebooks.execute import CellRaised, CellTooSlow
        from wf_jupyter.notebooks.places import session_folder
        from wf_jupyter.notebooks.session import Session as Sessions
    except ImportError as error:
        raise ImportError(f"notebooks need {error.name}: pip install 'wf_jupyter[notebooks]'") from None
    task = current_task()
    if task is None:
        raise WorkflowError("a cell of a notebook runs as a task only")
    script = script.with_secrets(secrets or {})
    cell = script.cells[number - 1]
    owner = os.getpid() if task.is_inline else os.getppid()
    with Sessions.open(session_folder(task.execution), script, owner) as session:
        try:
            outcome = _outcome(session, cell)
        except CellRaised as error:
            failed = _cell_failure(script, cell, error.name, error.value, error.traceback)
            failed.outcome = error.outcome
            raise failed from None
        except CellTooSlow as error:
            raise _cell_failure(script, cell, "CellTimeout", str(error), []) from None
        except DeadKernelError:
            message = "the cell ended its process, or the system did (out of memory?)"
            raise _cell_failure(script, cell, "DeadKernel", message, []) from None
        if number == len(script.cells):
            session.end()
    return outcome


def _outcome(session: Session, cell: Cell) -> CellOutcome:
    from wf_jupyter.notebooks.history import History
    from wf_jupyter.notebooks.places import records_folder
    from wf_jupyter.notebooks.records import Records
    from wf_jupyter.notebooks.runs import Runs

    script = session.script
    if script.mode != "in-order":
        history = History(session.folder, script, Records(records_folder(), script))
        if history.knows(cell.number):
            return Runs(session, history, reuses=script.mode == "reuse").outcome(cell)
    session.replay(script.cells[: cell.number - 1])
    return session.execute(cell, None, is_shown=True)[0]


def _cell_failure(script: Script, cell: Cell, name: str, value: str, traceback: list[str]) -> CellFailed:
    failed = CellFailed(f"{name}: {value} (In [{cell.number}] of {script.name})")
    if traceback:
        failed.add_note(_COLOURS.sub("", "\n".join(traceback)))
    return failed
