"""`wf.notebook`: the graph of a notebook's cells."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

from wf_jupyter.dsl import tracing
from wf_jupyter.dsl.notebook import Default, parameters_cell, parameters_of, read_notebook
from wf_jupyter.dsl.task import Task
from wf_jupyter.dsl.workflow import Workflow
from wf_jupyter.errors import InputError
from wf_jupyter.model.secrecy import is_secret
from wf_jupyter.notebooks.cells import run_cell
from wf_jupyter.notebooks.flow import Flow, flow_of
from wf_jupyter.notebooks.outcome import ExecutedCells
from wf_jupyter.notebooks.places import records_folder
from wf_jupyter.notebooks.plan import Plan, plan_of
from wf_jupyter.notebooks.records import Records
from wf_jupyter.notebooks.source import Book, Cell, Mode, Script, read_book
from wf_jupyter.values.secret import reveal


class NotebookBody:
    """The body of a notebook's workflow: each call reads the file and records its cells."""

    def __init__(self, path: Path, mode: Mode, cell_timeout: float | None, timeout: float | None) -> None:
        self.path = path
        self.mode: Mode = mode
        self.cell_timeout = cell_timeout
        self.timeout = timeout
        self.__name__ = path.stem
        self.__qualname__ = path.stem
        self.__doc__ = f"The notebook {path.name}."

    @property
    def __signature__(self) -> inspect.Signature:
        notebook = read_notebook(self.path)
        return inspect.Signature() if parameters_cell(notebook) is None else parameters_of(notebook)

    def __call__(self, **parameters: object) -> ExecutedCells:
        book = self._book(parameters)
        secrets = {name: reveal(value) for name, value in parameters.items() if is_secret(name)}
        given = {name: value for name, value in secrets.items() if not isinstance(value, Default)}
        return ExecutedCells(_record_nodes(self._script(book), given), book)

    def script(self, parameters: Mapping[str, object]) -> Script:
        """The script that would run with these parameters."""
        try:
            self.__signature__.bind(**parameters)
        except TypeError as error:
            raise InputError(f"{self.path.name}: {error}", "inputs") from None
        return self._script(self._book(parameters))

    def _book(self, parameters: Mapping[str, object]) -> Book:
        return read_book(
            self.path, {name: value for name, value in parameters.items() if not isinstance(value, Default)}
        )

    def _script(self, book: Book) -> Script:
        return Script(
            name=book.path.name,
            directory=str(book.path.parent),
            cells=book.cells,
            mode=self.mode,
            cell_timeout=self.cell_timeout,
            timeout=self.timeout,
        )


class Notebook(Workflow[..., ExecutedCells]):
    """A notebook as a workflow. Made by `wf.notebook`; its inputs are the names that the tagged cell assigns."""

    function: NotebookBody

    def plan(self, **inputs: object) -> Plan:
        """Plan a run with these inputs, cell by cell, with reasons; nothing runs.

        It is known where executions run on this machine, and not what a server elsewhere has kept.
        """
        script = self.function.script(inputs)
        return plan_of(script, Records(records_folder(), script))

    def with_mode(self, mode: Mode) -> Notebook:
        """Copy the notebook to run in another way: `reuse`, `fresh` or `in-order`."""
        body = self.function
        return Notebook(
            NotebookBody(body.path, _check_mode(mode), body.cell_timeout, body.timeout), self.name, self._given
        )

    def with_options(self, **options: Any) -> Notebook:
        """As `Workflow.with_options`."""
        return Notebook(self.function, self.name, super().with_options(**options)._given)


def notebook(
    path: str | os.PathLike[str],
    *,
    mode: Mode = "reuse",
    cell_timeout: float | None = None,
    timeout: float | None = None,
    **options: Any,
) -> Notebook:
    """An ordinary notebook as a workflow: each code cell a task, what it reads and binds the edges.

    The cells run in order in a kernel of their own, with the worker's interpreter, in the notebook's directory.
    A cell whose text and whose inputs are as they were when it last ran is reused. The result is an
    `ExecutedCells`, whose `save` writes the executed notebook.

    Args:
        path: the `.ipynb` file; it is read whenever the workflow is bound or submitted.
        mode: `reuse` what did not change; run everything `fresh`, and keep it for the next time; or `in-order`,
            everything, looking at nothing.
        cell_timeout: seconds that a cell may take.
        timeout: seconds that all of them may take.
        options: as for `Workflow.with_options`.

    Raises:
        InputError: there is no such file, it is not a notebook in Python, or an option is not allowed.
    """
    source = Path(path).absolute()
    read_book(source)
    for name, seconds in (("cell_timeout", cell_timeout), ("timeout", timeout)):
        if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
            raise InputError(f"{name}={seconds!r} is not allowed: it must be a number of seconds above 0", name)
    body = NotebookBody(source, _check_mode(mode), cell_timeout, timeout)
    return Notebook(body, _workflow_name(source), options)


def _check_mode(mode: Mode) -> Mode:
    if mode not in get_args(Mode):
        raise InputError(f"mode={mode!r} is not allowed: it must be one of {', '.join(get_args(Mode))}", "mode")
    return mode


def _workflow_name(path: Path) -> str:
    return path.name.translate({ord("["): "(", ord("]"): ")"})


def _record_nodes(script: Script, secrets: Mapping[str, object]) -> list[Any]:
    """A node per cell. Each waits for the one above it, and is shown below those whose names it reads."""
    trace = tracing.current()
    assert trace is not None, "a notebook is traced as a workflow's body"
    nodes: list[Any] = []
    more = {"secrets": dict(secrets)} if secrets else {}
    flows = [flow_of(cell.source) for cell in script.cells]
    with ExitStack() as scope:
        group = ""
        for cell, links in zip(script.cells, links_of(flows), strict=True):
            if cell.group != group:
                scope.close()
                group = cell.group
                if group:
                    scope.enter_context(trace.scope(group))
            node: Any = Task(run_cell, {"name": _task_name(cell)})(script, cell.number, **more)
            node.after(*(nodes[writer] for writer in sorted(links)), *nodes[-1:])
            nodes.append(node)
    return nodes


def _task_name(cell: Cell) -> str:
    return f"{cell.number}: {cell.label}"


def links_of(flows: list[Flow]) -> Iterator[dict[int, list[str]]]:
    """For each cell, by the cells (from 0) that last bound or changed it: what it reads, as far as its text tells."""
    last: dict[str, int] = {}
    uses: Mapping[str, frozenset[str]] = {}
    for index, flow in enumerate(flows):
        found: dict[int, list[str]] = {}
        for name in sorted(flow.reads_with(uses) & set(last)):
            found.setdefault(last[name], []).append(name)
        yield found
        last.update(dict.fromkeys((*flow.binds, *flow.changes), index))
        uses = {**uses, **flow.uses}
