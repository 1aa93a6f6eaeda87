"""How long `/api/status` of a Jupyter server waits while people ask it for large things: figures, no judgement.

python benchmarks/server_stays_calm.py
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import wf_jupyter as wf

API = "wf-jupyter/api/v1/"
SECONDS = 5.0


@wf.task
def large() -> bytes:
    """A result of 400 MB."""
    return bytes(400_000_000)


@wf.task
def chatty() -> None:
    """A line of 60 MB, as a progress bar without newlines prints it."""
    for _ in range(60):
        print("#" * 1_000_000, end="")


@wf.task
def small(number: int) -> int:
    """One of many."""
    return number


@wf.workflow
def everything():  # type: ignore[no-untyped-def]
    """A large result, a long line, and 2,000 tasks."""
    return [large(), chatty(), small.map(list(range(2000)))]


class Server:
    """A Jupyter server of its own."""

    def __init__(self, root: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("WF_", "JUPYTER", "JPY"))
        }
        environment |= {
            name: str(root) for name in ("HOME", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")
        }
        options = [f"--ServerApp.port={port}", "--IdentityProvider.token=calm", f"--ServerApp.root_dir={root}"]
        command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", *options]
        self.process = subprocess.Popen(
            [*command, "--ServerApp.jpserver_extensions={'wf_jupyter': True}"],
            env=environment,
            cwd=root,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.read(API + "hello")
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def read(self, path: str, accept: str = "application/json") -> int:
        """Ask, and read the answer to its end; how many bytes."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": "token calm", "Accept": accept})
        size = 0
        with urllib.request.urlopen(request, timeout=120) as answer:
            while data := answer.read(1 << 20):
                size += len(data)
        return size


def waits(server: Server, work: Callable[[], object]) -> tuple[list[float], int]:
    """How long `/api/status` takes while `work` is done again and again, in milliseconds; and how often that was."""
    done = threading.Event()
    rounds = 0

    def go_on() -> None:
        nonlocal rounds
        while not done.is_set():
            work()
            rounds += 1

    worker = threading.Thread(target=go_on)
    worker.start()
    found = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        before = time.perf_counter()
        server.read("api/status")
        found.append((time.perf_counter() - before) * 1000)
        time.sleep(0.01)
    done.set()
    worker.join()
    return sorted(found), rounds


def main() -> None:
    """Measure each by itself."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            wf.connect(url=server.url, token="calm")
            execution = everything.submit()
            execution.wait(300)
            one = f"{API}executions/{execution.id}"
            works: dict[str, Callable[[], object]] = {
                "nothing else": lambda: time.sleep(0.1),
                "a result of 400 MB": lambda: server.read(f"{one}/result?files=0", "application/msgpack"),
                "searching a line of 60 MB": lambda: server.read(f"{one}/tasks/chatty/search?text=needle"),
                "reading that log, 8 MiB at a time": lambda: server.read(f"{one}/tasks/chatty/log?limit=8388608"),
                "a snapshot of 2,000 tasks": lambda: server.read(one),
                "its events": lambda: server.read(f"{one}/events?limit=1000"),
                "the OpenAPI document": lambda: server.read(API + "openapi.json"),
            }
            print(f"{'while':38}{'p50':>8}{'p99':>8}{'max':>8}{'times':>8}   (ms)")
            for name, work in works.items():
                found, rounds = waits(server, work)
                p50, p99 = found[len(found) // 2], found[min(len(found) - 1, int(len(found) * 0.99))]
                print(f"{name:38}{p50:8.1f}{p99:8.1f}{found[-1]:8.1f}{rounds:8}", flush=True)
            print(json.dumps({"status": str(execution.status)}))
        finally:
            server.process.terminate()
            server.process.wait(20)


if __name__ == "__main__":
    main()
