"""The notebook as it is read: its code cells in order, with labels and groups for people."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import cloudpickle

from wf_jupyter.dsl.literals import literal
from wf_jupyter.dsl.notebook import TAG, parameters_cell, read_notebook, source_of
from wf_jupyter.errors import InputError
from wf_jupyter.model.secrecy import is_secret

#: `reuse` takes what is known to be as it was; `fresh` runs everything, and keeps it; `in-order` looks at nothing.
Mode = Literal["reuse", "fresh", "in-order"]
INJECTED = "injected-parameters"
_LABEL_LENGTH = 40
_LARGEST_PARAMETER = 1 << 20
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_MARKUP = re.compile(r"<[^>]*>|[*_`]|\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class Cell:
    """A code cell. `number` counts those that run, from 1: the number that a run in order shows beside it."""

    number: int
    position: int
    source: str
    label: str
    group: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Script:
    """The part of a notebook that runs: all that a cell's task is given, besides the number of its cell."""

    name: str
    directory: str
    cells: tuple[Cell, ...]
    mode: Mode = "reuse"
    cell_timeout: float | None = None
    timeout: float | None = None

    def with_secrets(self, secrets: Mapping[str, object]) -> Script:
        """The script with what its stand-ins stand for."""
        cells = []
        for cell in self.cells:
            source = cell.source
            for name, value in secrets.items() if INJECTED in cell.tags else ():
                source = source.replace(placeholder(name), write_value(name, value))
            cells.append(replace(cell, source=source))
        return replace(self, cells=tuple(cells))


@dataclass(frozen=True)
class Book:
    """A notebook file without its outputs, the parameters put in."""

    path: Path
    notebook: dict[str, Any] = field(repr=False)
    cells: tuple[Cell, ...]


def read_book(path: Path, parameters: Mapping[str, object] | None = None) -> Book:
    """Read the file as it is now, with these parameters; `InputError` when it is not a notebook in Python."""
    notebook = json.loads(json.dumps(read_notebook(path)))
    minor = notebook.get("nbformat_minor", 0)
    if notebook.get("nbformat") != 4:
        raise InputError(f"{path} is of nbformat {notebook.get('nbformat')}: only version 4 can be run", "path")
    if parameters:
        tagged = parameters_cell(notebook)
        notebook["cells"].insert(0 if tagged is None else tagged + 1, _parameters(parameters, minor))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(source=source_of(cell), outputs=[], execution_count=None)
    return Book(path, notebook, tuple(_cells(notebook["cells"])))


def _cells(cells: Sequence[Mapping[str, Any]]) -> Iterator[Cell]:
    headings = [_headings(source_of(cell)) if cell["cell_type"] == "markdown" else [] for cell in cells]
    level = _level(headings)
    group, number = "", 0
    for position, cell in enumerate(cells):
        for depth, text in headings[position]:
            if depth == level:
                group = text
        source = source_of(cell)
        tags = tuple(cell.get("metadata", {}).get("tags", ()))
        if cell["cell_type"] == "code" and source.strip() and "skip-execution" not in tags:
            number += 1
            yield Cell(number, position, source, _label(source, tags), group, tags)


def _headings(text: str) -> list[tuple[int, str]]:
    found, is_fenced = [], False
    for line in text.splitlines():
        if _FENCE.match(line):
            is_fenced = not is_fenced
        elif not is_fenced and (match := _HEADING.match(line)):
            found.append((len(match[1]), _name(_MARKUP.sub(r"\1", match[2]))))
    return found


def _level(headings: Sequence[Sequence[tuple[int, str]]]) -> int:
    """The highest level that divides the notebook: one heading alone is its title."""
    depths = [depth for each in headings for depth, _ in each]
    return min((depth for depth in depths if depths.count(depth) > 1), default=0)


def _label(source: str, tags: Sequence[str]) -> str:
    """The first comment, else the first line that says what happens."""
    if INJECTED in tags or TAG in tags:
        return "parameters"
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    if lines[0].startswith("#") and lines[0].strip("#!-= "):
        return _name(lines[0].strip("#!-= "))
    code = [line for line in lines if not line.startswith("#")] or lines
    imports = [line for line in code if line.startswith(("import ", "from "))]
    if len(imports) == len(code) > 1:
        return "imports"
    return _name(next((line for line in code if line not in imports and not line.startswith("%")), code[0]))


def _name(text: str) -> str:
    """As a task's name may be: keys are built from it."""
    text = re.sub(r"\s+", " ", text.translate({ord("/"): "∕", ord("["): "(", ord("]"): ")"})).strip()
    text = "".join(character for character in text if character.isprintable()) or "cell"
    return text if len(text) <= _LABEL_LENGTH else text[: _LABEL_LENGTH - 1].rstrip() + "…"


def _parameters(parameters: Mapping[str, object], minor: int) -> dict[str, Any]:
    """The cell that papermill would put in; a value that cannot be written down travels as a pickle in its line."""
    lines = ["# Parameters"]
    for name, value in parameters.items():
        lines.append(f"{name} = {placeholder(name) if is_secret(name) else write_value(name, value)}")
    cell: dict[str, Any] = {"cell_type": "code", "metadata": {"tags": [INJECTED]}, "source": "\n".join(lines)}
    if minor >= 5:
        cell["id"] = INJECTED
    return cell


def placeholder(name: str) -> str:
    """The text that stands for a secret in every text of a notebook but the one that runs."""
    return repr(f"•••{name}•••")


def write_value(name: str, value: object) -> str:
    """The value as a cell gets it; `InputError` when it cannot be given to a notebook."""
    return literal(value) or _pickle_parameter(name, value)


def _pickle_parameter(name: str, value: object) -> str:
    try:
        data = cloudpickle.dumps(value)
    except Exception as error:  # any object may refuse in its own way
        raise InputError(f"parameter {name!r} cannot be given to a notebook: {error}", name) from error
    if len(data) > _LARGEST_PARAMETER:
        raise InputError(
            f"parameter {name!r} takes {len(data):,} bytes, and at most {_LARGEST_PARAMETER:,} can be given to a "
            "notebook: give it the name of a file",
            name,
        )
    return f"__import__('pickle').loads(__import__('base64').b64decode({base64.b64encode(data).decode()!r}))"
