"""What a notebook's cells show when it is opened again: three executions, in every situation that a page is opened in.

The time from the page's being ready to the last of the three views is written to `test-results/reopened.txt`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser import LAB, READY, RUN
from tests.jupyter_process import JupyterProcess, until
from tests.pictures import FOLDER, picture

pytestmark = [pytest.mark.ui, pytest.mark.slow]
pytest.importorskip("playwright.sync_api")

TYPE = "application/vnd.wf-jupyter.execution+json"
OPENED = "() => Boolean(window.jupyterapp?.shell.currentWidget?.context?.isReady)"
DIRTY = "() => window.jupyterapp.shell.currentWidget.context.model.dirty"
SAVE = "() => window.jupyterapp.shell.currentWidget.context.save()"
#: The states of the views, in order of their cells.
VIEWS = """() => [...document.querySelectorAll(".jp-Notebook .jp-CodeCell .wfj-output")]
  .map((output) => output.querySelector(".wfj-root")?.dataset.status ?? output.querySelector("p")?.textContent ?? "")"""
SHOWN = f"(wanted) => JSON.stringify(({VIEWS})()) === JSON.stringify(wanted)"
BEGINS = f"""([count, words]) => {{
  const found = ({VIEWS})();
  return found.length === count && found.every((text) => text.startsWith(words));
}}"""
#: Whether the canvases of one view hold colours: grey is what they were when colours were read too early.
COLOURED = """(index) => {
  const output = document.querySelectorAll(".jp-Notebook .jp-CodeCell .wfj-output")[index];
  output.scrollIntoView();
  return [...output.querySelectorAll("canvas")].some((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width || 1, canvas.height || 1);
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [r, g, b, a] = data.subarray(i, i + 4);
      if (a > 100 && Math.max(r, g, b) - Math.min(r, g, b) > 40) coloured++;
    }
    return coloured > 20;
  });
}"""
STATES = ["running", "succeeded", "failed"]

CELLS = (
    """
import pathlib, time
import wf_jupyter as wf

@wf.task
def wait(folder):
    while not (pathlib.Path(folder) / "gate").exists():
        time.sleep(0.05)

@wf.task
def double(x):
    return 2 * x

@wf.task
def fail(x):
    raise ValueError("no such place")

@wf.workflow
def waiting(folder: str):
    return wait(folder)

@wf.workflow
def fine(x: int):
    return double.map([x, x + 1])

@wf.workflow
def broken(x: int):
    return double(fail(double(x)))
