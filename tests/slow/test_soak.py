"""Hours in minutes: two servers run executions all the time, while people and failures come and go.

Executions are paused, cancelled as a whole and in part, retried, rerun, published, executed by name and
deleted; subscribers come, go, are cut off and fall asleep; the second server is killed now and then. Told every
half minute: memory, open files and threads of the first server. At the end: how much memory the second half
added, and whether any subscriber ended with a picture that is not on disk. `WF_JUPYTER_SOAK_MINUTES` changes how long.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from benchmarks.jupyter import talking
from benchmarks.server import probe, probed
from tests.slow.moves import API, Moves, pair
from tests.wire.cutter import Cutter
from tests.wire.followers import Follower
from wf_jupyter.model.snapshot import Snapshot

MINUTES = float(os.environ.get("WF_JUPYTER_SOAK_MINUTES", "10"))
SEED = int(os.environ.get("WF_JUPYTER_SEED") or random.SystemRandom().randrange(1 << 32))
#: Seconds between two kills of the second server.
KILLS = 60.0
#: MB per minute in the second half that are taken for a leak; caches still fill in a short run.
LEAK = 3.0
PATIENCE = 120.0


class Soak:
    """One run."""

    def __init__(self, moves: Moves, cutters: list[Cutter], chance: random.Random) -> None:
        self.moves = moves
        self.cutters = cutters
        self.chance = chance
        self.executions = 0
        self.followers = 0
        self.wrong: list[str] = []
        self.until = 0.0

    async def stream(self) -> None:
        """Executions one after the other, each with subscribers."""
        while time.monotonic() < self.until:
            bound = talking(self.chance.randint(1, 60), self.chance.choice((0, 0.01)))
            execution = await self.moves.publish(bound, "soaked") if self.chance.random() < 0.1 else None
            ours = [execution or await self.moves.submit(bound)]
            crowd = self._crowd(ours[0])
            running = [asyncio.create_task(follower.run()) for follower in crowd]
            while self.chance.random() < 0.4:
                await asyncio.sleep(self.chance.random())
                if again := await self.moves.disturb(ours[0]):
                    ours.append(again)
            self.executions += len(ours)
            truth = await self._end(ours[0], crowd)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            self.wrong += [follower.execution for follower in crowd if not _same(follower, truth)]
            for each in ours[1:]:
                await self._end(each, [])
            # All of them: SQLite keeps up to 16 MB of pages per connection, and a database that grows fills them.
            for each in ours:
                await self.moves.ask("DELETE", f"executions/{each}")

    def _crowd(self, execution: str) -> list[Follower]:
        crowd = []
        for _ in range(self.chance.randint(1, 8)):
            number = self.chance.randrange(len(self.cutters))
            url = f"ws://127.0.0.1:{self.cutters[number].port}/{API}ws"
            headers = {"Authorization": f"token {self.moves.servers[number].token}"}
            crowd.append(Follower(url, headers, execution))
        self.followers += len(crowd)
        return crowd

    async def _end(self, execution: str, crowd: list[Follower]) -> Any:
        """The final state, when every subscriber is as far, or should be."""
        deadline = time.monotonic() + PATIENCE
        while True:
            truth = await self.moves.ask("GET", f"executions/{execution}")
            if truth is not None:
                if truth["ended"] is not None and all(follower.seq == truth["seq"] for follower in crowd):
                    return truth
                if truth["status"] == "paused":
                    await self.moves.ask("POST", f"executions/{execution}/resume", {})
            if time.monotonic() > deadline:
                return truth
            await asyncio.sleep(0.1)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_nothing_is_wrong_and_nothing_grows(tmp_path: Path) -> None:
    asyncio.run(_play(tmp_path))


async def _play(folder: Path) -> None:
    first = probed(folder / "first")
    second = pair(folder / "second", first).start()
    assert first.process is not None
    process = psutil.Process(first.process.pid)
    samples: list[float] = []
    kills, chance = 0, random.Random(SEED)
    try:
        async with (
            Cutter(first.port, chance, longest=5, most_bytes=1 << 20) as near,
            Cutter(second.port, chance, longest=5, most_bytes=1 << 20) as far,
        ):
            soak = Soak(Moves([first, second], chance), [near, far], chance)
            started = told = killed = time.monotonic()
            soak.until = started + MINUTES * 60
            streams = [asyncio.create_task(soak.stream()) for _ in range(3)]
            while not all(stream.done() for stream in streams):
                await asyncio.sleep(1)
                if time.monotonic() - killed >= KILLS and time.monotonic() < soak.until:
                    killed, kills = time.monotonic(), kills + 1
                    second.kill()
                    await asyncio.to_thread(second.start)
                if time.monotonic() - told >= 30:
                    told = time.monotonic()
                    await asyncio.to_thread(probe, first)
                    samples.append(_anonymous(process.pid))
                    print(
                        f"{(told - started) / 60:5.1f} min  {samples[-1]:6.1f} MB  {process.num_fds():4d} files  "
                        f"{process.num_threads():3d} threads  {len(process.children(recursive=True)):2d} children  "
                        f"{soak.executions:5d} executions  {soak.followers:6d} subscribers  "
                        f"{near.cuts + far.cuts:6d} cuts",
                        flush=True,
                    )
            for stream in streams:
                stream.result()
    finally:
        first.stop()
        second.stop()
    half = samples[len(samples) // 2 :]
    slope = statistics.linear_regression(range(len(half)), half).slope * 2 if len(half) > 2 else 0.0
    print(f"asked for: {dict(soak.moves.done)}; {kills} kills of the second server; seed {SEED}")
    print(f"memory in the second half: {slope:+.2f} MB per minute; wrong pictures: {len(soak.wrong)}")
    assert not soak.wrong and slope < LEAK


def _anonymous(pid: int) -> float:
    """What a process holds in memory of its own, in MB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return float(lines["RssAnon"].split()[0]) / 1e3


def _same(follower: Follower, truth: Any) -> bool:
    if follower.picture is None or truth is None:
        return False
    wanted = msgspec.to_builtins(msgspec.convert(truth, Snapshot))
    return bool(msgspec.to_builtins(follower.picture.snapshot) == wanted)
