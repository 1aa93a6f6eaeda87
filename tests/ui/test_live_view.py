"""The live view in a real JupyterLab: what a person sees, and that it goes on whatever happens to the kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.jupyter_process import JupyterProcess
from tests.pictures import picture
from tests.ui.conftest import Notebook, OpenNotebook

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.ui

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

#: Step n ends when the file `n` is there: the test decides how far the run is.
STEPS = """
import wf_jupyter as wf

@wf.task
def prepare():
    print("prepared")
    return 1

@wf.task
def step(n, one, folder):
    import pathlib, time
    wf.progress(n, 8)
    while not (pathlib.Path(folder) / str(n)).exists():
        time.sleep(0.01)
    return n * one

@wf.task
def total(ns):
    return sum(ns)

@wf.workflow
def steps(folder: str):
    return total(step.partial(one=prepare(), folder=folder).map(range(8)))
"""
BUSY = "() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.status === 'busy'"
SUCCEEDED = """(wanted) => [...document.querySelectorAll(".wfj-root .wfj-counts .wfj-count:not([hidden])")]
  .some((count) => count.textContent.trim() === `${wanted} succeeded`)"""
#: As the menu does, without its question.
RESTART = "() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()"
STATUS = "(status) => document.querySelector('.wfj-root')?.dataset.status === status"


class Steps:
    """The eight steps of one execution."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._next = 0

    def let(self, count: int) -> None:
        """Let `count` more steps end."""
        for _ in range(count):
            (self.folder / str(self._next)).touch()
            self._next += 1


@pytest.fixture
def steps(tmp_path: Path) -> Any:
    made = Steps(tmp_path / "steps")
    yield made
    made.let(8)


def shows(page: Any, succeeded: int) -> None:
    """Wait until the view counts that many succeeded tasks."""
    page.wait_for_function(SUCCEEDED, arg=succeeded)


@pytest.mark.place("plain, on one address", "Lab")
def test_it_moves_while_the_kernel_is_busy_and_after_it_was_restarted(
    open_notebook: OpenNotebook, steps: Steps
) -> None:
    notebook = open_notebook(
        "busy",
        [STEPS, f"execution = steps.submit(folder={str(steps.folder)!r})\nexecution", "import time; time.sleep(1000)"],
    )
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    shows(page, 1)
    notebook.run(2)
    page.wait_for_function(BUSY)
    steps.let(2)
    shows(page, 3)
    assert page.evaluate(BUSY), "the kernel was meant to be busy all the time"
    notebook.picture("busy-kernel")

    notebook.restart_kernel()
    steps.let(3)
    shows(page, 6)
    expect(page.locator(".wfj-badge:visible")).to_have_count(0)
    notebook.picture("restarted-kernel")
    steps.let(3)
    page.wait_for_function(STATUS, arg="succeeded")


def test_the_standalone_page_and_a_second_browser_show_the_same(
    open_notebook: OpenNotebook, steps: Steps, lab: JupyterProcess, browser: Any
) -> None:
    notebook = open_notebook("shared", [STEPS, f"execution = steps.submit(folder={str(steps.folder)!r})\nexecution"])
    notebook.run(0)
    notebook.run(1)
    steps.let(2)
    shows(notebook.page, 3)
    (execution,) = lab.ask("GET", "wf-jupyter/api/v1/executions?limit=1")["executions"]
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    try:
        pages = [context.new_page(), context.new_page()]
        for page in pages:
            page.goto(f"{lab.url}wf-jupyter/executions/{execution['id']}?token={lab.token}")
            shows(page, 3)
        steps.let(4)
        for page in (notebook.page, *pages):
            shows(page, 7)
        picture(pages[0], "standalone")
        steps.let(2)
        for page in (notebook.page, *pages):
            page.wait_for_function(STATUS, arg="succeeded")
            shows(page, 10)
        counts = notebook.page.locator(".wfj-root .wfj-counts").inner_text()
        for page in pages:
            expect(page.locator(".wfj-root .wfj-counts")).to_have_text(counts, use_inner_text=True)
    finally:
        context.close()


def test_all_views_of_a_page_share_one_socket(open_notebook: OpenNotebook, steps: Steps) -> None:
    submit = f"execution = steps.submit(folder={str(steps.folder)!r})\nexecution"
    views = ["execution.view(tab='table')", "execution.view(tab='timeline')", f"other = {submit}", "other.view()"]
    notebook = open_notebook("sockets", [STEPS, submit, *views])
    page = notebook.page
    sockets: list[Any] = []
    page.on("websocket", lambda socket: sockets.append(socket) if "wf-jupyter" in socket.url else None)
    for cell in range(6):
        notebook.run(cell)
    expect(page.locator(".wfj-root")).to_have_count(5)
    steps.let(1)
    shows(page, 2)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.wfj-root')].every((e) => e.dataset.status === 'running')"
    )
    expect(page.locator(".wfj-badge:visible")).to_have_count(0)
    notebook.picture("three-tabs")
    # None when JupyterLab's own status bar has opened it before.
    assert len(sockets) <= 1


