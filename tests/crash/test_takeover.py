"""Two Jupyter servers on one data directory: when one is killed, the other goes on, and says everything."""

from __future__ import annotations

import asyncio
import json
import random
import time
import urllib.request
from collections import Counter
from pathlib import Path

import msgspec

import wf_jupyter as wf
from tests.integration.service.conftest import packed
from tests.jupyter_process import JupyterProcess
from tests.wire.cutter import Cutter
from tests.wire.followers import Follower, on_disk, until
from wf_jupyter.model.events import TaskCompleted
from wf_jupyter.store.sqlite import SqliteStore

PATIENCE = 60.0
TASKS = 40


@wf.task
def speak(number: int) -> int:
    for step in range(4):
        print("task", number, "step", step)
        time.sleep(0.02)
    return number


@wf.workflow
def speaking() -> object:
    return speak.map(range(TASKS))


def submit(server: JupyterProcess) -> str:
    request = urllib.request.Request(
        server.url + "wf-jupyter/api/v1/executions",
        data=msgspec.msgpack.encode(packed(speaking.bind())),
        headers={"Authorization": f"token {server.token}", "Content-Type": "application/msgpack"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.loads(answer.read())["id"])


def follower(port: int, server: JupyterProcess, execution: str) -> Follower:
    url = f"ws://127.0.0.1:{port}/wf-jupyter/api/v1/ws"
    return Follower(url, {"Authorization": f"token {server.token}"}, execution)


async def killed(one: JupyterProcess, other: JupyterProcess, jitter: random.Random) -> float:
    """Kill one server at a random moment of its execution; seconds until those who follow it at the other see the end.

    They must see it event by event: nobody has to tell them to start over. One of them is cut off all the time.
    """
    execution = await asyncio.to_thread(submit, one)
    async with Cutter(other.port, jitter, longest=0.3, most_bytes=30_000) as cutter:
        unlucky = follower(cutter.port, other, execution)
        lucky = [follower(other.port, other, execution) for _ in range(3)]
        running = [asyncio.create_task(each.run()) for each in (*lucky, unlucky)]
        wanted = jitter.randint(1, TASKS - 10)
        await until(lambda: all(succeeded(each) >= wanted for each in (*lucky, unlucky)), PATIENCE)
        await asyncio.to_thread(one.kill)
        died = time.monotonic()
        await until(lambda: all(each.is_final for each in lucky), PATIENCE)
        took = time.monotonic() - died
        cutter.is_cutting = False
        await until(lambda: unlucky.is_final, PATIENCE)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    await check(other, execution, [*lucky, unlucky])
    assert [(each.connections, each.snapshots) for each in lucky] == [(1, 1)] * len(lucky)
    assert unlucky.connections > 1
    return took


def succeeded(follower: Follower) -> int:
    return follower.picture.snapshot.counts["succeeded"] if follower.picture is not None else 0


async def check(server: JupyterProcess, execution: str, followers: list[Follower]) -> None:
    """What they show is what is on disk, where every task ended once."""
    store = SqliteStore.open(Path(server.environment["WF_JUPYTER_DATA_DIR"]))
    truth, events = await on_disk(store, execution), await store.events(execution)
    await store.close()
    assert truth.status == "succeeded"
    ends = Counter(event.task for event in events if isinstance(event, TaskCompleted))
    assert set(ends.values()) == {1}, "what had finished did not run again"
    for each in followers:
        assert each.picture is not None
        assert msgspec.to_builtins(each.picture.snapshot) == msgspec.to_builtins(truth)


def test_what_a_killed_server_ran_goes_on_with_the_other_and_its_followers_miss_nothing(tmp_path: Path) -> None:
    jitter = random.Random(5)
    one, other = (JupyterProcess(tmp_path / name) for name in ("one", "two"))
    other.environment["WF_JUPYTER_DATA_DIR"] = one.environment["WF_JUPYTER_DATA_DIR"]
    try:
        one.start()
        other.start()
        for _ in range(2):
            took = asyncio.run(killed(one, other, jitter))
            print(f"finished {took:.1f} s after the kill")
            one.start()
            one, other = other, one
    finally:
        one.stop()
        other.stop()
