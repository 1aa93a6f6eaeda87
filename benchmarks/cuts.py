"""Sockets cut at 1,000 random moments: `python -m benchmarks.cuts [cuts]`.

A real server in a process of its own, 20 subscribers behind a proxy that resets their connections
after a random number of bytes or milliseconds, and executions that talk all the time. At the end the
picture of every subscriber is compared with the log on disk.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.jupyter import here, submit, talking
from tests.jupyter_process import JupyterProcess
from tests.wire.cutter import Cutter
from tests.wire.followers import Follower, on_disk, until
from wf_jupyter.store.sqlite import SqliteStore


async def main(cuts: int) -> None:
    """Run, compare, print."""
    with tempfile.TemporaryDirectory() as folder:
        server = JupyterProcess(Path(folder)).start()
        started = time.monotonic()
        executions: list[str] = []
        followers: list[Follower] = []
        headers = {"Authorization": f"token {server.token}"}
        try:
            async with Cutter(server.port, random.Random(1), longest=0.4, most_bytes=60_000) as cutter:
                url = f"ws://127.0.0.1:{cutter.port}/wf-jupyter/api/v1/ws"
                running: list[asyncio.Task[None]] = []
                while cutter.cuts < cuts:
                    execution = await submit(server, here(talking(60, 0.02)))
                    executions.append(execution)
                    fresh = [Follower(url, headers, execution) for _ in range(20)]
                    followers += fresh
                    cutter.is_cutting = True
                    running += [asyncio.create_task(follower.run()) for follower in fresh]
                    await until(lambda fresh=fresh: all(f.is_final for f in fresh) or cutter.cuts >= cuts, 120)
                    cutter.is_cutting = False
                    await until(lambda fresh=fresh: all(f.is_final for f in fresh), 120)
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
        finally:
            server.stop()
        store = SqliteStore.open(Path(server.environment["WF_JUPYTER_DATA_DIR"]))
        truths = {execution: msgspec.to_builtins(await on_disk(store, execution)) for execution in executions}
        await store.close()
    shown = [(f.execution, f.picture and msgspec.to_builtins(f.picture.snapshot)) for f in followers]
    wrong = [execution for execution, picture in shown if picture != truths[execution]]
    connections = sum(follower.connections for follower in followers)
    snapshots = sum(follower.snapshots for follower in followers)
    print(f"cuts                      {cutter.cuts}")
    print(f"subscribers               {len(followers)} over {len(executions)} executions")
    print(f"connections               {connections}, of which {connections - snapshots} went on without a snapshot")
    print(f"seconds                   {time.monotonic() - started:.1f}")
    print(f"wrong at the end          {len(wrong)}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
