"""The versions of names along a notebook: which cell gave each name its value, and from what.

A version is a digest of the text of the cell that wrote it and of the versions of all that this cell read. So it says
where a value comes from without any look at the value: equal versions, equal values, whenever cells do the same again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from wf_jupyter.notebooks.facts import ALL, SETTINGS, UNBOUND, Entry, Facts
from wf_jupyter.notebooks.settings import digest


class Timeline:
    """Where each name stands after some cells."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.producers: dict[str, int] = {}
        self.uses: dict[str, tuple[str, ...]] = {}
        self.files: dict[str, tuple[int, str]] = {}
        self.chain = UNBOUND
        self.barrier: tuple[int, str] | None = None

    def copy(self) -> Timeline:
        """As it stands now; what the dicts hold does not change."""
        made = copy.copy(self)
        made.versions, made.producers = dict(self.versions), dict(self.producers)
        made.uses, made.files = dict(self.uses), dict(self.files)
        return made

    def version(self, name: str) -> str:
        """The version of a name; of one that nothing bound, what stands for that."""
        if name == ALL:
            return self.chain
        return self.versions.get(name, UNBOUND)

    def reads(self, names: Iterable[str]) -> dict[str, str]:
        """The versions of `names`, and of what functions among them look up."""
        found: dict[str, str] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.version(name)
                waiting += self.uses.get(name, ())
        return found

    def apply(self, entry: Entry, barrier: str = "") -> None:
        """The cell of `entry` has run, or counts as if it had."""
        facts = entry.facts
        self.chain = digest(self.chain, entry.key)
        for name, written in facts.writes.items():
            self._write(name, entry, written.uses)
        for name in facts.deletes:
            self.versions.pop(name, None)
            self.producers.pop(name, None)
            self.uses.pop(name, None)
        if facts.settings:
            self._write(SETTINGS, entry)
        for name in facts.drawn:
            self._write(name, entry)
        for path, stamp in facts.files_written.items():
            self.files[path] = (entry.number, stamp)
        if barrier and self.barrier is None:
            self.barrier = (entry.number, barrier)

    def _write(self, name: str, entry: Entry, uses: tuple[str, ...] = ()) -> None:
        self.versions[name] = digest(entry.key, name)
        self.producers[name] = entry.number
        self.uses[name] = uses


def key_of(source: str, reads: Mapping[str, str], facts: Facts, nonce: str) -> str:
    """The key of a run: what it came from. With a `nonce` no other run has it."""
    files = sorted(facts.files_read.items())
    return digest(source, sorted(reads.items()), files, nonce)
