"""The list of all executions: live, filtered, by keyboard, on a phone, and with 10,000 of them."""

from __future__ import annotations

import json
import re
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import packed
from tests.jupyter_process import JupyterProcess, until
from tests.pictures import picture
from tests.sample_workflows import doubling, failing, gated
from tests.ui.harness import SOCKETS
from wf_jupyter.client import session
from wf_jupyter.service.ids import new_execution_id
from wf_jupyter.store.database import FILE_NAME

expect = pytest.importorskip("playwright.sync_api").expect

MANY = 10_000
ROWS = ".wfj-list tbody tr"
ALL_ARE = "(status) => !document.querySelector(`.wfj-list tr[data-status]:not([data-status=${status}])`)"
AT_LEAST = "(count) => document.querySelectorAll('.wfj-list tbody tr').length >= count"
ALL_NAMED = "(name) => [...document.querySelectorAll('.wfj-list-name')].every((link) => link.textContent === name)"
ALL_COUNTED = "() => [...document.querySelectorAll('.wfj-list-count')].every((count) => count.textContent !== '')"
START_AND_ADDRESS = "(rows) => rows.map((row) => [row.querySelector('time').dateTime, row.querySelector('a').href])"
SCREENS = [("dark", "dark", 1280), ("phone", "light", 390), ("phone-dark", "dark", 390)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    running = JupyterProcess(tmp_path_factory.mktemp("jupyter")).start()
    wf.connect(url=running.url, token=running.token)
    yield running
    session.close()
    running.stop()


def open_list(page: Any, server: JupyterProcess, query: str = "") -> None:
    page.goto(f"{server.url}wf-jupyter/?token={server.token}{query}")
    page.wait_for_selector(".wfj-list-link[data-live=true]")


def row(page: Any, execution: wf.Execution) -> Any:
    return page.locator(f"{ROWS}:has(a[href$='{execution.id}'])")


def test_executions_come_and_go_by_themselves(page: Any, server: JupyterProcess, tmp_path: Path) -> None:
    open_list(page, server)
    gate = tmp_path / "gate"
    running = gated(gate).submit()
    mine = row(page, running)
    mine.wait_for()
    page.wait_for_selector(f"{ROWS}[data-status=running]:has(a[href$='{running.id}'])")
    page.wait_for_function(ALL_COUNTED)
    broken = failing().submit(b=0)
    page.wait_for_selector(f"{ROWS}[data-status=failed]:has(a[href$='{broken.id}'])")
    expect(page.locator(ROWS).first.locator("a"), "the newest is on top").to_have_text("dividing")
    picture(page, "list-light")

    mine.get_by_role("button", name="Cancel").click()
    page.wait_for_selector(f"{ROWS}[data-status=cancelled]:has(a[href$='{running.id}'])")
    gate.touch()
    mine.get_by_role("button", name="Retry").click()
    page.wait_for_selector(f"{ROWS}[data-status=succeeded]:has(a[href$='{running.id}'])")
    expect(mine.get_by_role("button")).to_have_count(0)
    mine.get_by_role("link").click()
    page.wait_for_selector(".wfj-root")


def test_filters_are_in_the_address_and_hold_for_what_comes(page: Any, server: JupyterProcess) -> None:
    doubling().submit(numbers=[1]).wait(60)
    failing().submit(b=0).wait(60)
    open_list(page, server)
    page.get_by_role("combobox", name="Status").select_option("failed")
    page.wait_for_url("**/?status=failed")
    before = len(wf.executions(status="failed"))
    expect(page.locator(ROWS)).to_have_count(before)
    page.wait_for_function(ALL_ARE, arg="failed")
    doubling().submit(numbers=[2]).wait(60)
    again = failing().submit(b=0)
    row(page, again).wait_for()
    expect(page.locator(ROWS)).to_have_count(before + 1)

    page.reload()
    row(page, again).wait_for()
    expect(page.get_by_role("combobox", name="Status")).to_have_value("failed")
    page.get_by_role("combobox", name="Workflow").fill("no such workflow")
    page.get_by_role("combobox", name="Workflow").press("Enter")
    page.get_by_text("No execution is like that.").wait_for()


def test_rows_are_sorted_and_found_by_name_input_and_id(page: Any, server: JupyterProcess) -> None:
    made = [doubling().submit(numbers=[number] * 7) for number in (71, 72)] + [failing().submit(b=0)]
    for execution in made:
        execution.wait(60)
    open_list(page, server)
    row(page, made[-1]).wait_for()
    find = page.get_by_role("searchbox", name="Find")
    names = page.locator(f"{ROWS}:not([hidden]) a")
    page.get_by_role("button", name="Workflow", exact=True).click()
    page.wait_for_selector(".wfj-list th[aria-sort=ascending]")
    found = names.all_text_contents()
    assert found == sorted(found)
    for words, wanted in (
        ("72, 72", [made[1]]),
        (f"{made[0].id[-6:]} doubled", [made[0]]),
        ("dividing b=0", [made[2]]),
    ):
        find.fill(words)
        row(page, wanted[0]).wait_for()
        for other in made:
            expect(row(page, other)).to_be_visible(visible=other in wanted)
    page.get_by_role("button", name="Started").click()
    find.fill("no such thing")
    page.get_by_text("No execution is like that.").wait_for()


def test_everything_can_be_reached_by_keyboard(page: Any, server: JupyterProcess) -> None:
    for number in range(3):
        doubling().submit(numbers=[number]).wait(60)
    open_list(page, server)
    page.locator(ROWS).nth(2).wait_for()
    page.locator(f"{ROWS} a").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"{ROWS} a").nth(2)).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator(f"{ROWS} a").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Find")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator(f"{ROWS} a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".wfj-root")


