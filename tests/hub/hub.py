"""A real JupyterHub with its proxy: users with servers of their own, below a prefix."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.browser import LAB
from tests.jupyter_process import free_port, until

PROXY = Path(__file__).parent / "node_modules" / ".bin"
#: The hub's own and the servers' environment must not lead to the Jupyter of whoever runs the tests.
FOREIGN = ("JUPYTER", "JPY_", "WF_JUPYTER_", "IPYTHON")
CONFIG = """
c.JupyterHub.bind_url = "{bind}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "{api}"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{root}/users/{{username}}"
c.JupyterHub.allow_named_servers = True
c.Spawner.args = {arguments}
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.Spawner.environment = {{"JUPYTERHUB_ACTIVITY_INTERVAL": "2", "JUPYTER_CONFIG_DIR": "{root}/config"}}
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
scopes = ["admin:users", "admin:servers", "tokens", "access:servers"]
c.JupyterHub.load_roles = [{{"name": "tests", "services": ["tests"], "scopes": scopes}}]
c.JupyterHub.db_url = "sqlite:///{root}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{root}/cookie"
c.JupyterHub.log_level = "INFO"
{more}
"""


class Hub:
    """`url` is where people find it. `host` may be a name that only the browser of a test resolves."""

    def __init__(self, directory: Path, prefix: str = "/", host: str = "", config: Sequence[str] = ()) -> None:
        pytest.importorskip("jupyterhub", reason="JupyterHub is not installed")
        path = os.pathsep.join([str(PROXY), str(Path(sys.executable).parent), os.environ["PATH"]])
        if shutil.which("configurable-http-proxy", path=path) is None or shutil.which("node", path=path) is None:
            pytest.skip("JupyterHub's proxy is not installed: .ci/proxies installs it with npm")
        self.root = directory
        self.log = directory / "hub.log"
        self.token = secrets.token_hex(16)
        for folder in ("users", "config"):
            (directory / folder).mkdir()
        port = free_port()
        scheme = "https" if host else "http"
        self.url = f"{scheme}://{host or '127.0.0.1'}:{port}{prefix}"
        self.local = f"{scheme}://127.0.0.1:{port}{prefix}"
        written = CONFIG.format(
            root=directory,
            token=self.token,
            bind=self.local,
            # With `internal_ssl` the parts of the Hub talk over TLS to each other.
            api=f"{'https' if any('internal_ssl' in line for line in config) else 'http'}://127.0.0.1:{free_port()}",
            hub_port=free_port(),
            arguments=["--allow-root", "--ServerApp.jpserver_extensions=wf_jupyter=True", *LAB],
            more="\n".join(config),
        )
        (directory / "config.py").write_text(written)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.environment |= {"PATH": path, "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16), "HOME": str(directory)}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Hub:
        """Start and wait until it answers."""
        command = [sys.executable, "-m", "jupyterhub", "-f", str(self.root / "config.py")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, cwd=self.root, stdout=log, stderr=log)

        def answers() -> bool:
            assert self.process is not None and self.process.poll() is None, f"the hub ended; see {self.log}"
            with contextlib.suppress(OSError):
                self.ask("GET", "users")
                return True
            return False

        until(answers, f"the hub does not answer; see {self.log}", 180)
        return self

    def stop(self) -> None:
        """End it with its proxy and all servers."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the Hub's own interface, as its administrator."""
        return _ask(f"{self.local}hub/api/{path}", method, self.token, body)[1]

    def add(self, user: str) -> None:
        """Make a user."""
        self.ask("POST", f"users/{user}")

    def home(self, user: str) -> Path:
        """Where the files of a user's servers are."""
        return self.root / "users" / user

    def start_server(self, user: str, name: str = "") -> Server:
        """Start a user's server, which may have a name, and wait until it is ready."""

        def requested() -> bool:
            try:
                self.ask("POST", self._server(user, name), {})
            except urllib.error.HTTPError as error:
                if error.code != 400:  # it is still stopping
                    raise
                return False
            return True

        until(requested, f"the server of {user} cannot be started; see {self.log}", 60)
        until(lambda: self.state(user, name).get("ready"), f"no server of {user}; see {self.log}", 120)
        token = self.ask("POST", f"users/{user}/tokens", {})["token"]
        return Server(f"{self.local}user/{user}/{name + '/' if name else ''}", token)

    def stop_server(self, user: str, name: str = "") -> None:
        """Stop it, and wait until it is gone."""
        self.ask("DELETE", self._server(user, name), {} if name else None)
        until(lambda: not self.state(user, name), f"the server of {user} does not stop; see {self.log}", 60)

    def state(self, user: str, name: str = "") -> dict[str, Any]:
        """What the Hub knows of a server; empty when it does not run."""
        found: dict[str, Any] = (self.ask("GET", f"users/{user}").get("servers") or {}).get(name) or {}
        return found if not found.get("stopped") else {}

    @staticmethod
    def _server(user: str, name: str) -> str:
        return f"users/{user}/servers/{name}" if name else f"users/{user}/server"


class Server:
    """A user's server, reached through the Hub's proxy with a token of that user.

    `direct` is where its WebSockets are to be had when the proxy at `url` lets none through.
    """

    def __init__(self, url: str, token: str, direct: str = "") -> None:
        self.url = url
        self.token = token
        self._sockets = direct or url

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON that it answers."""
        return _ask(self.url + path, method, self.token, body)[1]

    def status(self, path: str, token: str | None = None) -> int:
        """The status of a GET, with this or another token."""
        try:
            return _ask(self.url + path, "GET", token or self.token, None)[0]
        except urllib.error.HTTPError as error:
            return error.code

    def run(self, code: str, timeout: float = 90) -> str:
        """What a new kernel prints for `code`."""
        from websockets.sync.client import connect

        kernel = self.ask("POST", "api/kernels", {"name": "python3"})["id"]
        secure: dict[str, Any] = {"ssl": _unverified()} if self._sockets.startswith("https") else {}
        request = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "1", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "user_expressions": {}}
        printed = ""
        with connect(
            f"ws{self._sockets.removeprefix('http')}api/kernels/{kernel}/channels",
            additional_headers={"Authorization": f"token {self.token}"},
            max_size=None,
            **secure,
        ) as socket:
            message = {"header": request, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
            socket.send(json.dumps(message))
            end = time.monotonic() + timeout
            while True:
                told = json.loads(socket.recv(max(0.1, end - time.monotonic())))
                match told["msg_type"]:
                    case "stream":
                        printed += told["content"]["text"]
                    case "error":
                        printed += "\n".join(told["content"]["traceback"])
                    case "execute_reply":
                        return printed


def _ask(url: str, method: str, token: str, body: Any) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    context = _unverified() if url.startswith("https") else None
    with urllib.request.urlopen(request, timeout=60, context=context) as answer:
        content = answer.read()
        return answer.status, json.loads(content) if content[:1] in (b"{", b"[") else content


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
