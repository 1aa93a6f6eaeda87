"""Runs the cells of a notebook as their tasks would, in this process: no engine, no workers, real kernels."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbclient.exceptions import DeadKernelError

from wf_jupyter.notebooks.execute import CellRaised
from wf_jupyter.notebooks.history import History
from wf_jupyter.notebooks.outcome import CellOutcome
from wf_jupyter.notebooks.records import Records
from wf_jupyter.notebooks.runs import Runs
from wf_jupyter.notebooks.session import Session
from wf_jupyter.notebooks.source import Cell, Script
from wf_jupyter.private_files import make_directory

from .conftest import merged


class Driver:
    """Executions of one notebook, which share what is known of its cells."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self._folder = folder
        self._count = 0
        #: For each cell of the latest run: whether it was reused, and why or why not.
        self.reasons: list[str] = []
        self.ran: list[int] = []
        self.tracebacks: list[str] = []

    def run(self, sources: Sequence[Any], mode: Any = "reuse") -> list[Any]:
        """The outputs of each cell, up to one that raises."""
        cells = tuple(
            Cell(
                number,
                number,
                *((source[1], "cell", "", (source[0],)) if isinstance(source, tuple) else (source, "cell", "")),
            )
            for number, source in enumerate(sources, 1)
        )
        script = Script(name="book.ipynb", directory=str(self.home), cells=cells, mode=mode)
        self._count += 1
        folder = self._folder / f"session-{self._count}"
        folder.mkdir()
        records = self._folder / "records"
        make_directory(records)
        found: list[Any] = []
        self.reasons, self.ran, self.tracebacks = [], [], []
        for cell in cells:
            # As in a task of its own: nothing but what is on disk passes from one to the next.
            with Session.open(folder, script, os.getpid()) as session:
                history = History(folder, script, Records(records, script))
                try:
                    outcome = Runs(session, history, reuses=mode == "reuse").outcome(cell)
                except (CellRaised, DeadKernelError) as error:
                    found.append(getattr(error, "name", "DeadKernel"))
                    break
                found.append(shown(outcome))
                self.reasons.append(outcome.reason)
                self.tracebacks += ["\n".join(out["traceback"]) for out in outcome.outputs if "traceback" in out]
                if not outcome.is_reused:
                    self.ran.append(cell.number)
        with Session.open(folder, script, os.getpid()) as session:
            session.end()
        return found


def plain(text: str) -> str:
    """Without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def shown(outcome: CellOutcome) -> list[Any]:
    return merged(outcome.outputs)
