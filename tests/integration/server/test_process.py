"""A Jupyter server in a process of its own: what is left when it ends, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.jupyter_process import free_port

PATIENCE = 60.0


def eventually(holds: Callable[[], Any]) -> Any:
    """The first true value of a function."""
    deadline = time.monotonic() + PATIENCE
    while not (value := holds()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


class Server:
    """A running server, talked to as its kernels do: by the connection file."""

    def __init__(self, home: Path) -> None:
        self.home = home
        environment = {
            **os.environ,
            **{name: str(home / name.lower()) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")},
            "WF_JUPYTER_DATA_DIR": str(home / "data"),
        }
        environment.pop("WF_JUPYTER_CONNECTION_FILE", None)
        extensions = "--ServerApp.jpserver_extensions={'wf_jupyter': True}"
        options = ["--no-browser", "--allow-root", f"--ServerApp.port={free_port()}", extensions]
        with (home / "log").open("ab") as log:
            # An own session: there is no terminal, as under systemd or in CI.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", *options],
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self.connection = json.loads(eventually(self._announced))

    def _announced(self) -> str | None:
        assert self.process.poll() is None, (self.home / "log").read_text()[-2000:]
        path = self.home / "jupyter_runtime_dir"
        return next((file.read_text() for file in path.glob(f"wf_jupyter-{self.process.pid}-*.json")), None)

    @property
    def files(self) -> list[str]:
        """Connection files of living and dead servers."""
        return sorted(path.name for path in (self.home / "jupyter_runtime_dir").glob("wf_jupyter-*"))

    def ask(self, path: str, body: bytes | None = None) -> Any:
        """GET, or POST of MessagePack."""
        request = urllib.request.Request(
            self.connection["url"].rstrip("/") + "/wf-jupyter/api/v1/" + path,
            data=body,
            headers={
                "Authorization": f"wf-jupyter {self.connection['secret']}",
                "Content-Type": "application/msgpack",
            },
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def end(self, how: signal.Signals) -> float:
        """Send a signal and wait; the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(PATIENCE)
        return time.monotonic() - started


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Starts servers on one home directory."""
    servers: list[Server] = []

    def start() -> Server:
        servers.append(Server(tmp_path))
        return servers[-1]

    (tmp_path / "home").mkdir()
    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_execution_survives_the_end_of_its_server(
    serve: Callable[[], Server], packed: Any, gated: Any, how: signal.Signals
) -> None:
    first = serve()
    execution = first.ask("executions", msgspec.msgpack.encode(packed(gated.bind())))["id"]
    eventually(lambda: first.ask(f"executions/{execution}")["counts"]["running"])
    seen = first.ask(f"executions/{execution}/events")
    assert first.end(how) < 10
    if how == signal.SIGTERM:
        assert first.files == []

    second = serve()
    assert len(second.files) == 1, "the files of dead servers are gone"
    assert second.connection["secret"] != first.connection["secret"]
    gated.gate.touch()
    final = eventually(lambda: (s := second.ask(f"executions/{execution}"))["status"] == "succeeded" and s)
    assert final["epoch"].split(".")[0] == seen["epoch"].split(".")[0], "the data directory is the same"
    assert final["epoch"] != seen["epoch"], "another orchestrator wrote the rest of the log"
    events = second.ask(f"executions/{execution}/events")["events"]
    assert [event["seq"] for event in events] == list(range(1, final["seq"] + 1))
    assert events[: len(seen["events"])] == seen["events"]
    assert second.end(signal.SIGTERM) < 10


def test_the_server_never_loads_user_code_libraries() -> None:
    script = (
        "import sys, wf_jupyter.server.extension\n"
        "print(sorted({'cloudpickle', 'pandas', 'numpy', 'dask', 'anywidget', 'matplotlib'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
