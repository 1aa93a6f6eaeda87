"""`static/client.js` in a browser, on a page of the Jupyter server; and the view where no WebSocket gets through."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jupyter_process import JupyterProcess
from tests.pictures import picture
from tests.ui.harness import SOCKETS
from tests.ui.test_live_view import RESTART

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.ui

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
PUBLISH = """
import wf_jupyter as wf

@wf.task
def hello(name):
    print("greeting", name)
    return f"Hello {name}"

@wf.task
def join(greetings):
    return ", ".join(greetings)

@wf.workflow
def greet(names: list[str]):
    return join(hello.map(names))

greet.publish()

@wf.task
def wait_for(path):
    import pathlib, time
    while not pathlib.Path(path).exists():
        time.sleep(0.02)
    return "done"

@wf.workflow
def waiting(paths: list[str]):
    return wait_for.map(paths)

waiting.publish()
"""
STATUS = "(status) => document.querySelector('.wfj-root')?.dataset.status === status"
ITEMS_ARE = "(w) => [...document.querySelectorAll('#tasks li')].map((item) => item.textContent).sort().join() === w"
#: What a page's script would write, with the client of the page kept where the test finds it.
CLIENT = """async () => {
  const { WorkflowClient } = await import("./wf_jupyter/client.js");
  window.client = new WorkflowClient();
  window.seen = [];
  client.on("event", ({ seq }) => seen.push(seq));
  client.on("snapshot", ({ seq }) => seen.push(`snapshot ${seq}`));
  await client.connect();
  return client.getState().connection.kind;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[JupyterProcess]:
    """A plain Jupyter server with the example among its static files, and two published workflows."""
    folder = tmp_path_factory.mktemp("client")
    running = JupyterProcess(folder, "server", [f"--ServerApp.extra_static_paths={EXAMPLES}"]).start()
    try:
        environment = {**running.environment, "WF_JUPYTER_URL": running.url, "WF_JUPYTER_TOKEN": running.token}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        script = folder / "publish.py"
        script.write_text(PUBLISH)
        subprocess.run([sys.executable, script], env=environment, cwd=running.root, check=True, timeout=120)
        yield running
    finally:
        running.stop()


@pytest.fixture
def example(page: Any, server: JupyterProcess) -> Any:
    """The example, opened by somebody who has logged in."""
    page.add_init_script(SOCKETS)
    page.goto(f"{server.url}login?next=/static/client.html")
    page.locator("input[name=password]").first.fill(server.token)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}static/client.html")
    return page


@pytest.fixture
def waiting(server: JupyterProcess, tmp_path: Path) -> Iterator[tuple[str, list[Path]]]:
    """An execution of three tasks, each of which ends when its file is there."""
    files = [tmp_path / name for name in "abc"]
    body = {"workflow": "waiting", "input": {"paths": [str(file) for file in files]}}
    yield server.ask("POST", "wf-jupyter/api/v1/executions", body)["id"], files
    for file in files:
        file.touch()


def test_the_example_runs_a_workflow_and_shows_it(example: Any) -> None:
    example.get_by_role("status").get_by_text("live").wait_for()
    example.get_by_role("button", name="Run").click()
    example.locator("#result", has_text="Hello Ada, Hello Grace").wait_for()
    example.locator("#events li", has_text="workflow.completed").wait_for()
    example.wait_for_function(ITEMS_ARE, arg="hello[0]: succeeded,hello[1]: succeeded,join: succeeded")
    lines = example.locator("#events li").all_inner_texts()
    assert lines[0].startswith("workflow.started")
    assert lines[-1] == "workflow.completed · succeeded"
    assert any(line.startswith("task.log · hello[0]") and "greeting Ada" in line for line in lines)
    picture(example, "client-example")


def test_the_example_says_what_was_refused(example: Any) -> None:
    example.get_by_label("Published workflow").fill("nothing of the kind")
    example.get_by_role("button", name="Run").click()
    example.get_by_role("alert").get_by_text("nothing of the kind").wait_for()


