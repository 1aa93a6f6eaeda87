"""JupyterLab in the settings that people have: the view, the page and programs work, also after a restart."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser import LAB, READY, RUN, launched
from tests.hub.visitor import FLOW, comes_to_live
from tests.jupyter_process import FOLDERS, JupyterProcess, free_port, until

pytestmark = [pytest.mark.slow, pytest.mark.ui, pytest.mark.timeout(300)]

EXECUTIONS = "wf-jupyter/api/v1/executions"
#: JupyterLab itself needs inline styles, `eval` for its schemas and modules from blobs for its widgets.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'"
)
#: Remembers what a policy refused, with the script that asked for it.
REFUSED = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile} ${event.sample}`));
"""

FORWARD = """
import asyncio, sys

async def pour(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def forward(reader, writer):
    try:
        ends = await asyncio.open_unix_connection(sys.argv[2])
    except OSError:
        writer.close()
        return
    await asyncio.gather(pour(reader, ends[1]), pour(ends[0], writer))

async def main():
    async with await asyncio.start_server(forward, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched("--ignore-certificate-errors") as running:
        yield running


@contextmanager
def place(kind: str, directory: Path) -> Iterator[JupyterProcess]:
    """A JupyterLab in a setting."""
    port = free_port()
    match kind:
        case "IPv6":
            if not socket.has_ipv6 or not _can_listen_on_ipv6():
                pytest.skip("there is no IPv6 here")
            with _started(directory, port, f"http://[::1]:{port}/", ["--ServerApp.ip=::"]) as jupyter:
                yield jupyter
        case "TLS":
            with _started(directory, port, f"https://127.0.0.1:{port}/", _certified(directory)) as jupyter:
                yield jupyter
        case "a unix socket":
            sock = directory / "sock"
            with _forwarded(port, sock):
                options = [f"--ServerApp.sock={sock}"]
                with _started(directory, port, f"http://127.0.0.1:{port}/", options) as jupyter:
                    yield jupyter
        case "a prefix":
            options = ["--ServerApp.base_url=/our%20place/"]
            with _started(directory, port, f"http://127.0.0.1:{port}/our%20place/", options) as jupyter:
                yield jupyter
        case "a policy":
            headers = {"Content-Security-Policy": POLICY}
            options = ["--ServerApp.tornado_settings=" + json.dumps({"headers": headers})]
            with _started(directory, port, f"http://127.0.0.1:{port}/", options) as jupyter:
                yield jupyter
        case _:
            with _gateway(directory) as (gateway, token):
                url = f"http://127.0.0.1:{port}/"
                with _started(directory, port, url, [*gateway, f"--IdentityProvider.token={token}"]) as jupyter:
                    yield jupyter


@pytest.mark.place("every interface, IPv6 (`::`)", "Lab", "page", "REST", "restart")
@pytest.mark.place("TLS with a certificate of another name", "Lab", "page", "REST", "restart")
@pytest.mark.place("a unix socket (`--sock`)", "Lab", "page", "REST", "restart")
@pytest.mark.place("a prefix with a blank", "Lab", "page", "REST", "restart")
@pytest.mark.place("a kernel behind a gateway, with a token", "Lab", "page", "REST", "restart")
@pytest.mark.place("a policy of `default-src 'self'`", "kernel", "Lab", "REST", "restart")
@pytest.mark.parametrize(
    "kind",
    [
        "TLS",
        "a policy",
        # They differ in how kernels and programs are reached, which others test as well.
        *(pytest.param(kind, marks=pytest.mark.long) for kind in ("IPv6", "a unix socket", "a prefix", "a gateway")),
    ],
)
def test_view_page_and_programs_work_and_go_on_after_a_restart(kind: str, browser: Any, tmp_path: Path) -> None:
    with place(kind, tmp_path) as jupyter:
        cell = nbformat.v4.new_code_cell(FLOW + "flow.submit(x=1, seconds=300.0)")
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), jupyter.root / "n.ipynb")
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        lab = context.new_page()
        lab.set_default_timeout(60_000)
        lab.add_init_script(REFUSED)
        lab.goto(f"{jupyter.url}lab/tree/n.ipynb?reset&token={jupyter.token}", wait_until="commit")
        lab.wait_for_function(READY)
        lab.evaluate(RUN, 0)
        lab.locator(".wfj-root").first.wait_for()
        comes_to_live(lab)
        assert not [refused for refused in lab.evaluate("() => refused") if "wf" in refused or "blob" in refused]
        # The server knows it, so the kernel has found the server.
        (execution,) = jupyter.ask("GET", EXECUTIONS)["executions"]
        assert jupyter.ask("GET", f"{EXECUTIONS}/{execution['id']}")["status"] == "running"
        page = context.new_page()
        page.goto(f"{jupyter.url}wf-jupyter/executions/{execution['id']}")
        comes_to_live(page)
        lab.close()
        jupyter.kill()
        jupyter.start()
        comes_to_live(page)
        context.close()


@contextmanager
def _started(directory: Path, port: int, url: str, options: Sequence[str]) -> Iterator[JupyterProcess]:
    jupyter = JupyterProcess(directory / "jupyter", "lab", [*LAB, *options], port)
    jupyter.url = url
    given = [option.partition("=")[2] for option in options if option.startswith("--IdentityProvider.token=")]
    jupyter.token = given[0] if given else jupyter.token
    try:
        yield jupyter.start()
    finally:
        jupyter.stop()


def _can_listen_on_ipv6() -> bool:
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def _certified(directory: Path) -> Sequence[str]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=public.example"]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return f"--ServerApp.certfile={certificate}", f"--ServerApp.keyfile={key}"


@contextmanager
def _gateway(directory: Path) -> Iterator[tuple[Sequence[str], str]]:
    """A kernel gateway; the options of a server that uses it, and the token that kernels there have of that server."""
    pytest.importorskip("kernel_gateway", reason="jupyter_kernel_gateway is not installed")
    port, token = free_port(), "a-token-of-the-server"
    # Its folders are its own: no kernel sees a file of the server.
    own = JupyterProcess(directory / "gateway")
    command = [sys.executable, "-m", "kernel_gateway", f"--KernelGatewayApp.port={port}"]
    # Jupyter asks for the list.
    command += ["--KernelGatewayApp.auth_token=gate", "--JupyterWebsocketPersonality.list_kernels=True"]
    with (directory / "gateway.log").open("wb") as log:
        # Of its own variables it hands on only these.
        handed_on = ["WF_JUPYTER_TOKEN", *FOLDERS]
        environment = {**own.environment, "WF_JUPYTER_TOKEN": token, "KG_ENV_PROCESS_WHITELIST": ",".join(handed_on)}
        process = subprocess.Popen(command, env=environment, cwd=own.root, stdout=log, stderr=log)
    try:
        until(lambda: _listens(port), f"the gateway does not answer; see {directory / 'gateway.log'}", 60)
        yield [f"--GatewayClient.url=http://127.0.0.1:{port}", "--GatewayClient.auth_token=gate"], token
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _forwarded(port: int, sock: Path) -> Iterator[None]:
    """A port that leads to a unix socket, which no browser can open."""
    process = subprocess.Popen([sys.executable, "-c", FORWARD, str(port), str(sock)])
    try:
        until(lambda: _listens(port), "nothing listens", 30)
        yield
    finally:
        process.terminate()
        process.wait(30)
