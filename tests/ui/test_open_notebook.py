"""A notebook that is open in JupyterLab is run as a workflow, its data flow shown, its failed cell found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.jupyter_process import JupyterProcess

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.ui, pytest.mark.long]

LOADED = "() => window.jupyterapp?.commands.hasCommand('wf-jupyter:run-notebook')"
ORDER = "(name) => window.jupyterapp.commands.execute(name)"
OPEN = "(path) => window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'})"
ACTIVE = "() => window.jupyterapp.shell.currentWidget.content?.activeCellIndex"
BOOK = "run_as_workflow.ipynb"
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


@pytest.fixture
def notebook(browser: Any, lab: JupyterProcess) -> Iterator[Any]:
    """A page of JupyterLab with a notebook of three cells, the last of which fails."""
    cells = [
        nbformat.v4.new_markdown_cell("# A report"),
        nbformat.v4.new_code_cell("numbers = [1, 2, 3]"),
        nbformat.v4.new_code_cell("total = sum(numbers)\nprint(total)"),
        nbformat.v4.new_code_cell("numbers[total]"),
    ]
    path = Path(lab.root) / BOOK
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=PYTHON), path)
    context = browser.new_context(viewport={"width": 1400, "height": 860})
    page = context.new_page()
    page.goto(f"{lab.url}lab/workspaces/book?token={lab.token}&reset")
    page.wait_for_function(LOADED, timeout=60_000)
    page.evaluate(OPEN, BOOK)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    yield page
    context.close()
    path.unlink()


def test_a_notebook_is_run_as_a_workflow_its_flow_shown_and_its_failed_cell_found(notebook: Any) -> None:
    notebook.evaluate(ORDER, "wf-jupyter:show-data-flow")
    flow = notebook.locator(".wfj-flow")
    expect(flow.get_by_role("button")).to_have_count(3, timeout=90_000)
    expect(flow.locator("path")).to_have_count(3)
    expect(flow).to_contain_text("reads numbers from In [1]; total from In [2]")
    flow.get_by_role("button").nth(1).click()
    notebook.wait_for_function(f"() => ({ACTIVE})() === 2")

    notebook.evaluate(ORDER, "wf-jupyter:run-notebook")
    expect(notebook.locator(".wfj-root[data-status=failed]")).to_be_visible(timeout=90_000)
    notebook.wait_for_function(
        "() => window.jupyterapp.commands.isEnabled('wf-jupyter:open-failed-cell')", timeout=60_000
    )
    notebook.evaluate(ORDER, "wf-jupyter:open-failed-cell")
    notebook.wait_for_function(f"() => ({ACTIVE})() === 3")
