"""The Jupyter server under load: `python -m benchmarks.server [tasks] [subscribers] [crowd]`.

Measured in a real server: how late its own loop is, how long `/api/status` takes, and how long an
event takes from the worker that caused it to a subscriber's socket. The baselines are the same figures
for an idle server, alone and beside two processes that keep both cores of a small machine busy.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from tornado.httpclient import AsyncHTTPClient
from websockets.asyncio.client import connect

import wf_jupyter as wf
from benchmarks.jupyter import here, submit
from tests.jupyter_process import JupyterProcess

OPTIONS = (
    "--ServerApp.jpserver_extensions=benchmarks.probe=True",
    "--WorkflowExtension.connection_rate=0",
    "--ServerApp.log_level=WARN",
)


def probed(folder: Path) -> JupyterProcess:
    """A server that measures itself."""
    server = JupyterProcess(folder, options=OPTIONS)
    root = Path(__file__).resolve().parents[1]
    server.environment["PYTHONPATH"] = f"{root / 'src'}:{root}"
    return server.start()


def stamped(count: int, seconds: float, gate: Path) -> Any:
    """Tasks that tell the time at which they ran, as their progress; they begin when there is a file `gate`."""

    @wf.task
    def opened(path: str) -> None:
        import pathlib
        import time

        while not pathlib.Path(path).exists():
            time.sleep(0.01)

    @wf.task
    def stamp(number: int, seconds: float) -> int:
        import time

        if seconds:
            time.sleep(seconds)
        wf.progress(time.time(), None)
        return number

    @wf.workflow
    def stamped() -> object:
        stamps: Any = stamp.partial(seconds=seconds).map(range(count))
        return stamps.after(opened(str(gate)))

    return stamped.bind()


class Listener(asyncio.Protocol):
    """A socket that follows an execution and looks at nothing but the end, so that the machine is the server's."""

    def __init__(self, path: str, token: str, execution: str) -> None:
        self.begun = asyncio.get_running_loop().create_future()
        self.ended = asyncio.get_running_loop().create_future()
        self.snapshots = 0
        params = {"execution_id": execution}
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": params}).encode()
        self._handshake = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Authorization: token {token}\r\n\r\n"
        ).encode()
        # A text frame whose mask is four zeros: RFC 6455, section 5.2.
        self._request = bytes([0x81, 0x80 | 126]) + len(request).to_bytes(2, "big") + bytes(4) + request
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands, and ask at once: the server reads the frame after the handshake."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._handshake + self._request)

    def data_received(self, data: bytes) -> None:
        """Look for the answer and for the end."""
        seen = self._tail + data
        if not self.begun.done() and b'"id":1' in seen:
            self.begun.set_result(None)
        self.snapshots += seen.count(b'"method":"snapshot"')
        if b'"workflow.completed"' in seen or b'"status":"succeeded","epoch"' in seen:
            self._transport.close()
        self._tail = seen[-40:]
        self.snapshots -= self._tail.count(b'"method":"snapshot"')

    def connection_lost(self, exc: Exception | None) -> None:
        """Over."""
        if not self.ended.done():
            self.ended.set_result(None)


class Subscribers:
    """Sockets that follow one execution. One of them reads every event, the others only look for the end."""

    def __init__(self, server: JupyterProcess, execution: str, count: int) -> None:
        self.server = server
        self.url = f"ws{server.url.removeprefix('http')}wf-jupyter/api/v1/ws"
        self.headers = {"Authorization": f"token {server.token}"}
        self.execution = execution
        self.latencies: list[float] = []
        self.events = 0
        self.snapshots = 0
        self.begun = 0
        self.ended = 0
        self.tasks = [asyncio.create_task(self._read() if number == 0 else self._listen()) for number in range(count)]

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        path = "/wf-jupyter/api/v1/ws"
        _, listener = await loop.create_connection(
            lambda: Listener(path, self.server.token, self.execution), "127.0.0.1", self.server.port
        )
        await listener.begun
        self.begun += 1
        await listener.ended
        self.snapshots += listener.snapshots
        self.ended += 1

    async def _read(self) -> None:
        async with connect(
            self.url, additional_headers=self.headers, max_size=None, compression=None, open_timeout=120
        ) as socket:
            params = {"execution_id": self.execution}
            await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": params}))
            async for message in socket:
                assert isinstance(message, str)
                now = time.time()
                self.begun += '"id":1' in message[:30]
                self.snapshots += message.startswith('{"jsonrpc":"2.0","method":"snapshot"')
                if '"method":"events"' in message[:40]:
                    for event in json.loads(message)["params"]["events"]:
                        self.events += 1
                        if event["type"] == "task.progress":
                            self.latencies.append((now - event["done"]) * 1000)
                if '"workflow.completed"' in message or '"status":"succeeded","epoch"' in message[:300]:
                    self.ended += 1
                    return


