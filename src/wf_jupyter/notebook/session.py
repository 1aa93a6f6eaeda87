"""What the cells of one execution share: the trunk, and how far it is.

Each cell is a task of its own, in whichever worker is free, and each brings the trunk to where it must be: if it is
there already, which is the rule, nothing happens; if it was lost with a server or by a cancel, a new one runs again
what the cell builds on. So nothing depends on the trunk's life, and a retry is a task as any other.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nbclient.exceptions import DeadKernelError

from wf_jupyter.context import progress
from wf_jupyter.notebook.execute import CellRaised, CellTooSlow, execute
from wf_jupyter.notebook.outcome import CellOutcome
from wf_jupyter.notebook.process import Trunk
from wf_jupyter.notebook.source import Cell, Script
from wf_jupyter.notebook.trunk import LOCK
from wf_jupyter.private_files import open_file

_DONE, _BEGUN = "done.json", "begun"


class Session:
    """The shared state, held by the one task that works with it."""

    def __init__(self, folder: Path, script: Script, owner: int) -> None:
        self.folder = folder
        self.script = script
        self._owner = owner
        self.trunk = Trunk.find(folder, owner)
        self.done: list[int] = self._read_done()

    @classmethod
    @contextmanager
    def open(cls, folder: Path, script: Script, owner: int) -> Iterator[Session]:
        """Wait until no other task of the execution uses it, and keep it until the block ends.

        The trunk ends by itself when the lock goes while a cell runs: then nobody waits for that cell any more.
        """
        lock = open_file(folder / LOCK, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield cls(folder, script, owner)
        finally:
            os.close(lock)

    # -- running ----------------------------------------------------------------------------------

    def run(self, cell: Cell) -> CellOutcome:
        """Run a cell in the trunk, as it comes after `done`. Raises what `execute` raises; then the trunk has ended."""
        return self._execute(cell, is_shown=True)

    def replay(self, cells: Sequence[Cell]) -> None:
        """Bring the trunk to the state after `cells`, running again those it has not run."""
        wanted = [cell.number for cell in cells]
        if self.trunk is None or not self.trunk.is_alive or self.done != wanted[: len(self.done)]:
            self.end()
        missing = cells[len(self.done) :]
        for count, cell in enumerate(missing):
            progress(count, len(missing), f"again: In [{cell.number}] {cell.label}")
            self._execute(cell, is_shown=False)

    def _execute(self, cell: Cell, *, is_shown: bool) -> CellOutcome:
        if self.trunk is None:
            self.trunk = Trunk.start(self.folder, self.script.directory, self._owner)
            self._write_done([])
        done = self.done
        self._write_done(None)  # until it has ended well, nobody may build on what it left
        try:
            outcome = execute(self.trunk, cell, seconds=self._seconds(), is_shown=is_shown)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | CellTooSlow):
                self.trunk.interrupt()  # user code may want to tidy up
            if not isinstance(error, CellRaised | DeadKernelError):
                self._let_it_end()
            self.end()
            raise
        self._write_done([*done, cell.number])
        return outcome

    def _seconds(self) -> float | None:
        limits = [] if self.script.cell_timeout is None else [self.script.cell_timeout]
        if self.script.timeout is not None:
            limits.append(max(0.0, self._begun() + self.script.timeout - time.time()))
        return min(limits, default=None)

    def _begun(self) -> float:
        path = self.folder / _BEGUN
        if not path.exists():
            path.write_text(repr(time.time()))
        return float(path.read_text())

    def _let_it_end(self) -> None:
        until = time.monotonic() + 1.0
        while self.trunk is not None and self.trunk.is_alive and time.monotonic() < until:
            time.sleep(0.05)

    def end(self) -> None:
        """End the trunk, if there is one."""
        if self.trunk is not None:
            self.trunk.end()
        self.trunk = None
        self._write_done([])

    # -- how far it is ----------------------------------------------------------------------------

    def _read_done(self) -> list[int]:
        if self.trunk is None:
            return []
        try:
            told = json.loads((self.folder / _DONE).read_text())
        except (OSError, ValueError):
            told = None
        if told is None or told["pid"] != self.trunk.pid or told["done"] is None:
            self.trunk.end()  # it was left in the midst of a cell
            self.trunk = None
            return []
        return list(told["done"])

    def _write_done(self, done: list[int] | None) -> None:
        new = self.folder / (_DONE + ".new")
        new.write_text(json.dumps({"pid": self.trunk.pid if self.trunk else 0, "done": done}))
        new.replace(self.folder / _DONE)
        self.done = done or []
