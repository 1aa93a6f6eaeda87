"""The side panel, the tabs, the status bar, the notices and the commands in a real JupyterLab."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess, until
from tests.pictures import picture
from tests.sample_workflows import doubling, failing, gated
from tests.ui.harness import AUDIT, AXE
from wf_jupyter.client import session
from wf_jupyter.dsl.workflow import Workflow

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.ui

LOADED = "() => window.jupyterapp?.commands.hasCommand('wf-jupyter:show')"
ORDER = "(name) => window.jupyterapp.commands.execute(name)"
# JupyterLab saves what a tab shows at once, and where it stands half a second later: it needs both.
SAVED = """async (id) => {
  const { data } = await window.jupyterapp.serviceManager.workspaces.fetch("around");
  return JSON.stringify(data["layout-restorer:data"]?.main ?? "").includes(id);
}"""
PANEL = "#wf-jupyter-executions"


@pytest.fixture(scope="module")
def client(lab: JupyterProcess) -> Iterator[None]:
    session.close()
    wf.connect(url=lab.url, token=lab.token)
    yield
    session.close()


@pytest.fixture
def around(browser: Any, lab: JupyterProcess, client: None) -> Iterator[Any]:
    """A page of JupyterLab with the panel open."""
    context = browser.new_context(viewport={"width": 1400, "height": 860})
    page = context.new_page()
    page.goto(f"{lab.url}lab/workspaces/around?token={lab.token}&reset")
    page.wait_for_function(LOADED, timeout=60_000)
    # it comes when the kernels are known, and takes the focus then
    page.wait_for_selector(".jp-LauncherCard", timeout=60_000)
    page.evaluate(ORDER, "wf-jupyter:show")
    page.wait_for_selector(f"{PANEL} .wfj-listing-search:visible")
    yield page
    context.close()


def entry(page: Any, execution: wf.Execution) -> Any:
    return page.locator(f"{PANEL} .wfj-entry[title*='{execution.id}']")


def test_executions_are_listed_live_and_steered_by_keyboard(around: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    running = gated(gate).submit()
    mine = entry(around, running)
    expect(mine).to_have_attribute("data-status", "running")
    expect(around.locator(".wfj-status-button")).to_have_text(re.compile(r"^\d+ running$"))
    expect(around.locator(".wfj-listing-chip", has_text="Running").locator("b")).not_to_have_text("0")

    around.locator(f"{PANEL} .wfj-listing-search").fill(running.id)
    expect(around.locator(f"{PANEL} .wfj-entry")).to_have_count(1)
    around.keyboard.press("ArrowDown")
    expect(mine.locator(".wfj-entry-name")).to_be_focused()
    around.keyboard.press("Tab")
    around.keyboard.press("Tab")
    around.keyboard.press("Enter")
    expect(mine).to_have_attribute("data-status", "cancelled")
    expect(mine.locator(".wfj-entry-name")).to_be_focused()
    gate.touch()
    mine.get_by_role("button", name="Run again").click()
    tab = around.locator(".wfj-root[data-status=succeeded]")
    expect(tab, "what was run again opens").to_be_visible()
    around.locator(f"{PANEL} .wfj-listing-search").press("Escape")
    expect(mine).to_be_visible()


def test_an_execution_opens_in_a_tab_that_is_there_again_after_a_reload(around: Any) -> None:
    execution = doubling().submit(numbers=[1, 2])
    execution.wait()
    entry(around, execution).locator(".wfj-entry-name").click()
    view = f".wfj-root[data-execution='{execution.id}'][data-status=succeeded]"
    expect(around.locator(view)).to_be_visible()
    entry(around, execution).locator(".wfj-entry-name").click()
    expect(around.locator(view), "once").to_have_count(1)
    # not `wait_for_function`: it takes the promise of an answer for a yes
    until(lambda: around.evaluate(SAVED, execution.id), "the tab was not saved", 90)
    around.goto(around.url.split("?")[0])
    expect(around.locator(view)).to_be_visible(timeout=90_000)
    around.evaluate(ORDER, "wf-jupyter:show")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_panel_has_names_roles_and_contrast(around: Any, dark: bool) -> None:
    failing().submit(b=0).wait()
    doubling().submit(numbers=[1, 2]).wait()
    expect(around.locator(f"{PANEL} .wfj-entry[data-status=failed]").first).to_be_visible()
    name = "JupyterLab Dark" if dark else "JupyterLab Light"
    around.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
    around.wait_for_function("(light) => document.body.dataset.jpThemeLight === light", arg=str(not dark).lower())
    around.locator(f"{PANEL} .wfj-entry-name").first.focus()
    around.add_script_tag(path=str(AXE))
    assert around.evaluate(AUDIT.replace(".wfj-root", PANEL)) == []
    picture(around, f"panel-{'dark' if dark else 'light'}")


def test_a_failure_that_nobody_looks_at_is_told_and_one_in_sight_is_not(around: Any, tmp_path: Path) -> None:
    gates = [tmp_path / "seen", tmp_path / "unseen"]
    for gate in gates:
        gate.mkdir()
    seen, unseen = (failing_when(gate / "open").submit() for gate in gates)
    entry(around, seen).locator(".wfj-entry-name").click()
    expect(around.locator(f".wfj-root[data-execution='{seen.id}'][data-status=running]")).to_be_visible()
    for gate in gates:
        (gate / "open").touch()
    notice = around.locator(".Toastify__toast", has_text="failed after")
    expect(notice).to_have_count(1)
    expect(notice).to_contain_text("ValueError: no such place")
    picture(around, "panel-notice")
    notice.get_by_role("button", name="Open").click()
    expect(around.locator(f".wfj-root[data-execution='{unseen.id}']")).to_be_visible()


def test_settings_and_commands_are_known_to_jupyterlab(around: Any, lab: JupyterProcess) -> None:
    told = lab.ask("GET", "lab/api/settings/wf-jupyter:plugin")
    assert told["schema"]["properties"]["notifications"]["default"] == "failed and long"
    commands = around.evaluate("() => window.jupyterapp.commands.listCommands()")
    assert {"wf-jupyter:show", "wf-jupyter:open", "wf-jupyter:retry-latest"} <= set(commands)
    around.evaluate(ORDER, "launcher:create")
    expect(around.locator(".jp-LauncherCard", has_text="Workflow Executions").last).to_be_visible()


def failing_when(gate: Path) -> Workflow[[], object]:
    @wf.task
    def fail(path: str) -> None:
        import pathlib
        import time

        while not pathlib.Path(path).exists():
            time.sleep(0.02)
        raise ValueError("no such place")

    @wf.workflow
    def breaking() -> None:
        fail(str(gate))

    return breaking