class Status:
    """Asks `/api/status` again and again."""

    def __init__(self, server: JupyterProcess) -> None:
        self.latencies: list[float] = []
        self._server = server
        self._task = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        client = AsyncHTTPClient()
        headers = {"Authorization": f"token {self._server.token}"}
        while True:
            started = time.perf_counter()
            await client.fetch(self._server.url + "api/status", headers=headers, request_timeout=60)
            self.latencies.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(0.02)

    def stop(self) -> None:
        """Enough."""
        self._task.cancel()


def shown(values: Sequence[float]) -> str:
    """Median, 99th percentile and largest, in milliseconds."""
    if len(values) < 2:
        return "too few"
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered):7.2f}   p99 {p99:7.2f}   max {ordered[-1]:7.2f} ms   ({len(ordered)})"


def probe(server: JupyterProcess) -> dict[str, Any]:
    """The loop's delays since the last call, and the server's memory; see `probe.py`."""
    return dict(server.ask("GET", "benchmark-probe"))


def _burn() -> None:
    while True:
        sum(range(10_000))


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Other work on the machine."""
    burning = [multiprocessing.get_context("spawn").Process(target=_burn, daemon=True) for _ in range(processes)]
    for process in burning:
        process.start()
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.join()


async def baseline(server: JupyterProcess, seconds: float) -> None:
    """Print delays and status latencies of a server that does nothing."""
    await asyncio.to_thread(probe, server)
    status = Status(server)
    await asyncio.sleep(seconds)
    status.stop()
    tell_loop(await asyncio.to_thread(probe, server), status)


async def loaded(
    server: JupyterProcess, tasks: int, seconds: float, subscribers: int, limit: float = 600
) -> dict[str, Any]:
    """The same while an execution runs and is followed."""
    before = (await asyncio.to_thread(probe, server))["rss"]
    gate = server.root / f"gate-{time.monotonic_ns()}"
    execution = await submit(server, here(stamped(tasks, seconds, gate)))
    crowd = Subscribers(server, execution, subscribers)
    async with asyncio.timeout(limit):
        await until(lambda: crowd.begun == subscribers, crowd.tasks)
        connecting = await asyncio.to_thread(probe, server)
        gate.touch()
        started = time.perf_counter()
        status = Status(server)
        await until(lambda: crowd.ended == subscribers, crowd.tasks)
    took = time.perf_counter() - started
    status.stop()
    probed = await asyncio.to_thread(probe, server)
    return {
        "crowd": crowd,
        "seconds": took,
        "status": status,
        "probed": probed,
        "grown": probed["rss"] - before,
        "connecting": connecting["delays"],
    }


async def until(is_so: Callable[[], bool], tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the condition, or raise what one of the tasks raised."""
    while not is_so():
        await asyncio.sleep(0.02)
        for task in tasks:
            if task.done():
                task.result()


def tell_loop(probed: dict[str, Any], status: Status) -> None:
    """Print how the server's loop is."""
    print(f"  server loop late       {shown(probed['delays'])}")
    print(f"    by its own work      {shown(probed['own'])}")
    print(f"  /api/status            {shown(status.latencies)}")


def tell(title: str, found: dict[str, Any], tasks: int, subscribers: int) -> None:
    """Print one measurement."""
    crowd = found["crowd"]
    print(f"\n{title}: {found['seconds']:.1f} s, {tasks / found['seconds']:.0f} tasks per second")
    print(f"  while they connect     {shown(found['connecting'])}")
    tell_loop(found["probed"], found["status"])
    print(f"  worker to socket       {shown(crowd.latencies)}")
    print(f"  events read by one     {crowd.events}; snapshots sent instead, to all: {crowd.snapshots}")
    grown = found["grown"] / 1e6
    print(f"  memory grown           {grown:.1f} MB, {grown * 1000 / subscribers:.0f} kB per subscriber")


async def main(tasks: int, subscribers: int, crowd: int) -> None:
    """Measure and print."""
    AsyncHTTPClient.configure(None, max_clients=4)
    with tempfile.TemporaryDirectory() as folder:
        server = probed(Path(folder))
        try:
            print(f"{psutil.cpu_count()} cores, Python {sys.version.split()[0]}")
            print("idle server")
            await baseline(server, 5)
            print("idle server, all cores busy with other work")
            with busy(psutil.cpu_count() or 2):
                await baseline(server, 5)
            await loaded(server, 50, 0, 1)
            paced = max(200, tasks // 10)
            tell(f"{paced} tasks of 10 ms, 1 subscriber", await loaded(server, paced, 0.01, 1), paced, 1)
            tell(f"{tasks} tasks, 1 subscriber", await loaded(server, tasks, 0, 1), tasks, 1)
            found = await loaded(server, tasks, 0.001, subscribers)
            tell(f"{tasks} tasks of 1 ms, {subscribers} subscribers", found, tasks, subscribers)
            found = await loaded(server, tasks, 0, subscribers)
            tell(f"{tasks} tasks, {subscribers} subscribers: more than can be sent", found, tasks, subscribers)
            found = await loaded(server, 100, 0.1, crowd)
            tell(f"100 tasks of 100 ms, {crowd} subscribers", found, 100, crowd)
        finally:
            server.stop()


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]] + [10_000, 100, 1000][len(sys.argv) - 1 :]
    asyncio.run(main(*numbers))