def test_a_view_that_python_closed_is_gone_until_the_execution_is_shown_again(
    open_notebook: OpenNotebook, steps: Steps
) -> None:
    submit = f"execution = steps.submit(folder={str(steps.folder)!r})\nexecution"
    every = "import ipywidgets\nipywidgets.Widget.close_all()"
    notebook = open_notebook("closed", [STEPS, submit, "execution.view().close()", "execution", every, "execution"])
    views = notebook.page.locator(".wfj-root")
    for cell in range(2):
        notebook.run(cell)
    expect(views).to_have_count(1)
    for cell, count in ((2, 0), (3, 1), (4, 0), (5, 1)):
        notebook.run(cell)
        expect(views).to_have_count(count)
    steps.let(1)
    shows(notebook.page, 2)
    notebook.restart_kernel()
    steps.let(2)
    shows(notebook.page, 4)
    expect(views).to_have_count(1)


def test_the_cancel_button_cancels(open_notebook: OpenNotebook, steps: Steps) -> None:
    notebook = open_notebook("cancel", [STEPS, f"steps.submit(folder={str(steps.folder)!r})"])
    notebook.run(0)
    notebook.run(1)
    shows(notebook.page, 1)
    notebook.page.get_by_role("button", name="Cancel the execution").click()
    notebook.page.wait_for_function(STATUS, arg="cancelled")
    notebook.picture("cancelled")


FAILING = """
import wf_jupyter as wf

@wf.task
def load(n):
    return list(range(n))

@wf.task
def validate(rows):
    print("looking at", len(rows), "rows")
    raise ValueError("14 rows with null order_id")

@wf.task
def report(rows):
    return len(rows)

@wf.workflow
def orders(n: int):
    return report(validate(load(n)))

orders.submit(n=20)
"""


def test_a_failed_task_shows_its_traceback_and_its_log(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook("failed", [FAILING])
    notebook.run(0)
    page = notebook.page
    page.wait_for_function(STATUS, arg="failed")
    page.locator(".wfj-card[data-key='validate']").click()
    page.get_by_text("raise ValueError").first.wait_for()
    expect(page.locator(".wfj-root")).to_contain_text("14 rows with null order_id")
    notebook.picture("failed-task", ".wfj-detail-area")
    page.get_by_text("looking at 20 rows").first.wait_for()
    notebook.picture("failed-task-log", ".wfj-detail-area")


def test_an_orchestrator_inside_the_kernel_is_shown_through_the_kernel(
    open_notebook: OpenNotebook, steps: Steps
) -> None:
    notebook = open_notebook(
        "embedded",
        [
            f"{STEPS}\nprint(wf.connect(mode='embedded'))",
            f"execution = steps.submit(folder={str(steps.folder)!r})\nexecution",
            "import time; time.sleep(1000)",
        ],
    )
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    shows(page, 1)
    page.get_by_text("via kernel").wait_for()
    notebook.run(2)
    page.wait_for_function(BUSY)
    steps.let(3)
    shows(page, 4)
    notebook.picture("embedded-busy-kernel")


def test_what_ran_inside_a_kernel_goes_on_with_the_server_when_the_kernel_is_restarted(
    open_notebook: OpenNotebook, steps: Steps
) -> None:
    notebook = open_notebook(
        "heir",
        [f"{STEPS}\nwf.connect(mode='embedded')", f"steps.submit(folder={str(steps.folder)!r})"],
    )
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    steps.let(2)
    shows(page, 3)
    page.get_by_text("via kernel").wait_for()
    page.evaluate(RESTART)
    expect(page.locator(".wfj-badge:visible")).to_have_count(0)
    steps.let(6)
    page.wait_for_function(STATUS, arg="succeeded")
    shows(page, 10)


def test_the_quickstart_runs_and_ends_well_in_both_themes(
    open_file: Callable[[str, Path], Notebook], page: Any
) -> None:
    notebook = open_file("quickstart", NOTEBOOKS / "quickstart.ipynb")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.wait_for_function(STATUS, arg="running")
    notebook.picture("quickstart-running")
    page.wait_for_function(STATUS, arg="succeeded", timeout=120_000)
    notebook.idle()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        page.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=theme)
        for tab in ("Graph", "Timeline", "Table"):
            page.locator(".wfj-root").get_by_role("tab", name=tab).click()
            page.get_by_role("tabpanel", name=tab.lower()).wait_for()
            notebook.picture(f"quickstart-{tab.lower()}-{theme.split()[-1].lower()}")
