"""The cells of one execution so far, and what follows for the next: reuse, or what it needs to run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from wf_jupyter.notebooks.facts import ALL, SETTINGS, UNBOUND, Entry, Record, module_name
from wf_jupyter.notebooks.flow import flow_of, identifiers
from wf_jupyter.notebooks.records import Records
from wf_jupyter.notebooks.rules import rules_of
from wf_jupyter.notebooks.source import Cell, Script
from wf_jupyter.notebooks.stamps import stamp
from wf_jupyter.notebooks.timeline import Timeline


class Unknown(Exception):
    """Raised where it cannot be said what a cell builds on, but everything above it."""


class History:
    """Entries of cells, kept in the session's directory if there is one, and the timeline that they make."""

    def __init__(self, folder: Path | None, script: Script, records: Records) -> None:
        self._folder = None if folder is None else folder / "cells"
        self.script = script
        self.records = records
        self.entries: dict[int, Entry] = {}
        self._lines: list[Timeline] = [Timeline()]
        self._whole = next(
            ((cell.number, rules.whole) for cell in script.cells if (rules := rules_of(cell)).whole), None
        )
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._read(self._folder)

    # -- entries ----------------------------------------------------------------------------------

    def _read(self, folder: Path) -> None:
        for cell in self.script.cells:
            try:
                entry = msgspec.json.decode((folder / f"{cell.number}.json").read_bytes(), type=Entry)
            except (OSError, msgspec.MsgspecError):
                return
            self._apply(entry)

    def add(self, entry: Entry) -> None:
        """The cell after those that are known has its outcome."""
        if self._folder is not None:
            new = self._folder / f"{entry.number}.{os.getpid()}"
            new.write_bytes(msgspec.json.encode(entry))
            new.replace(self._folder / f"{entry.number}.json")
        for number in [number for number in self.entries if number >= entry.number]:
            del self.entries[number]  # a retry: what came after it is history of another run
        del self._lines[entry.number :]
        self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        line = self._lines[entry.number - 1].copy()
        line.apply(entry, self.barrier(self.script.cells[entry.number - 1]))
        self.entries[entry.number] = entry
        self._lines.append(line)

    def knows(self, number: int) -> bool:
        """Whether all cells above it are known."""
        return len(self._lines) >= number

    def before(self, number: int) -> Timeline:
        """Where names stand before a cell."""
        return self._lines[number - 1]

    # -- decisions --------------------------------------------------------------------------------

    def barrier(self, cell: Cell) -> str:
        """Reason why a cell, and all below it, runs in order; empty when it need not."""
        if self._whole is not None:
            number, why = self._whole
            return why if number == cell.number else f"In [{number}]: {why}"
        above = self.before(cell.number).barrier if self.knows(cell.number) else None
        if above is not None:
            return above[1] if above[1].startswith("In [") else f"In [{above[0]}]: {above[1]}"
        entry = self.entries.get(cell.number)
        return rules_of(cell).in_order or ("" if entry is None else ", ".join(entry.facts.barrier))

    def names(self, cell: Cell) -> set[str]:
        """Names that a cell's text mentions so that it may look them up."""
        flow = flow_of(cell.source)
        return set(flow.reads | flow.changes) | identifiers(flow.texts) | {module_name(each) for each in flow.imports}

    def find(self, cell: Cell) -> tuple[Record | None, str]:
        """A record that holds now, or why there is none: a sentence with the name that caused it."""
        known = self.records.of(cell)
        if not known:
            return None, "its text is new"
        reasons = [list(self._mismatches(cell, record)) for record in known]
        for record, wrong in zip(known, reasons, strict=True):
            if not wrong:
                return record, "its text and all that it reads are as they were"
        return None, min(reasons, key=len)[0]

    def _mismatches(self, cell: Cell, record: Record) -> Iterator[str]:
        line, barrier = self.before(cell.number), self.barrier(cell)
        if barrier and ALL not in record.reads:
            yield f"it runs in order, because {barrier}"
        for name, version in sorted(record.reads.items()):
            if line.version(name) != version:
                yield self._explain_change(line, name, barrier)
        for path, then in record.facts.files_read.items():
            if stamp(path) != then:
                yield f"the file {Path(path).name} changed"
        for path, then in record.facts.files_written.items():
            if stamp(path) != then:
                yield f"the file {Path(path).name} is not as it left it"

    def _explain_change(self, line: Timeline, name: str, barrier: str) -> str:
        producer = line.producers.get(name)
        if name == ALL:
            return f"it runs in order, because {barrier}; and a cell above it ran" if barrier else "a cell above it ran"
        if name.startswith("@"):
            what = "settings" if name == SETTINGS else f"the state of {name[1:]}"
            if name == SETTINGS and producer is not None:
                what = " and ".join(self.entries[producer].facts.settings[:2]) or what
            return f"{what} may differ" + ("" if producer is None else f": In [{producer}] ran")
        if producer is None:
            return f"{name} is not bound above it any more"
        return f"{name} comes from In [{producer}], which ran"

    # -- what a run needs -------------------------------------------------------------------------

    def reads(self, cell: Cell) -> dict[str, str]:
        """At which versions a cell is to find what it may look up."""
        if cell.number in self.entries:
            return self.entries[cell.number].reads
        return self.before(cell.number).reads({*self.names(cell), SETTINGS, *self._expected_names(cell)})

    def _expected_names(self, cell: Cell) -> Iterable[str]:
        """Names that the cell read when it ran before, under whatever versions."""
        return (name for record in self.records.of(cell)[:1] for name in record.reads if name != ALL)

    def needs(self, cell: Cell, present: Timeline, *, loads: bool) -> list[int]:
        """Cells to run again, so that this one finds what it reads where `present` is what the trunk has.

        Raises `Unknown` when everything above it must.
        """
        if self.barrier(cell):
            raise Unknown
        producers = {line.version(name): n for line in self._lines for name, n in line.producers.items()}
        found: set[int] = set()
        waiting = list(self.reads(cell).items())
        while waiting:
            name, version = waiting.pop()
            if version == UNBOUND or present.version(name) == version:
                continue
            producer = producers.get(version)
            if producer is None or name == ALL:
                raise Unknown
            if producer in found or (loads and self.find_stored(name, version)):
                continue
            found.add(producer)
            waiting += self.entries[producer].reads.items()
        return sorted(found)

    def find_stored(self, name: str, version: str) -> str:
        """The file of a value that can be loaded; empty when the cell must run that makes it."""
        if any(rules_of(cell).compares_identity for cell in self.script.cells):
            return ""
        for line in reversed(self._lines):
            if line.versions.get(name) == version:
                written = self.entries[line.producers[name]].facts.writes.get(name)
                stored = "" if written is None else written.stored
                return stored if stored and Path(stored).exists() else ""
        return ""

    def stale(self, cell: Cell, present: Timeline) -> list[str]:
        """Names that the trunk has, but not as the cell is to find them."""
        line = self.before(cell.number)
        return [name for name, version in present.versions.items() if line.version(name) != version and name[0] != "@"]

    def loadable(self, cell: Cell, present: Timeline) -> Mapping[str, str]:
        """Files of values that the cell reads and that the trunk lacks."""
        return {
            name: stored
            for name, version in self.reads(cell).items()
            if present.version(name) != version and (stored := self.find_stored(name, version))
        }
