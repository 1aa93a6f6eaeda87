"""The same view in Notebook 7, whose pages are another application on the same server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
import pytest

from tests.browser import READY, RUN
from tests.jupyter_process import JupyterProcess

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.ui
CELLS = (
    """
import wf_jupyter as wf

@wf.task
def double(x):
    return 2 * x

@wf.workflow
def doubled(xs):
    return double.map(xs)
""",
    "execution = doubled.submit(xs=[1, 2, 3])\nexecution",
)


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    # Not `page`: Notebook's own scripts report errors of theirs.
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    context.close()


def test_a_workflow_is_shown_live_in_notebook_7(tab: Any, lab: JupyterProcess) -> None:
    pytest.importorskip("notebook")
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), lab.root / "seven.ipynb")
    tab.goto(f"{lab.url}notebooks/seven.ipynb?token={lab.token}")
    tab.wait_for_function(READY, timeout=60_000)
    for index in range(len(CELLS)):
        tab.evaluate(RUN, index)
    tab.wait_for_selector(".wfj-root[data-status=succeeded]", timeout=60_000)
    expect(tab.locator(".wfj-root")).to_have_count(1)
