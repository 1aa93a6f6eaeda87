"""The panel of a task in JupyterLab: what it was called with, a very long log, and another try of it alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import OpenNotebook

pytestmark = pytest.mark.ui
expect = pytest.importorskip("playwright.sync_api").expect

STATUS = "(status) => document.querySelector('.wfj-root')?.dataset.status === status"
FLOW = """
import wf_jupyter as wf

@wf.task
def load(rows):
    import sys
    sys.stdout.writelines(f"row {n} of the table\\n" for n in range(rows))
    return list(range(10))

@wf.task
def half(x, label):
    return x / 2

@wf.task
def check(folder, data):
    import pathlib
    return (pathlib.Path(folder) / "data").read_text()

@wf.task
def report(text, halves):
    return len(halves)

@wf.workflow
def flow(folder: str, rows: int):
    data = load(rows)
    return report(check(folder, data), half.partial(label="a label").map(data))
"""


def opened(page: Any, key: str) -> Any:
    """The panel of a task, by its row in the table."""
    page.get_by_role("tab", name="Table", exact=True).click()
    page.get_by_role("button", name=key, exact=True).click()
    return page.locator(f".wfj-panel[aria-label='Task {key}']")


def test_a_task_tells_its_inputs_and_is_tried_again_alone(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    notebook = open_notebook("inputs", [FLOW, f"flow.submit(folder={str(tmp_path)!r}, rows=3)"])
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    page.wait_for_function(STATUS, arg="failed")
    panel = opened(page, "half[3]")
    inputs = panel.locator(".wfj-inputs").first
    expect(inputs.locator("dt")).to_have_text(["label", "x"])
    expect(inputs.locator("dd").first).to_have_text("'a label'")
    expect(inputs.locator("dd").last).to_have_text("load[3]")
    panel = opened(page, "check")
    expect(panel.locator(".wfj-inputs dd").nth(1)).to_have_text("load 10 items")
    notebook.picture("task-inputs", ".wfj-detail-area")
    panel.get_by_role("button", name="Show load").click()
    expect(page.locator(".wfj-panel")).to_have_attribute("aria-label", "Task load")

    (tmp_path / "data").write_text("here")
    panel = opened(page, "check")
    expect(panel.get_by_role("button", name="Retry from here")).to_be_visible()
    panel.get_by_role("button", name="Retry from here").click()
    page.wait_for_function(STATUS, arg="succeeded")
    expect(panel.locator(".wfj-status-word")).to_have_text("succeeded")
    expect(page.locator(".wfj-row[data-key=report][data-status=succeeded]")).to_be_visible()


def test_a_million_lines_are_read_from_both_ends_and_found_in_between(
    open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("here")
    notebook = open_notebook("long-log", [FLOW, f"flow.submit(folder={str(tmp_path)!r}, rows=1_000_000)"])
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    page.wait_for_function(STATUS, arg="succeeded")
    panel = opened(page, "load")
    log = panel.get_by_role("log")
    expect(log).to_contain_text("row 999999 of the table")
    first = "() => document.querySelector('.wfj-panel [role=log]').textContent.split('\\n')[0]"
    before = page.evaluate(first)
    log.evaluate("(log) => { log.scrollTop = 0; }")
    page.wait_for_function(f"(before) => ({first})() !== before", arg=before)
    assert log.evaluate("(log) => log.scrollTop") > 0, "what was in sight stays where it is"
    panel.get_by_role("button", name="Start").click()
    expect(log).to_contain_text("row 0 of the table")
    panel.get_by_placeholder("Find in the log").fill("ROW 500000 of")
    expect(panel.locator(".wfj-log-bar [role=status]")).to_have_text("1 line")
    panel.locator(".wfj-found").click()
    expect(log).to_contain_text("row 500001 of the table")
    assert page.locator(".wfj-log-part").count() < 600
    notebook.picture("long-log", ".wfj-detail-area")
