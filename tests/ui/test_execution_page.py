"""The page of one execution: replay, one task's commands, the comparison with another execution."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess
from tests.sample_workflows import gated, retried
from wf_jupyter.client import session

expect = pytest.importorskip("playwright.sync_api").expect
STATUS = "(status) => document.querySelector('.wfj-root')?.dataset.status === status"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    running = JupyterProcess(tmp_path_factory.mktemp("jupyter")).start()
    wf.connect(url=running.url, token=running.token)
    yield running
    session.close()
    running.stop()


def open_page(page: Any, server: JupyterProcess, execution: wf.Execution, status: str) -> None:
    page.goto(f"{server.url}wf-jupyter/executions/{execution.id}?token={server.token}")
    page.wait_for_function(STATUS, arg=status)


def test_a_finished_execution_is_replayed_rerun_and_compared(page: Any, server: JupyterProcess, tmp_path: Path) -> None:
    first = retried(tmp_path).submit(numbers=[1, 2, 3])
    assert first.wait(60) == "succeeded"
    open_page(page, server, first, "succeeded")
    head = page.locator(".wfj-page-head")
    expect(head.get_by_role("heading")).to_have_text(first.workflow)
    expect(head.locator("code")).to_have_text(first.id)
    expect(head.get_by_role("definition")).to_have_text("[1, 2, 3]")

    page.get_by_role("button", name="Replay").click()
    page.wait_for_selector(".wfj-slider")
    page.locator(".wfj-slider").fill("1")
    page.wait_for_function("() => document.querySelector('.wfj-root').dataset.status !== 'succeeded'")
    page.get_by_role("button", name="Close the replay").click()
    page.wait_for_function(STATUS, arg="succeeded")

    page.get_by_role("tab", name="Table").click()
    page.get_by_role("button", name="flaky", exact=True).click()
    expect(page.locator(".wfj-panel .wfj-log[role=log]")).to_contain_text("try number 2")
    page.get_by_role("button", name="Rerun from here").click()
    link = page.get_by_role("link", name="Open the new execution")
    link.wait_for()
    again = re.search(r"executions/([^/]+)$", link.get_attribute("href"))
    assert again is not None
    second = wf.get_execution(again[1])
    assert second.wait(60) == "succeeded"
    assert second.tasks["load"].status == "cached"

    open_page(page, server, second, "succeeded")
    choice = page.get_by_label("Compare with another execution")
    choice.wait_for()
    choice.select_option(first.id)
    page.wait_for_selector(".wfj-page-compare table")
    load = page.locator(".wfj-page-compare tbody tr", has_text="load")
    expect(load.locator("td").last).to_have_text("cached")


@pytest.mark.place("plain, on one address", "page")
def test_one_running_task_is_cancelled_from_its_panel(page: Any, server: JupyterProcess, tmp_path: Path) -> None:
    execution = gated(tmp_path / "never").submit()
    open_page(page, server, execution, "running")
    card = page.locator(".wfj-card[data-status=running]")
    card.wait_for()
    card.click()
    page.get_by_role("button", name="Cancel task").click()
    assert execution.wait(60) is not None
    page.wait_for_function("() => document.querySelector('.wfj-panel').dataset.status === 'cancelled'")


#: No slash: names of tasks have none.
EVIL = "<img src=x onerror='top.owned = 1'><svg onload='top.owned = 1'><iframe srcdoc='<script>top.owned = 1'>"


def test_whatever_tasks_say_is_shown_as_text_or_behind_bars(page: Any, server: JupyterProcess) -> None:
    evil = EVIL

    class Result:
        def __repr__(self) -> str:
            return evil

        _repr_html_ = __repr__

    @wf.task(name=f"say {EVIL}")
    def say() -> Any:
        from IPython.display import HTML, Markdown, display

        print(evil)
        display(HTML(evil))
        display(Markdown(evil))
        return Result()

    @wf.task
    def fail(said: Any) -> None:
        raise ValueError(evil)

    @wf.workflow(name=EVIL)
    def saying(text: str) -> Any:
        return fail(say())

    execution = saying.submit(text=EVIL)
    assert execution.wait(60) == "failed"
    open_page(page, server, execution, "failed")
    page.get_by_role("tab", name="Table").click()
    page.get_by_role("button", name=EVIL, exact=False).first.click()
    expect(page.locator(".wfj-panel .wfj-log[role=log]")).to_contain_text(EVIL)
    expect(page.locator(".wfj-panel iframe").first).to_be_visible()
    frames = page.locator(".wfj-panel iframe")
    for index in range(frames.count()):
        assert frames.nth(index).get_attribute("sandbox") == "allow-scripts", "no forms, no origin"
        frames.nth(index).content_frame.locator("iframe").content_frame.locator("body").wait_for()
    page.get_by_role("button", name="fail", exact=True).click()
    expect(page.locator(".wfj-panel .wfj-headline")).to_contain_text(EVIL)
    page.goto(f"{server.url}wf-jupyter/?token={server.token}")
    expect(page.locator(".wfj-list-name").first).to_have_text(EVIL)
    for address in (page.url, f"{server.url}wf-jupyter/executions/{execution.id}/compare/{execution.id}"):
        page.goto(address)
        page.get_by_text("<img src=x").first.wait_for()
        assert page.evaluate("() => window.owned === undefined && document.title !== 'owned'")
