"""Runs of cells: an outcome is reused from records, or made where all that the cell reads is as in a run in order."""

from __future__ import annotations

import dataclasses
import re
import time
import uuid
from collections.abc import Container, Iterator
from datetime import datetime
from typing import Any

import msgspec
import nbformat
from nbclient.exceptions import DeadKernelError

from wf_jupyter.dsl.cells import forward
from wf_jupyter.notebooks.execute import CellRaised
from wf_jupyter.notebooks.facts import ALL, SETTINGS, UNBOUND, Entry, Facts, Orders, Record
from wf_jupyter.notebooks.flow import code_of, flow_of
from wf_jupyter.notebooks.history import History, Unknown
from wf_jupyter.notebooks.outcome import CellOutcome
from wf_jupyter.notebooks.rules import rules_of
from wf_jupyter.notebooks.session import Session
from wf_jupyter.notebooks.settings import COUNTERS
from wf_jupyter.notebooks.source import Cell
from wf_jupyter.notebooks.timeline import Timeline, key_of

_UNOBSERVED = Facts(never=("nothing was observed of it",), barrier=("nothing was observed of it",))
_PRESENT = (
    *("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d %b %Y", "%b %d, %Y", "%a, %d %b %Y"),
    *("%d %B %Y", "%B %d, %Y", "%Y%m%d", "%a %b %d", "%H:%M"),
)


class Violated(Exception):
    """A cell met something that was not as in a run in order."""


class Runs:
    """The cells of one execution, one after another."""

    def __init__(self, session: Session, history: History, *, reuses: bool) -> None:
        self._session = session
        self._history = history
        self._reuses = reuses

    def outcome(self, cell: Cell) -> CellOutcome:
        """Reuse the cell or run it; raises what `execute` raises when it fails."""
        never = rules_of(cell).never
        why = f"{never}, so it runs each time" if never else "everything runs"
        if self._reuses and not never:
            record, why = self._history.find(cell)
            if record is not None:
                return self._reuse(cell, record, why)
        outcome, facts = self._run(cell)
        return self._conclude(cell, outcome, facts, why)

    def _reuse(self, cell: Cell, record: Record, why: str) -> CellOutcome:
        outcome = CellOutcome(**{**record.outcome, "number": cell.number, "is_reused": True, "reason": why})
        self._history.add(
            Entry(number=cell.number, key=record.key, reads=record.reads, facts=record.facts, is_reused=True)
        )
        _show(outcome)
        return outcome

    # -- running ----------------------------------------------------------------------------------

    def _run(self, cell: Cell) -> tuple[CellOutcome, Facts]:
        above = [each.number for each in self._history.script.cells[: cell.number - 1]]
        if self._session.trunk is None or not self._session.trunk.is_alive:
            self._session.end()
        if self._session.done != above:
            try:
                return self._run_apart(cell)
            except (Unknown, Violated):
                pass
            except (CellRaised, DeadKernelError):
                pass  # it may have missed something; whether it fails in order as well is seen next
        self._run_above(cell)
        outcome, facts = self._session.execute(cell, self._orders(cell), is_shown=True)
        return outcome, facts or _UNOBSERVED

    def _run_above(self, cell: Cell) -> None:
        """Bring the trunk to where it is in a run in order: every cell above has run."""
        above = self._history.script.cells[: cell.number - 1]
        wanted = [each.number for each in above]
        steps = self._session.steps
        if (
            any(step[0] not in ("run", "left") for step in steps)
            or self._session.done != wanted[: len(self._session.done)]
        ):
            self._session.end()
        for count, each in enumerate(above[len(self._session.done) :]):
            self._session.tell_again(count, len(above), each)
            self._session.execute(each, self._orders(each), is_shown=False)

    def _run_apart(self, cell: Cell) -> tuple[CellOutcome, Facts]:
        """Run the cell after those alone whose work it needs. What it shows is held back until all is seen to be well.

        Raises `Unknown` and `Violated` when that is not enough.
        """
        present = self._present()
        needed = self._history.needs(cell, present, loads=True)
        if needed and max(self._session.done, default=0) >= needed[0]:
            self._session.end()  # it is past a cell that it needs
            present = self._present()
            needed = self._history.needs(cell, present, loads=True)
        for count, number in enumerate(needed):
            above = self._history.script.cells[number - 1]
            self._session.tell_again(count, len(needed), above)
            _, facts = self._step(above)
            if not _is_same(facts, self._history.entries[number].facts):
                self._history.records.drop(above, self._history.entries[number].key)
                raise Violated
        outcome, facts = self._step(cell)
        _show(outcome)
        return outcome, facts

    def _step(self, cell: Cell) -> tuple[CellOutcome, Facts]:
        present = self._present()
        stale = self._history.stale(cell, present)
        files = self._history.loadable(cell, present)
        line = self._history.before(cell.number)
        orders = msgspec.structs.replace(self._orders(cell), forget=tuple(stale), load=dict(files))
        before = [["forget", name] for name in stale] + [["load", name, line.version(name)] for name in files]
        outcome, facts = self._session.execute(cell, orders, is_shown=False, before=before)
        if facts is None:
            raise Violated
        facts = _without_imports(facts, line)
        self._check(cell, facts, present, files)
        return outcome, facts

    def _check(self, cell: Cell, facts: Facts, present: Timeline, loaded: Container[str]) -> None:
        """`Violated` when what the cell met is not what `present`, where the trunk stood, was prepared for."""
        line = self._history.before(cell.number)
        for name in facts.reads:
            if line.version(name) not in (UNBOUND, present.version(name)) and name not in loaded:
                raise Violated
        for name in facts.drawn:
            if name not in facts.seeded and present.version(name) != line.version(name):
                raise Violated
        if present.version(SETTINGS) != line.version(SETTINGS):
            raise Violated
        reached = {name for name, written in facts.writes.items() if written.is_changed}
        for name, number in sorted(line.producers.items(), key=lambda item: item[1]):
            # What was made of a value that changed may hold it, and was not there to be looked at.
            if reached & self._history.entries[number].reads.keys():
                reached.add(name)
                if name[0] != "@" and present.version(name) != line.version(name):
                    raise Violated
        for path, stamp in facts.files_read.items():
            if path in line.files and line.files[path][1] != stamp:
                raise Violated
        if facts.barrier:
            raise Violated

    def _present(self) -> Timeline:
        """The timeline of the trunk."""
        line = Timeline()
        for step in self._session.steps:
            match step:
                case ["run", number]:
                    if number in self._history.entries:
                        line.apply(self._history.entries[number])
                case ["load", name, version]:
                    line.versions[name] = version
                case ["forget", name]:
                    line.versions.pop(name, None)
        return line

    def _orders(self, cell: Cell) -> Orders:
        flow = flow_of(cell.source)
        return Orders(
            number=cell.number,
            reads=tuple(sorted(self._history.names(cell))),
            binds=tuple(sorted(flow.binds)),
            changes=tuple(sorted(flow.changes | (flow.reads if {"setattr", "delattr"} & flow.reads else set()))),
            calls=rules_of(cell).calls,
            handed=tuple(sorted(flow.handed)),
            inside=tuple(sorted(flow.inside)),
            has_frames=rules_of(cell).has_frames,
            seeds=rules_of(cell).seeds,
            asks=rules_of(cell).asks,
            is_varying=bool(rules_of(cell).never),
            values=str(self._history.records.values),
        )

    # -- what it came to --------------------------------------------------------------------------

    def _conclude(self, cell: Cell, outcome: CellOutcome, facts: Facts, why: str) -> CellOutcome:
        if "wf:leaf" in cell.tags:
            facts = msgspec.structs.replace(facts, writes={}, deletes=(), settings=(), barrier=())
        line = self._history.before(cell.number)
        barrier = self._history.barrier(cell)
        facts = _without_imports(facts, line)
        drawn = [name for name in facts.drawn if name not in facts.seeded]
        never = [*facts.never, *_varies(outcome)]
        never += [f"it draws from the state of {name[1:]}, which nothing seeds" for name in drawn
                  if line.version(name) == UNBOUND and name not in COUNTERS]  # fmt: skip
        if rule := rules_of(cell).never:
            never.insert(0, rule)
        if barrier or facts.barrier:
            reads = {ALL: line.version(ALL)}
        else:
            reads = {name: line.version(name) for name in (*facts.reads, SETTINGS, *drawn)}
        nonce = ""
        if never:
            # It runs each time; what reads what it leaves runs again if that is not the same as before.
            is_seen = facts.values and not (barrier or facts.barrier or facts.settings or drawn or facts.files_written)
            nonce = facts.values if is_seen and "wf:always" not in cell.tags else uuid.uuid4().hex
        key = key_of(code_of(cell.source), reads, facts, nonce)
        facts = msgspec.structs.replace(facts, never=tuple(dict.fromkeys(never)))
        if never:
            why = f"{never[0]}, so it runs each time"
        elif barrier:
            why = f"{why}; it runs in order, because {barrier}"
        outcome = dataclasses.replace(outcome, reason=why)
        self._history.add(Entry(number=cell.number, key=key, reads=reads, facts=facts))
        if not never:
            fields = {field.name: getattr(outcome, field.name) for field in dataclasses.fields(outcome)}
            self._history.records.add(
                cell, Record(key=key, reads=reads, facts=facts, outcome=fields, seconds=outcome.seconds)
            )
        return outcome


