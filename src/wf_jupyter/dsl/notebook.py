"""Notebooks as tasks: parameters in, the executed notebook out.

As with papermill, the cell tagged `parameters` names the parameters and gives their defaults, and what
the workflow passes is put into a cell after it. The file is read when a workflow is submitted, and its
text is the code of the task: an edited notebook is new code, for the cache as well.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wf_jupyter.dsl.task import Task
from wf_jupyter.errors import InputError

TAG = "parameters"
_SHOWN = 60


class ExecutedNotebook:
    """Result of a notebook task: `notebook` is the notebook with its outputs, as a dict of nbformat 4."""

    def __init__(self, name: str, notebook: dict[str, Any]) -> None:
        self.name = name
        self.notebook = notebook

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as an `.ipynb` file; directories are made."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(self.notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return target

    def __repr__(self) -> str:
        cells = sum(cell["cell_type"] == "code" for cell in self.notebook["cells"])
        return f"<executed notebook {self.name}: {cells} cell{'' if cells == 1 else 's'}>"


class NotebookCall:
    """A notebook as a function of its parameters, all of them given by name."""

    def __init__(self, path: Path, output: str | None, notebook: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self.output = output
        self.notebook = read_notebook(path) if notebook is None else notebook
        self.__name__ = path.stem
        self.__doc__ = f"The notebook {path.name}."
        self.__signature__ = parameters_of(self.notebook)

    def __call__(self, **parameters: object) -> ExecutedNotebook:
        # nbclient takes a moment to import, and only those who run notebooks need to have it.
        try:
            from wf_jupyter.dsl.cells import execute
        except ImportError as error:
            raise ImportError(f"notebook tasks need {error.name}: pip install 'wf_jupyter[notebooks]'") from None
        target = None if self.output is None else Path(_fill_path(self.output, self.__signature__, parameters))
        tagged = parameters_cell(self.notebook)
        executed = ExecutedNotebook(self.path.name, dict(self.notebook))
        try:
            execute(executed.notebook, self.path, parameters, 0 if tagged is None else tagged + 1)
        finally:
            if target is not None:
                executed.save(target)
        return executed

    @property
    def has_known_parameters(self) -> bool:
        """Whether the notebook says what its parameters are."""
        return parameters_cell(self.notebook) is not None

    def __reduce__(self) -> tuple[type[NotebookCall], tuple[Path, str | None, Mapping[str, Any]]]:
        try:
            notebook = read_notebook(self.path)
        except InputError:
            notebook = self.notebook  # gone meanwhile, or on another machine
        return NotebookCall, (self.path, self.output, notebook)


def notebook_task(path: str | os.PathLike[str], *, output: str | None = None, **options: Any) -> Task[..., Any]:
    """A notebook as a task, to be called with its parameters by name: `report = wf.notebook_task("report.ipynb")`.

    The cell tagged `parameters` holds assignments with the defaults. The notebook runs in a kernel of its
    own, with the worker's interpreter, in the notebook's directory. What its cells print and display goes
    to the task's log and outputs, its progress counts cells, and a failing cell fails the task with that
    cell's traceback. The result is an `ExecutedNotebook`.

    Args:
        path: the `.ipynb` file.
        output: a file to keep the executed notebook in, also when a cell fails; may name parameters, as
            in `"reports/{city}.ipynb"`.
        options: as for `@wf.task`.

    Raises:
        InputError: there is no such file, or it is not a notebook in Python.
    """
    call = NotebookCall(Path(path).absolute(), output)
    if output is not None and call.has_known_parameters:
        _fill_path(output, call.__signature__, {})
    return Task(call, {"name": call.path.stem, **options})


def parameters_cell(notebook: Mapping[str, Any]) -> int | None:
    """The index of the cell that is tagged `parameters`."""
    for index, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code" and TAG in cell.get("metadata", {}).get("tags", ()):
            return index
    return None


def source_of(cell: Mapping[str, Any]) -> str:
    """The text of a cell, which a file may hold as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def read_notebook(path: Path) -> Mapping[str, Any]:
    """The file as a dict of nbformat 4; `InputError` when it cannot be read or is not a notebook in Python."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"notebook {path} cannot be read: {error.strerror or error}", "path") from None
    except ValueError:
        raise InputError(f"{path} is not a notebook: it does not hold JSON", "path") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise InputError(f"{path} is not a notebook of nbformat 4: it has no cells", "path")
    notebook["metadata"] = _metadata(notebook)
    for number, cell in enumerate(notebook["cells"], 1):
        if wrong := _wrong(cell):
            raise InputError(f"{path} is not a notebook of nbformat 4: its cell {number} {wrong}", "path")
        cell["metadata"] = _metadata(cell)
    language = _language(notebook["metadata"])
    if language.lower() not in ("python", "ipython"):
        raise InputError(f"notebook {path} is in {language}: only notebooks in Python can be run", "path")
    return notebook


def _metadata(place: Mapping[str, Any]) -> dict[str, Any]:
    found = place.get("metadata")
    return found if isinstance(found, dict) else {}


def _wrong(cell: object) -> str:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return "has no cell_type"
    source = cell.get("source", "")
    if not isinstance(source, str) and not (isinstance(source, list) and all(isinstance(line, str) for line in source)):
        return "has a source that is no text"
    tags = _metadata(cell).get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return "has tags that are no list of texts"
    return ""


def _language(metadata: Mapping[str, Any]) -> str:
    for place, name in (("kernelspec", "language"), ("language_info", "name")):
        found = metadata.get(place)
        if isinstance(found, dict) and isinstance(found.get(name), str):
            return str(found[name])
    return "python"


class Default:
    """A default of the notebook's: in a signature as it is written there, in a file name as its value."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text if len(self.text) <= _SHOWN else "..."

    def __str__(self) -> str:
        try:
            return str(ast.literal_eval(self.text))
        except (ValueError, SyntaxError):
            return self.text


def _fill_path(output: str, signature: inspect.Signature, parameters: Mapping[str, object]) -> str:
    defaults = {name: str(parameter.default) for name, parameter in signature.parameters.items()}
    try:
        return output.format(**{**defaults, **parameters})
    except (LookupError, ValueError) as error:
        raise InputError(f"output={output!r} cannot be filled in: {error} is no parameter", "output") from None


def parameters_of(notebook: Mapping[str, Any]) -> inspect.Signature:
    """The parameters that the tagged cell assigns; without one, a notebook takes whatever it is given."""
    index = parameters_cell(notebook)
    if index is None:
        return inspect.Signature([inspect.Parameter("parameters", inspect.Parameter.VAR_KEYWORD)])
    known = _find_assignments(source_of(notebook["cells"][index]))
    return inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=Default(text)) for name, text in known.items()]
    )


def _find_assignments(source: str) -> Mapping[str, str]:
    # Magics are no Python; nobody needs them among parameters.
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        statements: Sequence[ast.stmt] = ast.parse("\n".join(lines)).body
    except SyntaxError as error:
        raise InputError(f"the cell tagged {TAG!r} is not valid Python: {error}", "path") from None
    found: dict[str, str] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        found.update((target.id, ast.unparse(value)) for target in targets if isinstance(target, ast.Name))
    return found