""",
    "waiting.submit(folder={folder!r})",
    "fine.submit(x=1)",
    "broken.submit(x=1)",
    "time.sleep(600)",
)


class Reopened:
    """A saved notebook with three executions, and what opens it."""

    def __init__(self, lab: JupyterProcess, browser: Any, folder: Path) -> None:
        self.lab = lab
        self.browser = browser
        self.folder = folder
        self.path = lab.root / "runs.ipynb"
        self.times: dict[str, float] = {}
        self.context = browser.new_context(viewport={"width": 1280, "height": 2000})
        self.page = self.context.new_page()

    def open(self, page: Any, name: str = "runs.ipynb", app: str = "lab/tree") -> float:
        page.goto(f"{self.lab.url}{app}/{name}?token={self.lab.token}" + ("&reset" if app == "lab/tree" else ""))
        page.wait_for_function(OPENED, timeout=60_000)
        return time.monotonic()

    def shows(self, situation: str, page: Any, since: float, wanted: list[str] | str) -> None:
        if isinstance(wanted, list):
            page.wait_for_function(SHOWN, arg=wanted, timeout=60_000)
        else:
            page.wait_for_function(BEGINS, arg=[len(STATES), wanted], timeout=60_000)
        self.times[situation] = time.monotonic() - since
        page.evaluate("() => document.querySelector('.wfj-output').scrollIntoView()")
        picture(page, f"reopened-{situation.replace(' ', '-')}")

    def run(self) -> None:
        """Write the notebook, run it and save it with its outcomes."""
        cells = [nbformat.v4.new_code_cell(cell.replace("{folder!r}", repr(str(self.folder)))) for cell in CELLS]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), self.path)
        self.open(self.page)
        self.page.wait_for_function(READY, timeout=60_000)
        for index in range(4):
            self.page.evaluate(RUN, index)
            self.page.wait_for_function(READY, timeout=60_000)
        self.page.wait_for_function(SHOWN, arg=STATES, timeout=60_000)

        def is_stored() -> bool:
            if [told["snapshot"]["status"] for told in self.stored()][1:] == STATES[1:]:
                return True
            self.save()
            return False

        until(is_stored, "stored")

    def save(self) -> None:
        self.page.evaluate(SAVE)

    def stored(self, path: Path | None = None) -> list[dict[str, Any]]:
        """What the file keeps of the three."""
        found = []
        for cell in nbformat.read(path or self.path, as_version=4).cells:
            found += [output.data[TYPE] for output in cell.get("outputs", []) if TYPE in output.get("data", {})]
        return found

    def copied(self, name: str, change: Callable[[str], str] = lambda text: text) -> str:
        (self.lab.root / name).write_text(change(self.path.read_text("utf-8")), "utf-8")
        return name

    def ids(self) -> list[str]:
        told = self.lab.ask("GET", "wf-jupyter/api/v1/executions")
        return [execution["id"] for execution in told["executions"]]


@pytest.fixture(scope="module")
def notebook(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reopened]:
    lab = JupyterProcess(tmp_path_factory.mktemp("reopened"), "lab", LAB).start()
    opened = Reopened(lab, browser, tmp_path_factory.mktemp("gates"))
    try:
        opened.run()
        yield opened
        FOLDER.mkdir(exist_ok=True)
        lines = [f"{situation:24} {seconds:6.2f} s" for situation, seconds in opened.times.items()]
        (FOLDER / "reopened.txt").write_text("\n".join(lines) + "\n")
    finally:
        opened.context.close()
        lab.stop()


def test_the_first_picture_in_a_fresh_jupyterlab_has_its_colours(notebook: Reopened) -> None:
    strip, edges = 1, 2
    for view in (strip, edges):
        notebook.page.wait_for_function(COLOURED, arg=view, timeout=10_000)


def test_the_saved_file_has_the_outcomes(notebook: Reopened) -> None:
    assert [told["snapshot"]["status"] for told in notebook.stored()][1:] == STATES[1:]
    text = notebook.path.read_text("utf-8")
    assert "failed" in text
    assert notebook.lab.token not in text


def test_reloaded_nothing_runs_and_nothing_changes(notebook: Reopened) -> None:
    before = notebook.ids()
    notebook.shows("reload", notebook.page, notebook.open(notebook.page), STATES)
    assert notebook.ids() == before
    assert not notebook.page.evaluate(DIRTY)


def test_the_kernel_is_busy(notebook: Reopened) -> None:
    notebook.page.wait_for_function(READY, timeout=60_000)
    notebook.page.evaluate(RUN, 4)
    notebook.page.wait_for_function("() => document.querySelectorAll('.jp-InputPrompt')[4].textContent.includes('*')")
    notebook.shows("kernel busy", notebook.page, notebook.open(notebook.page), STATES)


def test_the_kernel_was_restarted(notebook: Reopened) -> None:
    kernel = notebook.lab.ask("GET", "api/kernels")[0]["id"]
    notebook.lab.ask("POST", f"api/kernels/{kernel}/restart")
    notebook.shows("kernel restarted", notebook.page, notebook.open(notebook.page), STATES)


def test_the_kernel_was_shut_down(notebook: Reopened) -> None:
    for session in notebook.lab.ask("GET", "api/sessions"):
        notebook.lab.ask("DELETE", f"api/sessions/{session['id']}")
    notebook.shows("kernel shut down", notebook.page, notebook.open(notebook.page), STATES)


def test_a_second_browser(notebook: Reopened) -> None:
    context = notebook.browser.new_context(viewport={"width": 1280, "height": 2000}, color_scheme="dark")
    page = context.new_page()
    notebook.shows("second browser", page, notebook.open(page), STATES)
    context.close()


def test_notebook_7(notebook: Reopened) -> None:
    pytest.importorskip("notebook")
    context = notebook.browser.new_context(viewport={"width": 1280, "height": 2000})
    page = context.new_page()
    notebook.shows("notebook 7", page, notebook.open(page, app="notebooks"), STATES)
    for view in (1, 2):
        page.wait_for_function(COLOURED, arg=view, timeout=10_000)
    context.close()


def test_a_copy_under_another_name_that_is_not_trusted(notebook: Reopened) -> None:
    name = notebook.copied("copy.ipynb", lambda text: text.replace("time.sleep(600)", "time.sleep(601)"))
    since = notebook.open(notebook.page, name)
    notebook.shows("copied, untrusted", notebook.page, since, STATES)
    trusted = "() => window.jupyterapp.shell.currentWidget.content.widgets[1].model.trusted"
    assert not notebook.page.evaluate(trusted)
    assert not notebook.page.evaluate(DIRTY)


def test_the_server_was_restarted(notebook: Reopened) -> None:
    notebook.lab.stop()
    notebook.lab.start()
    notebook.shows("server restarted", notebook.page, notebook.open(notebook.page), STATES)


def test_a_notebook_from_another_server_shows_its_stored_pictures(notebook: Reopened) -> None:
    def foreign(text: str) -> str:
        for told in notebook.stored():
            text = text.replace(told["id"], "0" * 26).replace(told["server_id"], "f" * 16)
            text = text.replace(told["snapshot"]["epoch"], "e" * 16 + "." + "e" * 16)
        return text

    since = notebook.open(notebook.page, notebook.copied("foreign.ipynb", foreign))
    notebook.shows("another server", notebook.page, since, "This execution is not on this Jupyter server")
    natural = "() => [...document.querySelectorAll('.wfj-output img')].map((image) => image.naturalWidth)"
    assert all(width > 100 for width in notebook.page.evaluate(natural))
    assert not notebook.page.evaluate(DIRTY)


def test_when_it_ends_its_outcome_is_stored_and_saved(notebook: Reopened) -> None:
    since = notebook.open(notebook.page)
    notebook.shows("before it ends", notebook.page, since, STATES)
    (notebook.folder / "gate").touch()
    notebook.shows("it ended", notebook.page, time.monotonic(), ["succeeded", *STATES[1:]])
    notebook.page.wait_for_function(DIRTY)
    notebook.save()
    until(lambda: notebook.stored()[0]["snapshot"]["status"] == "succeeded", "the outcome was not saved")
    text = json.dumps(nbformat.read(notebook.path, as_version=4).cells[1].outputs[0]["data"]["image/svg+xml"])
    assert "succeeded" in text


def test_deleted_executions_show_their_stored_pictures(notebook: Reopened) -> None:
    for execution in notebook.ids():
        notebook.lab.ask("DELETE", f"wf-jupyter/api/v1/executions/{execution}")
    notebook.shows("deleted", notebook.page, notebook.open(notebook.page), "This execution was deleted")
    assert not notebook.page.evaluate(DIRTY)