def _without_imports(facts: Facts, line: Timeline) -> Facts:
    """Where nothing seeded `random`, it does not count that modules drew from it as they were imported."""
    if facts.has_drawn or "@random" in facts.seeded or line.version("@random") != UNBOUND:
        return facts
    return msgspec.structs.replace(facts, drawn=tuple(name for name in facts.drawn if name != "@random"))


def _is_same(facts: Facts, then: Facts) -> bool:
    """Whether a cell that ran again did what it did before."""
    return (set(facts.writes), facts.deletes, facts.settings, facts.drawn, facts.values) == (
        set(then.writes), then.deletes, then.settings, then.drawn, then.values,
    )  # fmt: skip


def _varies(outcome: CellOutcome) -> Iterator[str]:
    """Signs in an outcome that it differs from run to run."""
    if any(output["output_type"] == "error" for output in outcome.outputs):
        yield "it raises"
    if outcome.widgets:
        yield "it shows widgets"
    if outcome.updates and any(name not in outcome.displays for name, _ in outcome.updates):
        yield "it changes an output of a cell above"
    ended = time.time()
    moments = {ended, ended - outcome.seconds}
    present = {datetime.fromtimestamp(moment).strftime(form) for moment in moments for form in _PRESENT}
    text = "\n".join(_texts(outcome.outputs))
    if any(re.search(rf"(?<!\d){re.escape(moment)}(?!\d)", text) for moment in present):
        yield "its output holds the present time"


def _texts(outputs: list[dict[str, Any]]) -> Iterator[str]:
    for output in outputs:
        for content in (output.get("text"), *(v for k, v in output.get("data", {}).items() if k.startswith("text/"))):
            yield "".join(content) if isinstance(content, list) else str(content or "")


def _show(outcome: CellOutcome) -> None:
    for output in outcome.outputs:
        shown: Any = nbformat.from_dict(output)  # type: ignore[no-untyped-call]
        forward(shown)