def test_a_page_that_lost_its_server_says_so_and_finds_it_again(page: Any, tmp_path: Path) -> None:
    server = JupyterProcess(tmp_path).start()
    try:
        open_list(page, server)
        server.kill()
        page.wait_for_selector(".wfj-list-link[data-live=false]")
        page.get_by_role("button", name=re.compile("reconnecting in [0-9]+ s")).wait_for()
        server.start()
        page.wait_for_selector(".wfj-list-link[data-live=true]", timeout=60_000)
    finally:
        server.stop()


def test_the_focus_stays_where_it_is_when_rows_come_and_the_list_is_read_anew(
    page: Any, server: JupyterProcess
) -> None:
    for number in range(3):
        doubling().submit(numbers=[number]).wait(60)
    page.add_init_script(SOCKETS)
    open_list(page, server)
    link = page.locator(f"{ROWS} a").nth(2)
    link.focus()
    address = link.get_attribute("href")
    new = doubling().submit(numbers=[1])
    row(page, new).wait_for()
    with page.expect_response("**/executions?*limit=*"):
        page.evaluate("() => sockets.at(-1).close()")
    page.wait_for_function("() => sockets.length > 1")
    page.wait_for_selector(".wfj-list-link[data-live=true]")
    expect(page.locator(f"{ROWS} a[href='{address}']")).to_be_focused()


def test_where_websockets_are_blocked_the_list_says_so_and_its_buttons_work(
    page: Any, server: JupyterProcess, tmp_path: Path
) -> None:
    page.route_web_socket("**/wf-jupyter/**", lambda route: route.close(code=1011))
    running = gated(tmp_path / "gate").submit()
    page.goto(f"{server.url}wf-jupyter/?token={server.token}")
    page.get_by_text("delayed · no WebSocket").first.wait_for()
    row(page, running).get_by_role("button", name="Cancel").click()
    page.wait_for_selector(f"{ROWS}[data-status=cancelled]:has(a[href$='{running.id}'])")
    later = failing().submit(b=0)
    page.wait_for_selector(f"{ROWS}[data-status=failed]:has(a[href$='{later.id}'])")
    picture(page, "list-delayed")


READ_ONLY = """
from jupyter_server.auth.authorizer import Authorizer


class ReadOnly(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return action == "read" or resource != "wf_jupyter"


c.ServerApp.authorizer_class = ReadOnly
"""


