"""Records of cells between executions: for each text of a cell how it ran, under which versions of its inputs."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from pathlib import Path

import msgspec

from wf_jupyter.notebooks.facts import Record
from wf_jupyter.notebooks.settings import digest
from wf_jupyter.notebooks.source import Cell, Script
from wf_jupyter.private_files import make_directory
from wf_jupyter.version import VERSION

#: Of one text: a notebook is run with some parameters, and the same line stands in several cells.
_KEPT = 12


#: Raised when what is observed of a cell changes: what was kept before is not trusted any more.
_OBSERVATION = 3


class Records:
    """Records of one directory of notebooks and one interpreter."""

    def __init__(self, folder: Path, script: Script) -> None:
        self._folder = folder
        self._place = (script.directory, sys.executable, sys.version, platform.machine(), VERSION, _OBSERVATION)
        self.values = folder / "values"
        make_directory(self.values)

    def of(self, cell: Cell) -> list[Record]:
        """Records of runs of this text, the latest first."""
        try:
            return msgspec.json.decode(self._path(cell).read_bytes(), type=list[Record])
        except (OSError, msgspec.MsgspecError):
            return []  # nothing is known, or not by this version

    def add(self, cell: Cell, record: Record) -> None:
        """Keep how it ran."""
        known = [each for each in self.of(cell) if each.key != record.key]
        self._write(cell, [record, *known][:_KEPT])

    def drop(self, cell: Cell, key: str) -> None:
        """Forget a run that did not come out the same again."""
        self._write(cell, [each for each in self.of(cell) if each.key != key])

    def _write(self, cell: Cell, records: list[Record]) -> None:
        path = self._path(cell)
        new = path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):  # a full disk costs reuse, not the run
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(msgspec.json.encode(records))
            new.replace(path)

    def _path(self, cell: Cell) -> Path:
        return self._folder / f"{digest(*self._place, cell.source, cell.tags)}.json"
