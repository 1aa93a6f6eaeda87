"""The same view in Notebook 7, whose pages are another application on the same server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_process import JupyterProcess

from tests.ui.conftest import READY, RUN

pytestmark = pytest.mark.ui
QUICKSTART = Path(__file__).resolve().parents[2] / "notebooks" / "quickstart.ipynb"
SUBMISSION = 5
# What is not in sight is not drawn.
LOOK_BELOW = """(index) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = index + 1;
  notebook.scrollToItem(index + 1);
}"""


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    # Not `page`: Notebook's own scripts report errors of theirs.
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    context.close()


def test_the_quickstart_runs_in_notebook_7(tab: Any, lab: JupyterProcess) -> None:
    pytest.importorskip("notebook")
    shutil.copy(QUICKSTART, lab.root / "seven.ipynb")
    tab.goto(f"{lab.url}notebooks/seven.ipynb?token={lab.token}")
    tab.wait_for_function(READY, timeout=60_000)
    for index in (1, 3, SUBMISSION):
        tab.evaluate(RUN, index)
    tab.evaluate(LOOK_BELOW, SUBMISSION)
    tab.wait_for_selector(".wfj-root[data-status=succeeded]", timeout=90_000)
    assert tab.locator(".wfj-root").count() == 1
