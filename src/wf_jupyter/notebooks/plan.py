"""The plan of a run of a notebook, cell by cell, with reasons: without running anything."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from wf_jupyter.notebooks.facts import Entry, Facts, Written
from wf_jupyter.notebooks.flow import flow_of
from wf_jupyter.notebooks.history import History, Unknown
from wf_jupyter.notebooks.records import Records
from wf_jupyter.notebooks.rules import rules_of
from wf_jupyter.notebooks.source import Cell, Script
from wf_jupyter.notebooks.timeline import Timeline

Decision = Literal["reused", "runs", "in order"]


@dataclass(frozen=True)
class PlannedCell:
    """A cell: what happens to it, and why. `again_for` are the cells for which a reused one runs again all the same."""

    number: int
    label: str
    decision: Decision
    reason: str
    again_for: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        """The decision with its reason."""
        decision = {"reused": "reused", "runs": "runs", "in order": "runs in order"}[self.decision]
        more = ""
        if self.again_for:
            cells = ", ".join(f"In [{number}]" for number in self.again_for)
            more = f"; runs again, unseen, for what {cells} needs of it"
        return f"{decision}: {self.reason}{more}"


class Plan(tuple[PlannedCell, ...]):
    """The cells in order. Shown as a table."""

    def __repr__(self) -> str:
        reused = sum(cell.decision == "reused" for cell in self)
        lines = [f"{len(self)} cell{'' if len(self) == 1 else 's'}, {reused} reused"]
        width = max((len(cell.label) for cell in self), default=0)
        lines += [
            f"  In [{cell.number}]{' ' * (3 - len(str(cell.number)))} {cell.label:<{width}}  {cell.sentence}"
            for cell in self
        ]
        return "\n".join(lines)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        head = "<tr><th>Cell</th><th></th><th>What happens</th></tr>"
        rows = [(f"In [{cell.number}]", html.escape(cell.label), html.escape(cell.sentence)) for cell in self]
        body = "".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def plan_of(script: Script, records: Records) -> Plan:
    """The plan of a script, by what is known of its cells now.

    Of a cell that runs, what it will change is guessed from its last run, or from its text: if it changes more, more
    will run than is planned here, never less than is right.
    """
    history = History(None, script, records)
    return Plan(_with_again(script, history, list(_decide_cells(script, history))))


def _decide_cells(script: Script, history: History) -> Iterator[PlannedCell]:
    for cell in script.cells:
        never = rules_of(cell).never
        barrier = history.barrier(cell)
        record, reason = None, "every cell runs"
        if script.mode == "reuse":
            if never:
                reason = f"{never}, so it runs each time"
            else:
                record, reason = history.find(cell)
        if record is not None:
            history.add(
                Entry(number=cell.number, key=record.key, reads=record.reads, facts=record.facts, is_reused=True)
            )
            yield PlannedCell(cell.number, cell.label, "reused", reason)
            continue
        facts = _expect_facts(history, cell)
        key = f"planned-{cell.number}"
        history.add(
            Entry(
                number=cell.number, key=key, reads=history.before(cell.number).reads(history.names(cell)), facts=facts
            )
        )
        if script.mode == "in-order":
            yield PlannedCell(cell.number, cell.label, "in order", "everything does")
        elif barrier:
            because = "" if "because" in reason else f", because {barrier}"
            yield PlannedCell(cell.number, cell.label, "in order", f"{reason}{because}")
        else:
            yield PlannedCell(cell.number, cell.label, "runs", reason)


def _expect_facts(history: History, cell: Cell) -> Facts:
    known = history.records.of(cell)
    if known:
        return known[0].facts
    flow = flow_of(cell.source)
    writes = {name: Written(tuple(flow.uses.get(name, ()))) for name in flow.binds | flow.changes}
    return Facts(writes=writes, deletes=tuple(flow.deletes))


def _with_again(script: Script, history: History, cells: list[PlannedCell]) -> Iterator[PlannedCell]:
    again: dict[int, list[int]] = {}
    present, done = Timeline(), set[int]()
    for planned in cells:
        if planned.decision == "reused":
            continue
        cell = script.cells[planned.number - 1]
        try:
            needed = history.needs(cell, present, loads=True)
        except Unknown:
            needed = [each.number for each in script.cells[: planned.number - 1]]
        for number in [*(number for number in needed if number not in done), planned.number]:
            if number != planned.number:
                again.setdefault(number, []).append(planned.number)
            present.apply(history.entries[number])
            done.add(number)
    for planned in cells:
        yield (
            replace(planned, again_for=tuple(again.get(planned.number, ())))
            if planned.decision == "reused"
            else planned
        )
