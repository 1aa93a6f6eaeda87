"""Sockets cut at 1,000 random moments, while executions are commanded and servers die: everybody ends alike.

Two real servers on one data directory, subscribers behind proxies that reset their connections after a random
number of bytes or milliseconds, and executions that talk, are paused, cancelled in part, retried, rerun and
executed by name. Now and then the second server is killed. At the end the picture of every subscriber is
compared with the log on disk. `WF_JUPYTER_CUTS` changes how many.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import msgspec
import pytest

from benchmarks.jupyter import talking
from tests.jupyter_process import JupyterProcess
from tests.slow.moves import API, Moves, pair
from tests.wire.cutter import Cutter
from tests.wire.followers import Follower, on_disk, until
from wf_jupyter.store.sqlite import SqliteStore

CUTS = int(os.environ.get("WF_JUPYTER_CUTS", "1000"))
SEED = int(os.environ.get("WF_JUPYTER_SEED") or random.SystemRandom().randrange(1 << 32))
CROWD = 10
PATIENCE = 180.0


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_every_subscriber_ends_with_what_is_on_disk(tmp_path: Path) -> None:
    asyncio.run(_play(tmp_path))


async def _play(folder: Path) -> None:
    first = JupyterProcess(folder / "first").start()
    second = pair(folder / "second", first).start()
    started, chance = time.monotonic(), random.Random(SEED)
    moves = Moves([first, second], chance)
    followers: list[Follower] = []
    running: list[asyncio.Task[None]] = []
    kills = 0
    store: SqliteStore | None = None
    try:
        async with (
            Cutter(first.port, chance, longest=3.0, most_bytes=60_000) as near,
            Cutter(second.port, chance, longest=3.0, most_bytes=60_000) as far,
        ):
            cutters = ((near, first), (far, second))

            def follow(execution: str) -> None:
                for _ in range(CROWD):
                    cutter, server = chance.choice(cutters)
                    url = f"ws://127.0.0.1:{cutter.port}/{API}ws"
                    followers.append(Follower(url, {"Authorization": f"token {server.token}"}, execution))
                    running.append(asyncio.create_task(followers[-1].run()))

            while near.cuts + far.cuts < CUTS:
                near.is_cutting = far.is_cutting = True
                round_ = [await moves.submit(talking(40, 0.03))]
                if chance.random() < 0.5 and (executed := await moves.publish(talking(10, 0.02), "talking")):
                    round_.append(executed)
                for execution in round_:
                    follow(execution)
                for number in range(chance.randint(2, 8)):
                    await asyncio.sleep(chance.random())
                    if number == 2 and chance.random() < 0.3:
                        kills += 1
                        second.kill()
                        await asyncio.to_thread(second.start)
                    again = await moves.disturb(chance.choice(round_))
                    if again is not None:
                        round_.append(again)
                        follow(again)
                near.is_cutting = far.is_cutting = False
                await _at_rest(moves, round_, [f for f in followers if f.execution in round_])
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
    finally:
        first.stop()
        second.stop()
    try:
        store = SqliteStore.open(Path(first.environment["WF_JUPYTER_DATA_DIR"]))
        executions = {follower.execution for follower in followers}
        truths = {execution: msgspec.to_builtins(await on_disk(store, execution)) for execution in executions}
    finally:
        if store is not None:
            await store.close()
    wrong = [f.execution for f in followers if f.picture is None or _shown(f) != truths[f.execution]]
    connections, snapshots = (sum(getattr(f, name) for f in followers) for name in ("connections", "snapshots"))
    print(f"\n{near.cuts + far.cuts} cuts, {kills} kills of the second server, seed {SEED}")
    print(f"{len(followers)} subscribers over {len(truths)} executions; asked for meanwhile: {dict(moves.done)}")
    print(f"{connections} connections, of which {connections - snapshots} went on without a snapshot")
    print(f"{len(wrong)} wrong at the end, {time.monotonic() - started:.0f} s")
    assert not wrong


async def _at_rest(moves: Moves, executions: list[str], followers: list[Follower]) -> None:
    """Until every execution has ended, and every subscriber has heard of it."""
    seqs: dict[str, int] = {}
    async with asyncio.timeout(PATIENCE):
        for execution in executions:
            while True:
                snapshot = await moves.ask("GET", f"executions/{execution}")
                if snapshot is not None and snapshot["ended"] is not None:
                    break
                if snapshot is not None and snapshot["status"] == "paused":
                    await moves.ask("POST", f"executions/{execution}/resume", {})
                await asyncio.sleep(0.2)
            seqs[execution] = snapshot["seq"]
    await until(lambda: all(follower.seq >= seqs[follower.execution] for follower in followers), PATIENCE)


def _shown(follower: Follower) -> object:
    assert follower.picture is not None
    return msgspec.to_builtins(follower.picture.snapshot)
