"""Behind nginx and Apache: as the page for administrators says, and as one finds them."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser import LAB, launched
from tests.hub.hub import Server
from tests.jupyter_process import JupyterProcess, until
from tests.saved import saved

from .proxies import Proxy, apache, documented, nginx

pytestmark = [pytest.mark.slow, pytest.mark.ui, pytest.mark.timeout(600)]

PREFIX = "/our place/"
PUBLIC = "jupyter.example.test"
#: Longer than every cut: nothing happens meanwhile.
QUIET = 7
CODE = """
import wf_jupyter as wf, json, sys, time
quiet = float(sys.argv[1])
@wf.task
def fit(x):
    print("fitting", x)
    return x * 10
@wf.task
def wait(xs, seconds):
    import time
    time.sleep(seconds)
    return sum(xs)
@wf.workflow
def train(xs: list[int]):
    return fit.map(xs)
@wf.workflow
def flow(xs: list[int], seconds: float):
    return wait(train(xs), seconds)
told = {"place": wf.connection().place}
lasting = flow.submit(xs=[1], seconds=600.0)
told["lasting"] = lasting.id
print(lasting.id, flush=True)
execution = flow.submit(xs=[0, 1, 2, 3], seconds=quiet)
told["events"] = [type(event).__name__ for event in execution.events(follow=True)][-1]
told["result"] = execution.result(timeout=60)
told["log"] = execution.tasks["train/fit[3]"].logs()
sys.stdin.readline()
lasting.cancel()
lasting.wait(timeout=60)
told["cancelled"] = lasting.status
told["listed"] = sorted(each.status for each in wf.executions(limit=100) if each.id in (lasting.id, execution.id))
print(json.dumps(told))
"""
# No WebSocket, another Host than the browser's, a cut of 3 s, answers that are held back and packed.
BARE_NGINX = "location / {{ proxy_pass http://127.0.0.1:{port}; proxy_read_timeout 3s; }}"
GZIP = "gzip on; gzip_types application/json application/msgpack; gzip_min_length 1; gzip_proxied any;"
# `%2F` in a path is not found.
BARE_APACHE = 'ProxyPass "/" "http://127.0.0.1:{port}/"\nProxyTimeout 3'


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    options = [
        f"--ServerApp.base_url={quote(PREFIX)}",
        f"--ServerApp.local_hostnames={PUBLIC}",
        "--ServerApp.trust_xheaders=True",
        *LAB,
    ]
    running = JupyterProcess(tmp_path_factory.mktemp("jupyter"), "lab", options=options)
    running.url += quote(PREFIX[1:])
    running.start()
    yield running
    running.stop()


def settings(kind: str, directory: Path, port: int) -> Proxy:
    match kind:
        case "nginx as documented":
            return nginx(directory, documented("nginx", port, PREFIX))
        case "nginx with TLS that cuts what is idle for 5 s":
            idle = documented("nginx", port, PREFIX).replace("proxy_read_timeout 1h", "proxy_read_timeout 5s")
            return nginx(directory, idle, certificate=certified(directory.parent))
        case "nginx as it is":
            return nginx(directory, BARE_NGINX.format(port=port), GZIP)
        case "Apache as documented":
            return apache(directory, documented("apache", port, PREFIX))
        case _:
            return apache(directory, BARE_APACHE.format(port=port))


KINDS = [
    "nginx as documented",
    "nginx with TLS that cuts what is idle for 5 s",
    "nginx as it is",
    "Apache as documented",
    "Apache as it is",
]


def certified(directory: Path) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={PUBLIC}"]
    names = ["-addext", f"subjectAltName=DNS:{PUBLIC},IP:127.0.0.1"]
    subprocess.run([*make, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return key, certificate


class Visit:
    """A proxy with a program that works through it."""

    def __init__(self, kind: str, directory: Path, jupyter: JupyterProcess) -> None:
        directory.mkdir()
        self.proxy = settings(kind, directory / "proxy", jupyter.port)
        self.is_secure = "TLS" in kind
        scheme = "https" if self.is_secure else "http"
        self.url = f"{scheme}://127.0.0.1:{self.proxy.port}{PREFIX}"
        self.page = f"{scheme}://{PUBLIC}:{self.proxy.port}{PREFIX}"
        environment = {**jupyter.environment, "WF_JUPYTER_URL": self.url, "WF_JUPYTER_TOKEN": jupyter.token}
        if self.is_secure:
            environment["SSL_CERT_FILE"] = str(directory / "certificate.pem")
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", CODE, str(QUIET)]
        self.program = subprocess.Popen(command, env=environment, cwd=directory, **pipes)
        self._lasting = ""

    @property
    def lasting(self) -> str:
        """The execution that runs until the program cancels it."""
        assert self.program.stdout is not None and self.program.stderr is not None
        self._lasting = self._lasting or self.program.stdout.readline().strip()
        assert self._lasting, self.program.stderr.read()
        return self._lasting

    def close(self) -> None:
        self.program.kill()
        self.program.communicate()
        self.proxy.stop()


@pytest.fixture(scope="module")
def visits(jupyter: JupyterProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Visit]]:
    """All at once: most of the time goes into waiting."""
    opened: dict[str, Visit] = {}
    missing: dict[str, str] = {}
    for number, kind in enumerate(KINDS):
        try:
            opened[kind] = Visit(kind, tmp_path_factory.mktemp("proxies") / str(number), jupyter)
        except pytest.skip.Exception as skipped:
            missing[kind] = str(skipped)

    def found(kind: str) -> Visit:
        return opened[kind] if kind in opened else pytest.skip(missing[kind])

    yield found
    for each in opened.values():
        each.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched(f"--host-resolver-rules=MAP {PUBLIC} 127.0.0.1", "--ignore-certificate-errors") as running:
        yield running


class Look:
    """A page on the lasting execution of a visit: one of ours, or a notebook in JupyterLab that was saved with it."""

    def __init__(self, browser: Any, visit: Visit, jupyter: JupyterProcess, has_sockets: bool) -> None:
        self.visit = visit
        self.wanted = "" if has_sockets else "delayed · no WebSocket"
        self._context = browser.new_context()
        self.page = self._opened()
        self.page.goto(f"{visit.page}login?next={quote(PREFIX)}wf-jupyter/&token={jupyter.token}")
        self.page.goto(f"{visit.page}wf-jupyter/executions/{visit.lasting}")
        # Its view needs no kernel, which JupyterLab does not get where there are no WebSockets.
        name = saved(jupyter, visit.lasting, jupyter.root)
        self.lab = self._opened()
        self.lab.goto(f"{visit.page}lab/workspaces/{visit.lasting}/tree/{name}?reset", wait_until="commit")

    def _opened(self) -> Any:
        page = self._context.new_page()
        page.set_default_timeout(90_000)
        return page

    def shown(self, page: Any) -> str:
        return " ".join(page.locator(".wfj-root").all_inner_texts())

    def is_current(self, page: Any) -> bool:
        page.wait_for_timeout(100)
        shown = self.shown(page)
        return "Running" in shown and self.wanted in shown and "connecting" not in shown and "stale" not in shown

    def becomes_current(self, page: Any, seconds: float = 40) -> None:
        until(lambda: self.is_current(page), f"not current at {page.url}: {self.shown(page)[:300]}", seconds)

    def close(self) -> None:
        self._context.close()

    @property
    def sockets(self) -> int:
        """How many WebSockets were asked for."""
        return self.visit.proxy.requests.count("/api/v1/ws")


@pytest.fixture(scope="module")
def looks(visits: Callable[[str], Visit], jupyter: JupyterProcess, browser: Any) -> Iterator[dict[str, Look]]:
    opened: dict[str, Look] = {}
    for kind in KINDS:
        with contextlib.suppress(pytest.skip.Exception):
            opened[kind] = Look(browser, visits(kind), jupyter, "as it is" not in kind)
    yield opened
    for look in opened.values():
        look.close()


@pytest.mark.place("nginx as documented", "page", "Lab")
@pytest.mark.place("nginx with TLS that cuts what is idle for 5 s", "page", "Lab")
@pytest.mark.place("nginx as it is: no WebSocket, no `Host`, a cut of 3 s", "page", "Lab")
@pytest.mark.place("Apache as documented", "page", "Lab")
@pytest.mark.place("Apache as it is: no WebSocket, a cut of 3 s", "page", "Lab")
def test_pages_are_current_and_stay_so_for_longer_than_a_proxy_has_patience(
    visits: Callable[[str], Visit], looks: dict[str, Look]
) -> None:
    # A proxy's cut comes in every such while; a machine too busy for a page to answer its server does not.
    troubles: dict[str, tuple[list[str], int]] = {}
    for _ in range(3):
        troubles.clear()
        for look in looks.values():
            look.becomes_current(look.page)
            look.becomes_current(look.lab, 90)
        before = {kind: look.sockets for kind, look in looks.items()}
        next(iter(looks.values())).page.wait_for_timeout(6_000)
        for kind, look in looks.items():
            shown = [look.shown(page) for page in (look.page, look.lab) if not look.is_current(page)]
            if shown or (not look.wanted and look.sockets != before[kind]):
                troubles[kind] = (shown, look.sockets - before[kind])
        if not troubles:
            break
    assert not troubles, f"not current, or WebSockets that were cut: {troubles}"
    for look in looks.values():
        look.lab.close()  # five JupyterLabs keep two processors busy


@pytest.mark.place("nginx as documented", "kernel")
@pytest.mark.place("nginx with TLS that cuts what is idle for 5 s", "kernel")
@pytest.mark.place("nginx as it is: no WebSocket, no `Host`, a cut of 3 s", "kernel")
@pytest.mark.place("Apache as documented", "kernel")
@pytest.mark.place("Apache as it is: no WebSocket, a cut of 3 s", "kernel")
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_that_were_started_through_a_proxy_find_the_server_without_it(
    kind: str, visits: Callable[[str], Visit], jupyter: JupyterProcess
) -> None:
    direct = jupyter.url if "as it is" in kind else ""
    server = Server(visits(kind).url.replace(" ", "%20"), jupyter.token, direct)
    assert server.run("import wf_jupyter as wf; print(wf.connection().place)") == "server\n"


@pytest.mark.place("nginx as documented", "restart")
@pytest.mark.place("nginx with TLS that cuts what is idle for 5 s", "restart")
@pytest.mark.place("nginx as it is: no WebSocket, no `Host`, a cut of 3 s", "restart")
@pytest.mark.place("Apache as documented", "restart")
@pytest.mark.place("Apache as it is: no WebSocket, a cut of 3 s", "restart")
def test_after_a_restart_of_jupyter_pages_go_on(looks: dict[str, Look], jupyter: JupyterProcess) -> None:
    jupyter.kill()
    jupyter.start()
    for look in looks.values():
        look.becomes_current(look.page)


@pytest.mark.place("nginx as documented", "REST")
@pytest.mark.place("nginx with TLS that cuts what is idle for 5 s", "REST")
@pytest.mark.place("nginx as it is: no WebSocket, no `Host`, a cut of 3 s", "REST")
@pytest.mark.place("Apache as documented", "REST")
@pytest.mark.place("Apache as it is: no WebSocket, a cut of 3 s", "REST")
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_works_through_a_proxy(kind: str, visits: Callable[[str], Visit]) -> None:
    visit = visits(kind)
    lasting = visit.lasting
    output, errors = visit.program.communicate("go on\n", timeout=120)
    assert visit.program.returncode == 0, errors
    assert json.loads(output) == {
        "place": "server",
        "lasting": lasting,
        "events": "WorkflowCompleted",
        "result": 60,
        "log": "fitting 3\n",
        "cancelled": "cancelled",
        "listed": ["cancelled", "succeeded"],
    }
    assert errors == ""
