"""Timeline, table, task panel and replay, in one file that needs neither server nor network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wf_jupyter as wf
from tests.sample_workflows import retried
from wf_jupyter.client import session

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run with a map, retries, printed text and a long task, as a file."""
    wf.connect(mode="embedded")
    marks = tmp_path_factory.mktemp("marks")
    execution = retried(marks).submit(numbers=list(range(12)))
    assert execution.wait(60) == "succeeded"
    yield execution.to_html(tmp_path_factory.mktemp("file") / "run.html")
    session.close()


@pytest.fixture
def page(browser: Any, file: Path) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 800, "height": 900}, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.wf_requests = []
    page.wf_errors = []
    page.on("request", lambda request: page.wf_requests.append(request.url))
    page.on("pageerror", lambda error: page.wf_errors.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector(".wfj-root[data-status=succeeded]")
    yield page
    assert page.wf_errors == []
    context.close()


def open_tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def test_the_file_shows_the_run_and_asks_nobody(page: Any, file: Path) -> None:
    page.wait_for_selector(".wfj-card")
    assert all(url == file.as_uri() or url.startswith("blob:") for url in page.wf_requests)
    expect(page.locator(".wfj-head .wfj-command:visible")).to_have_text(["Replay"])
    expect(page.locator(".wfj-badge")).to_be_hidden()


def test_a_replay_goes_back_to_the_beginning_and_to_the_end_again(page: Any) -> None:
    page.get_by_role("button", name="Replay").click()
    # It plays at once, and the run is short: first let it come to its end.
    page.wait_for_selector(".wfj-play[aria-label=Play]")
    slider = page.locator(".wfj-slider")
    slider.fill("0")
    page.wait_for_selector(".wfj-root:not([data-status=succeeded])")
    for tab in ("Timeline", "Table", "Graph"):
        open_tab(page, tab)
        page.get_by_role("tabpanel", name=tab.lower()).wait_for()
        expect(page.locator(".wfj-root")).not_to_have_attribute("data-status", "succeeded")
    slider.fill(slider.get_attribute("max"))
    page.wait_for_selector(".wfj-root[data-status=succeeded]")
    slider.fill("1")
    page.wait_for_selector(".wfj-root:not([data-status=succeeded])")
    page.get_by_role("button", name="100×").click()
    page.locator(".wfj-play").click()
    page.wait_for_selector(".wfj-root[data-status=succeeded]")
    page.get_by_role("button", name="Close the replay").click()
    page.wait_for_selector(".wfj-replay", state="detached")
    expect(page.locator(".wfj-root")).to_have_attribute("data-status", "succeeded")


def test_the_timeline_names_the_critical_path_and_draws_every_try(page: Any) -> None:
    open_tab(page, "Timeline")
    expect(page.locator(".wfj-path-words")).to_have_text(re.compile(r"^Critical path.*load.*%", re.DOTALL))
    flaky = page.locator(".wfj-lane-row[data-key=flaky]")
    expect(flaky.locator(".wfj-span")).to_have_count(2)
    expect(flaky.locator(".wfj-span.wfj-s-failed.wfj-earlier")).to_have_count(1)
    expect(flaky.locator(".wfj-wait")).to_have_count(1)
    expect(page.locator(".wfj-lane-row[data-key=double] .wfj-area")).to_have_count(1)


def test_the_table_filters_and_copies_what_it_found(page: Any) -> None:
    open_tab(page, "Table")
    page.locator(".wfj-table-bar .wfj-select[aria-label=Tries]").select_option("2")
    expect(page.locator(".wfj-rows .wfj-row")).to_have_count(1)
    page.get_by_role("button", name="Copy the rows").click()
    page.wait_for_function("() => document.querySelector('.wfj-table-bar [role=status]').textContent === 'copied'")
    lines = page.evaluate("() => navigator.clipboard.readText()").split("\n")
    assert lines[0].split("\t")[:3] == ["Status", "Task", "Tries"]
    assert [line.split("\t")[:3] for line in lines[1:]] == [["succeeded", "flaky", "2"]]


def test_a_task_shows_the_log_of_each_try_and_finds_text_in_it(page: Any) -> None:
    open_tab(page, "Table")
    page.get_by_role("button", name="flaky", exact=True).click()
    log = page.get_by_role("log")
    expect(log).to_have_text("try number 2")
    page.get_by_role("button", name="Try 1").click()
    expect(log).to_have_text("try number 1")
    page.get_by_role("button", name="Try 2").click()
    expect(log).to_have_text("try number 2")
    page.get_by_placeholder("Find in the log").fill("NUMBER 2")
    expect(page.locator(".wfj-found mark")).to_have_text("number 2")
    page.locator(".wfj-found").click()
    expect(log).to_have_text("try number 2")
    expect(page.locator(".wfj-facts")).to_have_text(re.compile("tries 2.*queued.*each", re.DOTALL))
    page.get_by_role("button", name="Copy code").click()
    page.wait_for_function("() => document.querySelector('.wfj-task-actions [role=status]').textContent === 'copied'")
    code = page.evaluate("() => navigator.clipboard.readText()")
    assert code.startswith('wf.get_execution("') and code.endswith('.tasks["flaky"].result()')
