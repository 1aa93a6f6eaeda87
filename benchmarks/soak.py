"""Hours in minutes: `python -m benchmarks.soak [minutes]`.

A real server runs executions all the time, some of them cancelled, retried and deleted, while
subscribers come, go, are cut off, and fall asleep. Told every half minute: memory of the server, open
files, threads, sockets. At the end: how much memory the second half added, and whether any subscriber
ended with a picture that is not on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import sys
import tempfile
import time
import urllib.error
from pathlib import Path

import msgspec
import psutil

from benchmarks.jupyter import here, submit, talking
from benchmarks.server import probe, probed
from tests.jupyter_process import JupyterProcess
from tests.wire.cutter import Cutter
from tests.wire.followers import Follower
from wf_jupyter.model.snapshot import Snapshot

API = "wf-jupyter/api/v1/"


class Soak:
    """One run."""

    def __init__(self, server: JupyterProcess, cutter: Cutter, chance: random.Random) -> None:
        self.server = server
        self.cutter = cutter
        self.chance = chance
        self.executions = 0
        self.followers = 0
        self.wrong = 0
        self.until = 0.0

    async def stream(self) -> None:
        """Executions one after the other, each with subscribers."""
        while time.monotonic() < self.until:
            bound = talking(self.chance.randint(1, 60), self.chance.choice((0, 0.01)))
            execution = await submit(self.server, here(bound))
            self.executions += 1
            url = f"ws://127.0.0.1:{self.cutter.port}/{API}ws"
            headers = {"Authorization": f"token {self.server.token}"}
            crowd = [Follower(url, headers, execution) for _ in range(self.chance.randint(1, 8))]
            self.followers += len(crowd)
            running = [asyncio.create_task(follower.run()) for follower in crowd]
            if self.chance.random() < 0.2:
                await asyncio.sleep(self.chance.random())
                for command in ("cancel", "retry"):
                    with contextlib.suppress(urllib.error.HTTPError):
                        await asyncio.to_thread(self.server.ask, "POST", f"{API}executions/{execution}/{command}", {})
            truth = await self._end(execution, crowd)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            self.wrong += sum(not _same(follower, truth) for follower in crowd)
            # All of them: SQLite keeps up to 16 MB of pages per connection, and a database that grows fills them.
            with contextlib.suppress(urllib.error.HTTPError):
                await asyncio.to_thread(self.server.ask, "DELETE", f"{API}executions/{execution}")

    async def _end(self, execution: str, crowd: list[Follower]) -> object:
        """The final state, when every subscriber is as far, or should be."""
        deadline = time.monotonic() + 60
        while True:
            truth = await asyncio.to_thread(self.server.ask, "GET", f"{API}executions/{execution}")
            arrived = truth["ended"] is not None and all(follower.seq == truth["seq"] for follower in crowd)
            if arrived or time.monotonic() > deadline:
                return truth
            await asyncio.sleep(0.1)


def memory(pid: int) -> tuple[float, float]:
    """What a process holds in memory, in MB: of its own, and of mapped files."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(float(lines[name].split()[0]) / 1e3 for name in ("RssAnon", "RssFile"))  # type: ignore[return-value]


def stored(data: Path) -> float:
    """The size of a data directory in MB."""
    return sum(path.stat().st_size for path in data.rglob("*") if path.is_file()) / 1e6


def _same(follower: Follower, truth: object) -> bool:
    if follower.picture is None:
        return False
    return msgspec.to_builtins(follower.picture.snapshot) == msgspec.to_builtins(msgspec.convert(truth, Snapshot))


async def main(minutes: float) -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as folder:
        server = probed(Path(folder))
        assert server.process is not None
        process = psutil.Process(server.process.pid)
        samples: list[float] = []
        data = Path(server.environment["WF_JUPYTER_DATA_DIR"])
        try:
            async with Cutter(server.port, random.Random(2), longest=5, most_bytes=1 << 20) as cutter:
                soak = Soak(server, cutter, random.Random(1))
                started = time.monotonic()
                soak.until = started + minutes * 60
                streams = [asyncio.create_task(soak.stream()) for _ in range(3)]
                told = started
                while not all(stream.done() for stream in streams):
                    await asyncio.sleep(1)
                    if time.monotonic() - told >= 30:
                        told = time.monotonic()
                        await asyncio.to_thread(probe, server)
                        anonymous, mapped = memory(process.pid)
                        samples.append(anonymous)
                        print(
                            f"{(told - started) / 60:5.1f} min  {anonymous:6.1f} MB of its own, {mapped:5.1f} mapped, "
                            f"{stored(data):5.1f} stored  {process.num_fds():4d} files  "
                            f"{process.num_threads():3d} threads  {len(process.children(recursive=True)):2d} children  "
                            f"{soak.executions:5d} executions  {soak.followers:6d} subscribers  {cutter.cuts:6d} cuts",
                            flush=True,
                        )
                for stream in streams:
                    stream.result()
        finally:
            server.stop()
    half = samples[len(samples) // 2 :]
    slope = statistics.linear_regression(range(len(half)), half).slope * 2 if len(half) > 2 else 0.0
    print(f"memory in the second half: {slope:+.2f} MB per minute; wrong pictures: {soak.wrong}")
    sys.exit(bool(soak.wrong))


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 12))