def test_events_come_once_and_in_order_however_often_the_page_is_offline(
    example: Any, waiting: tuple[str, list[Path]]
) -> None:
    execution, files = waiting
    assert example.evaluate(CLIENT) == "live"
    example.evaluate("(id) => client.subscribe(id)", execution)
    for file in files:
        count = example.evaluate("() => { sockets.at(-1).close(); return sockets.length; }")
        file.touch()
        example.wait_for_function(
            "(count) => sockets.length > count && client.getState().connection.kind === 'live'", arg=count
        )
    end = example.evaluate("(id) => client.finished(id)", execution)
    seen = example.evaluate("() => seen")
    first = int(str(seen[0]).removeprefix("snapshot "))
    assert seen[1:] == list(range(first + 1, end["seq"] + 1))
    assert [task["status"] for task in end["tasks"]] == ["succeeded"] * 3


@pytest.fixture
def blocked(page: Any) -> list[str]:
    """A page whose WebSockets never open, as behind some proxies."""
    tried: list[str] = []

    def refuse(route: Any) -> None:
        tried.append(route.url)
        route.close(code=1011)

    page.route_web_socket("**/wf-jupyter/**", refuse)
    return tried


def test_the_view_asks_where_websockets_are_blocked(
    page: Any, server: JupyterProcess, blocked: list[str], waiting: tuple[str, list[Path]]
) -> None:
    execution, files = waiting
    page.goto(f"{server.url}wf-jupyter/executions/{execution}?token={server.token}")
    page.get_by_text("delayed").first.wait_for()
    assert blocked
    picture(page, "no-websocket")
    files[0].touch()
    expect(page.locator(".wfj-counts")).to_contain_text("1 succeeded")
    for file in files:
        file.touch()
    page.wait_for_function(STATUS, arg="succeeded")


def test_the_client_executes_and_follows_where_websockets_are_blocked(example: Any, blocked: list[str]) -> None:
    example.reload()
    example.get_by_role("status").get_by_text("delayed").wait_for()
    assert blocked
    example.get_by_role("button", name="Run").click()
    example.locator("#result", has_text="Hello Ada, Hello Grace").wait_for()
    expect(example.locator("#events li").first).to_contain_text("workflow.started")


def test_a_server_that_is_gone_is_said_so_and_found_again(
    page: Any, tmp_path: Path, server: JupyterProcess, waiting: tuple[str, list[Path]]
) -> None:
    execution, files = waiting
    page.goto(f"{server.url}wf-jupyter/executions/{execution}?token={server.token}")
    page.wait_for_function(STATUS, arg="running")
    server.kill()
    page.get_by_text("reconnecting").first.wait_for()
    page.get_by_text("stale since").first.wait_for()
    before = page.locator(".wfj-elapsed").inner_text()
    picture(page, "server-gone")
    assert page.locator(".wfj-elapsed").inner_text() == before
    server.start()
    for file in files:
        file.touch()
    page.wait_for_function(STATUS, arg="succeeded", timeout=60_000)
    expect(page.locator(".wfj-badge:visible")).to_have_count(0)


#: On a data directory of its own, where no server goes on with what it leaves.
EMBEDDED = """
import os, tempfile
import wf_jupyter as wf
os.environ["WF_JUPYTER_DATA_DIR"] = tempfile.mkdtemp()
wf.connect(mode="embedded")

@wf.task
def endless():
    import time
    time.sleep(1000)

@wf.workflow
def stuck():
    return endless()

stuck.submit()
"""


def test_an_engine_that_ended_with_its_kernel_is_said_to_be_gone(open_notebook: Callable[..., Any]) -> None:
    notebook = open_notebook("gone", [EMBEDDED])
    notebook.run(0)
    page = notebook.page
    page.get_by_text("via kernel").wait_for()
    page.wait_for_function(STATUS, arg="running")
    page.evaluate(RESTART)
    page.get_by_text("engine gone").wait_for()
    before = page.locator(".wfj-elapsed").inner_text()
    notebook.picture("engine-gone")
    page.get_by_text("stale since").first.wait_for()
    assert page.locator(".wfj-elapsed").inner_text() == before