def submit_as_kernel(server: JupyterProcess, workflow: Any) -> None:
    """With the secret of the server's kernels, whom no authorizer is asked about."""
    (file,) = until(lambda: list(server.runtime_directory.glob("wf_jupyter-*.json")), "no connection file")
    secret = json.loads(file.read_text())["secret"]
    headers = {"Authorization": f"wf-jupyter {secret}", "Content-Type": "application/msgpack"}
    address, body = f"{server.url}wf-jupyter/api/v1/executions", msgspec.msgpack.encode(packed(workflow))
    urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=30).close()


def test_who_may_only_read_finds_no_buttons_that_would_be_refused(page: Any, tmp_path: Path) -> None:
    server = JupyterProcess(tmp_path)
    Path(server.environment["JUPYTER_CONFIG_DIR"], "jupyter_server_config.py").write_text(READ_ONLY)
    server.start()
    try:
        submit_as_kernel(server, gated(tmp_path / "gate"))
        open_list(page, server)
        page.wait_for_selector(f"{ROWS}[data-status=running]")
        page.get_by_text("read only").wait_for()
        expect(page.locator(f"{ROWS} button")).to_have_count(0)
        page.locator(f"{ROWS} a").click()
        page.wait_for_selector(".wfj-root[data-status=running]")
        page.get_by_role("button", name="Cancel the execution").click()
        page.get_by_text("you are not allowed to change or delete executions on this server").wait_for()
        (tmp_path / "gate").touch()
        page.wait_for_selector(".wfj-root[data-status=succeeded]")
    finally:
        server.stop()


def test_names_of_workflows_are_text(page: Any, server: JupyterProcess) -> None:
    @wf.workflow(name="<img src=x onerror=document.title='owned'>")
    def shown() -> int:
        return 1

    execution = shown.submit()
    execution.wait(60)
    open_list(page, server)
    expect(row(page, execution).locator("a")).to_have_text(shown.name)
    assert page.title() == "Workflow executions"


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """A server with 10,000 executions in its store."""
    folder = tmp_path_factory.mktemp("crowded")
    running = JupyterProcess(folder).start()
    wf.connect(url=running.url, token=running.token)
    doubling().submit(numbers=list(range(20))).wait(60)
    session.close()
    running.stop()
    database = sqlite3.connect(Path(running.environment["WF_JUPYTER_DATA_DIR"]) / FILE_NAME)
    columns = "workflow, status, seq, created, ended, counts, size, builds_on, asked_by, owned_by"
    model = database.execute(f"SELECT {columns} FROM executions").fetchone()
    now = datetime.now(UTC)
    states = ["succeeded"] * 7 + ["failed", "cancelled", "failed"]
    lines = []
    for number in range(MANY - 1):
        created = now - timedelta(minutes=number + 1)
        changed = [f"workflow_{number % 7}", states[number % 10], model[2], created.isoformat()]
        changed += [(created + timedelta(seconds=number % 90)).isoformat(), *model[5:]]
        lines.append((new_execution_id(created), *changed))
    with database:
        database.executemany(f"INSERT INTO executions (id, {columns}) VALUES ({', '.join('?' * 11)})", lines)
    database.close()
    running.start()
    yield running
    running.stop()


def test_ten_thousand_executions_are_as_quick_as_ten(page: Any, crowded: JupyterProcess) -> None:
    started = time.monotonic()
    open_list(page, crowded)
    page.locator(ROWS).nth(99).wait_for()
    assert time.monotonic() - started < 10
    assert page.locator(ROWS).count() <= 200, "only what can be seen soon"
    for wanted in (200, 300, 400):
        page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function(AT_LEAST, arg=wanted)
    lines = page.locator(ROWS).evaluate_all(START_AND_ADDRESS)
    assert lines == sorted(lines, key=itemgetter(0), reverse=True)
    assert len({address for _, address in lines}) == len(lines)
    page.get_by_role("combobox", name="Workflow").fill("workflow_3")
    page.get_by_role("combobox", name="Workflow").press("Enter")
    page.wait_for_function(ALL_NAMED, arg="workflow_3")
    picture(page, "list-filtered")


@pytest.mark.parametrize(("name", "scheme", "width"), SCREENS)
def test_the_list_fits_where_it_is_shown(
    browser: Any, crowded: JupyterProcess, name: str, scheme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    open_list(page, crowded)
    page.locator(ROWS).nth(20).wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out sideways"
    picture(page, f"list-{name}")
    context.close()
