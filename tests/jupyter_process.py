"""A real Jupyter server in a process and directories of its own, for tests from outside."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDERS = {
    "HOME": "home",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "WF_JUPYTER_DATA_DIR": "executions",
}


class JupyterProcess:
    """One server, its address and token; `app` is `server` or `lab`."""

    def __init__(self, directory: Path, app: str = "server", options: Sequence[str] = (), port: int = 0) -> None:
        self.root = directory / "notebooks"
        self.log = directory / "jupyter.log"
        self.port = port or free_port()
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{self.port}/"
        self.environment = {**os.environ}
        for name in [name for name in self.environment if name.startswith(("JPY_", "WF_JUPYTER_"))]:
            del self.environment[name]
        for name, folder in FOLDERS.items():
            (directory / folder).mkdir(parents=True, exist_ok=True)
            self.environment[name] = str(directory / folder)
        self.root.mkdir(exist_ok=True)
        usual = [
            *(f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"),
            *(f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}"),
            *("--ServerApp.open_browser=False", "--allow-root", "--ServerApp.jpserver_extensions=wf_jupyter=True"),
        ]
        # No option may be given twice, and a server on a unix socket refuses to be told an address.
        given = {option.partition("=")[0] for option in options}
        if "--ServerApp.sock" in given:
            given |= {"--ServerApp.ip", "--ServerApp.port", "--ServerApp.port_retries"}
        kept = [option for option in usual if option.partition("=")[0] not in given]
        program = "jupyterlab" if app == "lab" else "jupyter_server"
        self.command = [sys.executable, "-m", program, *kept, *options]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self.process is not None, "it was not started"
        return self.process.pid

    def start(self) -> JupyterProcess:
        """Start and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=self.root, stdout=log, stderr=log, start_new_session=True
            )
        until(lambda: self.get("api/status") is not None, f"Jupyter does not answer; see {self.log}", 60)
        return self

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)

    def stop(self) -> None:
        """End it as an operator would, and by force when that takes too long."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
            self.kill()

    def get(self, path: str) -> Any:
        """The JSON behind a path, or None when nothing answers."""
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            return self.ask("GET", path)
        return None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request as the user; JSON in and out."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        # Who made the certificate of a test is no question of that test.
        context = ssl._create_unverified_context() if self.url.startswith("https") else None
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    @property
    def runtime_directory(self) -> Path:
        """Where the connection files are."""
        return Path(self.environment["JUPYTER_RUNTIME_DIR"])


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Any, otherwise: str, seconds: float = 30) -> Any:
    """Wait until `condition()` is true and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(otherwise)
        time.sleep(0.05)
    return found
