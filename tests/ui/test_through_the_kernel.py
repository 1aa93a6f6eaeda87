"""The view in JupyterLab with an orchestrator inside the kernel: nothing is missing that the server would give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import OpenNotebook

pytestmark = pytest.mark.ui
expect = pytest.importorskip("playwright.sync_api").expect

STATUS = "(status) => document.querySelector('.wfj-root')?.dataset.status === status"

#: `read` fails until its file is there; `wait` waits for its own.
FLOW = """
import wf_jupyter as wf
wf.connect(mode="embedded")

@wf.task
def chatter(lines):
    for n in range(lines):
        print("line", n)

@wf.task(retries=1, retry_delay=0)
def read(folder):
    import pathlib
    print("looking, try", wf.current_task().attempt)
    return (pathlib.Path(folder) / "data").read_text()

@wf.task
def wait(folder):
    import pathlib, time
    while not (pathlib.Path(folder) / "gate").exists():
        time.sleep(0.01)

@wf.task
def join(a):
    return a.upper()

@wf.workflow
def flow(folder: str):
    wait(folder)
    return join(read(folder)), chatter(100_000)
"""


def opened(page: Any, key: str) -> Any:
    """The panel of a task, by its row in the table."""
    page.get_by_role("tab", name="Table", exact=True).click()
    page.get_by_role("button", name=key, exact=True).click()
    return page.locator(f".wfj-panel[aria-label='Task {key}']")


def test_logs_history_replay_and_commands_go_through_the_kernel(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    submit = f"flow.submit(folder={str(tmp_path)!r})"
    notebook = open_notebook("through-the-kernel", [FLOW, submit])
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    notebook.idle()
    expect(page.locator(".wfj-badge")).to_have_text("delayed · via kernel")

    panel = opened(page, "read")
    expect(panel.locator(".wfj-error")).to_contain_text("FileNotFoundError")
    log = panel.get_by_role("log")
    expect(log).to_have_text("looking, try 2")
    panel.get_by_role("button", name="Try 1").click()
    expect(log).to_have_text("looking, try 1")

    panel = opened(page, "chatter")
    expect(panel.locator(".wfj-status-word")).to_have_text("succeeded")
    log = panel.get_by_role("log")
    expect(log).to_contain_text("line 99999")
    panel.get_by_placeholder("Find in the log").fill("LINE 5000")
    expect(panel.locator(".wfj-log-bar [role=status]")).to_have_text("11 lines")
    panel.locator(".wfj-found").first.click()
    expect(log).to_contain_text("line 5001")
    notebook.picture("kernel-log", ".wfj-detail-area")

    panel = opened(page, "wait")
    panel.get_by_role("button", name="Cancel task").click()
    page.wait_for_function(STATUS, arg="failed")
    expect(panel.locator(".wfj-status-word")).to_have_text("cancelled")

    (tmp_path / "data").write_text("here")
    panel = opened(page, "read")
    panel.get_by_role("button", name="Retry from here").click()
    expect(panel.locator(".wfj-status-word")).to_have_text("succeeded")
    expect(page.locator(".wfj-row[data-key=join][data-status=succeeded]")).to_be_visible()
    expect(page.locator(".wfj-row[data-key=wait][data-status=cancelled]")).to_be_visible()
    page.wait_for_function(STATUS, arg="failed")

    (tmp_path / "gate").touch()
    panel.get_by_role("button", name="Rerun from here").click()
    expect(panel.locator(".wfj-task-actions [role=status]")).to_contain_text("wf.get_execution(")

    page.get_by_role("button", name="Replay", exact=True).click()
    page.wait_for_selector(".wfj-replay")
    slider = page.locator(".wfj-slider")
    slider.fill("0")
    page.wait_for_function("() => document.querySelector('.wfj-root').dataset.status !== 'failed'")
    page.get_by_role("button", name="Close the replay").click()
    page.wait_for_function(STATUS, arg="failed")

    page.locator(".wfj-head").get_by_role("button", name="Retry").click()
    page.wait_for_function(STATUS, arg="succeeded")
    notebook.picture("kernel-retried")


def test_what_is_usual_is_known_without_a_server(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("here")
    (tmp_path / "gate").touch()
    folder = repr(str(tmp_path))
    again = f"flow.submit(folder={folder})"
    notebook = open_notebook("usual", [FLOW, f"for _ in range(2):\n    flow.submit(folder={folder}).result()", again])
    page = notebook.page
    for cell in range(3):
        notebook.run(cell)
        notebook.idle()
    page.wait_for_function(STATUS, arg="succeeded")
    expect(opened(page, "join").locator(".wfj-facts")).to_contain_text("usually")
