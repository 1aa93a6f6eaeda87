"""State that the cells of one execution share: the trunk, how far it is, and what the cells did.

Each cell is a task of its own, in whichever worker is free, and each brings the trunk to where it must be: if it is
there already, which is the rule, nothing happens; if it was lost with a server or by a cancel, or cells above were
reused, what the cell builds on runs again. So nothing depends on the trunk's life, and a retry is a task as any other.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from nbclient.exceptions import DeadKernelError

from wf_jupyter.context import progress
from wf_jupyter.notebooks.exchange import FACTS, LOCK, ORDERS
from wf_jupyter.notebooks.execute import CellRaised, CellTooSlow, execute
from wf_jupyter.notebooks.facts import Facts, Orders, is_module_name
from wf_jupyter.notebooks.outcome import CellOutcome
from wf_jupyter.notebooks.process import Trunk
from wf_jupyter.notebooks.source import Cell, Script
from wf_jupyter.private_files import open_file

_STEPS, _BEGUN = "steps.json", "begun"


class Session:
    """The shared state, held by the one task that works with it.

    `steps` is what the trunk has done: `["run", number]`, `["load", name, version]` and `["forget", name]`; names that
    a cell bound before it failed are `["left", name]` until the next cell has run.
    """

    def __init__(self, folder: Path, script: Script, owner: int) -> None:
        self.folder = folder
        self.script = script
        self._owner = owner
        self.trunk = Trunk.find(folder, owner)
        self.steps: list[list[Any]] = []
        self._read_steps()

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

    @property
    def done(self) -> list[int]:
        """The cells that the trunk has run, in order."""
        return [step[1] for step in self.steps if step[0] == "run"]

    # -- running ----------------------------------------------------------------------------------

    def execute(
        self, cell: Cell, orders: Orders | None, *, is_shown: bool, before: Sequence[list[Any]] = ()
    ) -> tuple[CellOutcome, Facts | None]:
        """Run a cell in the trunk; with orders, say what it did. `before` are the steps that the orders ask for.

        Raises what `execute.execute` raises.

        When it raises, the trunk has ended: what a cell left that did not end well, nobody may build on. Unless it was
        seen to have left new names only, which are taken away again: then a retry finds all that ran before.
        """
        if self.trunk is None:
            self.trunk = Trunk.start(self.folder, self.script.directory, self._owner)
            self._write_steps([])
        steps = [step for step in self.steps if step[0] != "left"]
        if orders is not None:
            remains = [step[1] for step in self.steps if step[0] == "left"]
            orders = msgspec.structs.replace(orders, forget=tuple(dict.fromkeys((*orders.forget, *remains))))
        self._write_steps(None)  # until it has ended well
        self._give(orders)
        try:
            outcome = execute(self.trunk, cell, seconds=self._seconds(), is_shown=is_shown)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | CellTooSlow):
                self.trunk.interrupt()  # user code may want to tidy up
            if not isinstance(error, CellRaised | DeadKernelError):
                self._let_it_end()
            if isinstance(error, CellRaised) and (left := _new_names(self._facts())) is not None:
                self._write_steps([*steps, *before, *(["left", name] for name in left)])
            else:
                self.end()
            raise
        self._write_steps([*steps, *before, ["run", cell.number]])
        return outcome, self._facts()

    def replay(self, cells: Sequence[Cell]) -> None:
        """Bring the trunk to the state after `cells`, unobserved."""
        wanted = [cell.number for cell in cells]
        if any(step[0] != "run" for step in self.steps):
            self.end()
        if self.trunk is None or not self.trunk.is_alive or self.done != wanted[: len(self.done)]:
            self.end()
        missing = cells[len(self.done) :]
        for count, cell in enumerate(missing):
            self.tell_again(count, len(missing), cell)
            self.execute(cell, None, is_shown=False)

    @staticmethod
    def tell_again(count: int, total: int, cell: Cell) -> None:
        """Tell people that a cell above runs once more."""
        progress(count, total, f"again: In [{cell.number}] {cell.label}")

    def _give(self, orders: Orders | None) -> None:
        path = self.folder / ORDERS
        if orders is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(msgspec.json.encode(orders))
        (self.folder / FACTS).unlink(missing_ok=True)

    def _facts(self) -> Facts | None:
        try:
            return msgspec.json.decode((self.folder / FACTS).read_bytes(), type=Facts)
        except (OSError, msgspec.MsgspecError):
            return None

    def _seconds(self) -> float | None:
        limits = [] if self.script.cell_timeout is None else [self.script.cell_timeout]
        if self.script.timeout is not None:
            limits.append(max(0.0, self._begin_time() + self.script.timeout - time.time()))
        return min(limits, default=None)

    def _begin_time(self) -> float:
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
        self._write_steps([])

    # -- how far it is ----------------------------------------------------------------------------

    def _read_steps(self) -> None:
        if self.trunk is None:
            return
        try:
            record = json.loads((self.folder / _STEPS).read_text())
        except (OSError, ValueError):
            record = None
        if record is None or record["pid"] != self.trunk.pid or record["steps"] is None:
            self.trunk.end()  # it was left in the midst of a cell
            self.trunk = None
            return
        self.steps = list(record["steps"])

    def _write_steps(self, steps: list[list[Any]] | None) -> None:
        new = self.folder / (_STEPS + ".new")
        new.write_text(json.dumps({"pid": self.trunk.pid if self.trunk else 0, "steps": steps}))
        new.replace(self.folder / _STEPS)
        self.steps = steps or []


def _new_names(facts: Facts | None) -> list[str] | None:
    """The names that a cell bound, if these are all that it left and nothing had them before; else None."""
    if facts is None or any(map(is_module_name, facts.writes)):
        return None  # a module stays
    if facts.deletes or facts.settings or facts.drawn or facts.files_written or facts.barrier:
        return None
    return [*facts.writes] if all(written.is_new for written in facts.writes.values()) else None
