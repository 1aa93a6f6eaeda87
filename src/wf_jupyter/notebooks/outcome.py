"""The outcome of a cell, and the executed notebook that all of them make."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, SupportsIndex

from wf_jupyter.dsl.notebook import ExecutedNotebook
from wf_jupyter.notebooks.source import Book, Cell

_WIDGETS = "application/vnd.jupyter.widget-state+json"


@dataclass(frozen=True)
class CellOutcome:
    """The outputs of one cell, as nbformat has them, and how they came about.

    `displays` says which of its outputs have a display id; `updates` are those it made to outputs of earlier cells.
    `reason` is a sentence: why it was reused, or why it ran.
    """

    number: int
    outputs: list[dict[str, Any]] = field(repr=False)
    seconds: float = 0.0
    is_reused: bool = False
    reason: str = ""
    displays: dict[str, list[int]] = field(default_factory=dict, repr=False)
    updates: list[tuple[str, dict[str, Any]]] = field(default_factory=list, repr=False)
    widgets: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def how(self) -> str:
        """A phrase for how the outcome came about."""
        return f"{'reused' if self.is_reused else 'run'} ({self.reason or 'in order'})"

    def shows_the_same(self, other: CellOutcome) -> bool:
        """Whether the outputs are equal; in how many pieces a text was printed is chance."""
        return _join_streams(self.outputs) == _join_streams(other.outputs)

    def __repr__(self) -> str:
        count = len(self.outputs)
        outputs = "no outputs" if not count else f"{count} output{'s' if count > 1 else ''}"
        return f"reused · {outputs}" if self.is_reused else outputs


class ExecutedCells(list[CellOutcome]):
    """The result of a notebook: the outcomes of its cells, in order. `save` writes the executed notebook."""

    def __init__(self, outcomes: Iterable[CellOutcome] = (), book: Book | None = None) -> None:
        super().__init__(outcomes)
        self.book = book

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return ExecutedCells, ((), self.book), None, iter(self)

    @property
    def executed(self) -> ExecutedNotebook:
        """The notebook with its outputs, as a notebook task returns it."""
        assert self.book is not None
        notebook = copy.deepcopy(self.book.notebook)
        cells = {cell.number: cell for cell in self.book.cells}
        for outcome in self:
            _put(notebook, cells[outcome.number], outcome)
        self._update(notebook)
        return ExecutedNotebook(self.book.path.name, notebook)

    @property
    def notebook(self) -> dict[str, Any]:
        """The executed notebook as a dict of nbformat 4."""
        return self.executed.notebook

    def save(self, path: str | Path) -> Path:
        """Write the executed notebook; directories are made."""
        return self.executed.save(path)

    def _update(self, notebook: dict[str, Any]) -> None:
        """Apply what cells changed of outputs of others, and the widgets' state."""
        assert self.book is not None
        cells = {cell.number: notebook["cells"][cell.position] for cell in self.book.cells}
        shown: dict[str, list[dict[str, Any]]] = {}
        widgets: dict[str, Any] = {}
        for outcome in self:
            for display, data in outcome.updates:
                for output in shown.get(display, ()):
                    output.update(copy.deepcopy(data))
            for display, places in outcome.displays.items():
                shown.setdefault(display, []).extend(cells[outcome.number]["outputs"][place] for place in places)
            for model, state in outcome.widgets.items():
                known = widgets.setdefault(model, state)
                if known is not state:
                    known["state"].update(state["state"])
        if widgets := {model: state for model, state in widgets.items() if state.get("model_name")}:
            state = {"state": widgets, "version_major": 2, "version_minor": 0}
            notebook["metadata"].setdefault("widgets", {})[_WIDGETS] = state

    def __repr__(self) -> str:
        reused = sum(outcome.is_reused for outcome in self)
        name = "" if self.book is None else f" {self.book.path.name}"
        return f"<executed notebook{name}: {len(self)} cell{'' if len(self) == 1 else 's'}, {reused} reused>"


def _put(notebook: dict[str, Any], cell: Cell, outcome: CellOutcome) -> None:
    place = notebook["cells"][cell.position]
    outputs = copy.deepcopy(outcome.outputs)
    for output in outputs:
        if output["output_type"] == "execute_result":
            output["execution_count"] = cell.number
    place["outputs"] = outputs
    place["execution_count"] = cell.number
    metadata = place.setdefault("metadata", {})
    metadata["wf_jupyter"] = {"reused": outcome.is_reused, "reason": outcome.reason}


def _join_streams(outputs: list[dict[str, Any]]) -> list[object]:
    texts: dict[str, str] = {}
    others: list[object] = []
    for output in outputs:
        if output["output_type"] == "stream":
            texts[output["name"]] = texts.get(output["name"], "") + output["text"]
        else:
            others.append({name: value for name, value in output.items() if name != "execution_count"})
    return [texts, *others]
