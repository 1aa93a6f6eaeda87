"""Under a real JupyterHub, whose proxy and cookies stand between a person and the server, as two of its users."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import nbformat
import pytest

from tests.browser import READY, RUN, launched
from tests.jupyter_process import until
from tests.saved import saved
from tests.ui.harness import SOCKETS

from .hub import Hub, Server
from .visitor import FLOW, START, comes_to_live, log_in

pytestmark = [pytest.mark.slow, pytest.mark.ui, pytest.mark.timeout(600)]

EXECUTIONS = "wf-jupyter/api/v1/executions"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as running:
        yield running


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    running = Hub(tmp_path_factory.mktemp("hub"), prefix="/our%20place/").start()
    try:
        for user in ("anna", "bob"):
            running.add(user)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def anna(hub: Hub) -> Server:
    return hub.start_server("anna")


@pytest.fixture(scope="module")
def bob(hub: Hub) -> Server:
    return hub.start_server("bob")


@pytest.fixture(scope="module")
def running(anna: Server) -> str:
    """An execution of Anna's that takes long."""
    place, execution = anna.run(START).split()
    assert place == "server"
    return execution


@pytest.fixture(scope="module")
def pages(browser: Any, hub: Hub) -> Iterator[Any]:
    """A browser in which Anna has logged in."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    log_in(context.new_page(), hub, "anna")
    yield context
    context.close()


@pytest.mark.place("JupyterHub below a prefix, two users", "kernel", "REST")
def test_each_has_a_server_and_is_refused_at_the_others(anna: Server, bob: Server, running: str) -> None:
    assert anna.status(f"{EXECUTIONS}/{running}") == 200
    assert anna.status(f"{EXECUTIONS}/{running}", bob.token) == 403
    assert bob.ask("GET", EXECUTIONS)["executions"] == []
    # Other users' work keeps nobody from his own.
    assert bob.run(FLOW + "print(flow.submit(x=1).result(timeout=60), wf.connection().place)").split() == [
        "4",
        "server",
    ]


@pytest.mark.place("JupyterHub below a prefix, two users", "page")
def test_the_pages_are_live_and_take_commands(pages: Any, hub: Hub, anna: Server) -> None:
    execution = anna.run(START).split()[1]
    page = pages.new_page()
    page.set_default_timeout(90_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(f"{hub.url}user/anna/wf-jupyter/executions/{execution}")
    comes_to_live(page)
    assert not [url for url in asked if "token=" in url]
    page.get_by_role("button", name="Cancel").first.click()
    until(
        lambda: anna.ask("GET", f"{EXECUTIONS}/{execution}")["status"] in ("cancelling", "cancelled"),
        "the page's command did not arrive",
    )
    page.goto(f"{hub.url}user/anna/wf-jupyter/")
    page.get_by_text("flow").first.wait_for()
    page.close()


@pytest.mark.place("JupyterHub below a prefix, two users", "Lab")
def test_the_view_in_jupyterlab_is_live_and_says_to_log_in_again_when_the_login_is_gone(
    browser: Any, hub: Hub, anna: Server
) -> None:
    cell = nbformat.v4.new_code_cell(FLOW + "flow.submit(x=1, seconds=300.0)")
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), hub.home("anna") / "t.ipynb")
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.add_init_script(SOCKETS)
    log_in(page, hub, "anna")
    page.goto(f"{hub.url}user/anna/lab/tree/t.ipynb?reset")
    page.wait_for_function(READY, timeout=90_000)
    page.evaluate(RUN, 0)
    page.locator(".wfj-root").first.wait_for()
    comes_to_live(page)
    # The channel to the kernel stays open; everything new is refused, and nobody can be sent to log in again.
    context.clear_cookies()
    page.evaluate("() => { for (const socket of sockets) if (socket.url.includes('wf-jupyter')) socket.close(); }")
    # The page has a token of JupyterLab's, which is enough to ask for news.
    page.get_by_text("delayed · no WebSocket").first.wait_for()
    page.route("**/wf-jupyter/api/**", without_token)
    page.get_by_text("log in to the Jupyter server again").first.wait_for(timeout=90_000)
    context.close()


def without_token(route: Any) -> None:
    route.continue_(headers={name: value for name, value in route.request.headers.items() if name != "authorization"})


@pytest.mark.place("JupyterHub below a prefix, two users", "restart")
def test_a_server_that_the_hub_stopped_is_told_of_and_followed_again(
    pages: Any, hub: Hub, anna: Server, running: str
) -> None:
    page = pages.new_page()
    page.goto(f"{hub.url}user/anna/wf-jupyter/executions/{running}")
    comes_to_live(page)
    hub.stop_server("anna")
    page.get_by_text("start it again in the Hub's control panel").first.wait_for(timeout=90_000)
    again = hub.start_server("anna")
    # The execution goes on by itself, and so does the page.
    comes_to_live(page)
    assert again.ask("GET", f"{EXECUTIONS}/{running}")["status"] == "running"
    page.close()


@pytest.mark.place("a named server of a Hub", "kernel", "Lab", "page", "REST", "restart")
def test_a_named_server_is_a_place_of_its_own_with_the_same_history(pages: Any, hub: Hub, anna: Server) -> None:
    named = hub.start_server("anna", "second")
    place, execution = named.run(START).split()
    assert place == "server"
    assert named.status(f"{EXECUTIONS}/{execution}") == 200
    saved(named, execution, hub.home("anna"))
    lab, page = pages.new_page(), pages.new_page()
    lab.goto(f"{named.url}lab/tree/{execution}.ipynb?reset", wait_until="commit")
    page.goto(f"{named.url}wf-jupyter/executions/{execution}")
    for opened in (page, lab):
        # The first visit leads over the Hub, which asks the server's own question of identity.
        opened.locator(".wfj-root").first.wait_for(timeout=90_000)
        comes_to_live(opened, 90)
    lab.close()
    hub.stop_server("anna", "second")
    hub.start_server("anna", "second")
    comes_to_live(page, 90)
    page.close()


@pytest.fixture
def culler(hub: Hub) -> Iterator[None]:
    """Ends servers that are idle for 10 s."""
    pytest.importorskip("jupyterhub_idle_culler", reason="jupyterhub-idle-culler is not installed")
    command = [sys.executable, "-m", "jupyterhub_idle_culler", f"--url={hub.local}hub/api"]
    environment = {**hub.environment, "JUPYTERHUB_API_TOKEN": hub.token}
    with (hub.root / "culler.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--timeout=10", "--cull-every=2"], env=environment, stdout=log, stderr=log, cwd=hub.root
        )
    yield
    process.terminate()
    process.wait(30)


@pytest.mark.long
def test_a_culler_leaves_a_server_alone_as_long_as_an_execution_runs(hub: Hub, bob: Server, culler: None) -> None:
    started = bob.run(START).split()[1]

    def active() -> datetime:
        return datetime.fromisoformat(hub.state("bob")["last_activity"])

    for kernel in bob.ask("GET", "api/kernels"):
        bob.ask("DELETE", f"api/kernels/{kernel['id']}")
    before = active()
    # Nobody asks the server anything; what is left is the execution.
    until(lambda: (active() - before).total_seconds() > 12, "the Hub would take the server for idle", 50)
    assert bob.ask("GET", f"{EXECUTIONS}/{started}")["status"] == "running"
    bob.ask("POST", f"{EXECUTIONS}/{started}/cancel", {})
    until(lambda: not hub.state("bob"), f"an idle server was not ended; see {hub.root / 'culler.log'}", 60)
