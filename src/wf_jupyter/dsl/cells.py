"""Executing a notebook's cells inside a task: a kernel of its own, whose output becomes the task's.

The kernel runs with this process's interpreter and module path. It ends with the task, and with this
process if that is killed: IPython's kernels watch their parent.
"""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import json
import os
import pickle
import re
import sys
import tempfile
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from wf_jupyter.context import progress
from wf_jupyter.dsl.literals import literal
from wf_jupyter.errors import CellFailed, InputError

_STARTUP_SECONDS = 120
_STEP_LENGTH = 80
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: Without frozen modules, as ipykernel's own kernels: its debugger would print a warning into the first output.
_ARGV = ["-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}", "--IPKernelApp.log_level=ERROR"]


def execute(notebook: dict[str, Any], path: Path, parameters: Mapping[str, object], place: int) -> None:
    """Run the cells in order and put their outputs into `notebook`, also when one raises: `CellFailed`.

    The parameters become a cell at the index `place`; `path` is where the notebook comes from.
    """
    nb: Any = nbformat.reads(json.dumps(notebook), as_version=4)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory(prefix="wf_jupyter-") as folder:
        injected = _inject(nb, parameters, place, Path(folder))
        client = _Client(nb, km=_Manager(), timeout=None, startup_timeout=_STARTUP_SECONDS, record_timing=False)
        home = path.parent if path.parent.is_dir() else Path.cwd()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            complete(_run(client, home, environment))
        except CellExecutionError as error:
            raise _cell_failure(client, path, error) from None
        finally:
            if injected is not None:
                injected.source = _format_parameters(parameters)
            notebook.update(json.loads(json.dumps(nb)))
    progress(client.total, client.total)


async def _run(client: _Client, home: Path, environment: Mapping[str, str]) -> None:
    await client.async_execute(cwd=str(home), env=dict(environment), cleanup_kc=True)


class _Manager(AsyncKernelManager):
    """Starts kernels with this very interpreter, whatever the kernel specifications of the machine say."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=[sys.executable, *_ARGV], display_name="Python", language="python")


class _Client(NotebookClient):
    """Tells the task what its cells do, as they do it."""

    def __init__(self, nb: Any, **options: Any) -> None:
        super().__init__(nb, **options)
        self.at = 0
        self.total = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in nb.cells)
        self.done = 0

    async def async_execute_cell(self, cell: Any, cell_index: int, *args: Any, **options: Any) -> Any:
        runs = cell.cell_type == "code" and bool(cell.source.strip())
        if runs:
            self.at = cell_index
            progress(self.done, self.total, _step(cell.source))
        try:
            executed = await super().async_execute_cell(cell, cell_index, *args, **options)
        except BaseException:
            self.shutdown_kernel = "immediate"  # nobody waits for a kernel that is not needed any more
            raise
        self.done += runs
        return executed

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        out = super().output(outs, msg, display_id, cell_index)
        if out is not None:
            forward(out)
        return out


def forward(out: Any) -> None:
    """Make an output of a cell one of the running task."""
    if out.output_type == "stream":
        (sys.stderr if out.name == "stderr" else sys.stdout).write(out.text)
    elif out.output_type in ("display_data", "execute_result"):
        show = getattr(builtins, "display", None)
        if show is not None:
            show(dict(out.data), raw=True)


def complete(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in a thread: this one may have a loop already, and its interrupts are the task's."""
    caught: list[BaseException] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        loops.append((asyncio.get_running_loop(), task))
        await coroutine

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # raised again in the calling thread
            caught.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="notebook")
    thread.start()
    try:
        thread.join()
    except BaseException:
        for loop, task in loops:
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    if caught:
        raise caught[0]


def _inject(nb: Any, parameters: Mapping[str, object], place: int, folder: Path) -> Any:
    """Put a cell with the parameters into the notebook; returns it, or None without parameters."""
    if not parameters:
        return None
    lines = []
    for number, (name, value) in enumerate(parameters.items()):
        text = literal(value)
        if text is None:
            text = f"__import__('pickle').load(open({_pickle_parameter(name, value, folder / str(number))!r}, 'rb'))"
        lines.append(f"{name} = {text}")
    tags = {"tags": ["injected-parameters"]}
    cell: Any = nbformat.v4.new_code_cell("\n".join(lines), metadata=tags)  # type: ignore[no-untyped-call]
    cell.id = "injected-parameters"
    if (nb.nbformat, nb.nbformat_minor) < (4, 5):
        del cell["id"]
    nb.cells.insert(place, cell)
    return cell


def _format_parameters(parameters: Mapping[str, object]) -> str:
    """The parameters as the kept notebook shows them: values that have no notation are named only."""
    lines = []
    for name, value in parameters.items():
        text = literal(value)
        kind = type(value).__name__
        lines.append(f"# {name}: a {kind}, given by the workflow" if text is None else f"{name} = {text}")
    return "\n".join(lines)


def _pickle_parameter(name: str, value: object, path: Path) -> str:
    try:
        path.write_bytes(pickle.dumps(value, protocol=5))
    except Exception as error:  # any object may refuse in its own way
        raise InputError(f"parameter {name!r} cannot be given to a notebook: {error}", name) from error
    return str(path)


def _step(source: str) -> str:
    first = source.strip().splitlines()[0]
    return first if len(first) <= _STEP_LENGTH else first[: _STEP_LENGTH - 1] + "…"


def _cell_failure(client: _Client, path: Path, error: CellExecutionError) -> CellFailed:
    number = sum(cell.cell_type == "code" for cell in client.nb.cells[: client.at + 1])
    failed = CellFailed(f"{error.ename}: {error.evalue} (code cell {number} of {path.name})")
    outputs = client.nb.cells[client.at].outputs
    tracebacks = [output.traceback for output in outputs if output.output_type == "error"]
    failed.add_note(_COLOURS.sub("", "\n".join(tracebacks[-1] if tracebacks else [str(error)])))
    return failed
