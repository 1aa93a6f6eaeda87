"""Two people in one notebook (jupyter-collaboration): both see what each of them runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
import pytest

from tests.browser import LAB, READY, RUN
from tests.jupyter_process import JupyterProcess, until
from tests.pictures import picture
from tests.ui.test_reopened import SHOWN, TYPE

pytestmark = [pytest.mark.ui, pytest.mark.long]
pytest.importorskip("playwright.sync_api")
pytest.importorskip("jupyter_collaboration", reason="jupyter-collaboration is not installed")

CELLS = (
    """
import pathlib, time
import wf_jupyter as wf

@wf.task
def wait(gate):
    while not pathlib.Path(gate).exists():
        time.sleep(0.05)

@wf.task
def fail(x):
    raise ValueError("no such place")

@wf.workflow
def waiting(gate: str):
    return wait(gate)

@wf.workflow
def broken(x: int):
    return fail(x)
""",
    "waiting.submit(gate={gate!r})",
    "broken.submit(x=1)",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    process = JupyterProcess(tmp_path_factory.mktemp("shared"), "lab", LAB)
    cells = [nbformat.v4.new_code_cell(text.format(gate=str(process.root / "gate"))) for text in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    process.root.mkdir(parents=True, exist_ok=True)
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), process.root / "shared.ipynb"
    )
    process.start()
    yield process
    process.stop()


def shows(page: Any, *states: str) -> None:
    page.wait_for_function(SHOWN, arg=list(states), timeout=90_000)


def ids(lab: JupyterProcess) -> list[str]:
    return [told["id"] for told in lab.ask("GET", "wf-jupyter/api/v1/executions")["executions"]]


def test_what_one_runs_both_see_and_the_outcome_is_stored_once(lab: JupyterProcess, browser: Any) -> None:
    pages = []
    for _ in range(2):
        page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        page.goto(f"{lab.url}lab/tree/shared.ipynb?token={lab.token}&reset")
        page.wait_for_function(READY, timeout=90_000)
        pages.append(page)
    ada, ben = pages
    for index in range(3):
        ada.evaluate(RUN, index)
    for page in pages:
        shows(page, "running", "failed")
    picture(ben, "two-users")
    first = ids(lab)
    assert len(first) == 2
    # The other one runs the cell again: both see the new execution, and the old one is in nobody's cell.
    ben.evaluate(RUN, 2)
    until(lambda: len(ids(lab)) == 3, "the cell was not run again")
    for page in pages:
        shows(page, "running", "failed")
    (lab.root / "gate").touch()
    for page in pages:
        shows(page, "succeeded", "failed")

    def stored() -> list[dict[str, Any]]:
        cells = nbformat.read(lab.root / "shared.ipynb", as_version=4).cells
        return [
            output.data[TYPE] for cell in cells for output in cell.get("outputs", []) if TYPE in output.get("data", {})
        ]

    def is_saved() -> bool:
        found = stored()
        return len(found) == 2 and [told["snapshot"]["status"] for told in found] == ["succeeded", "failed"]

    until(is_saved, "the outcomes were not saved")
    assert stored()[1]["id"] not in first
    for page in pages:
        page.context.close()
