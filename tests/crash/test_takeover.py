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


def follower(server: JupyterProcess, execution: str) -> Follower:
    url = f"ws{server.url.removeprefix('http')}wf-jupyter/api/v1/ws"
    return Follower(url, {"Authorization": f"token {server.token}"}, execution)


async def killed(one: JupyterProcess, other: JupyterProcess, luck: random.Random) -> float:
    """Kill one server at a random moment of its execution; seconds until those who follow it at the other see the end.

    They must see it event by event: nobody has to tell them to start over.
    """
    execution = await asyncio.to_thread(submit, one)
    followers = [follower(other, execution) for _ in range(3)]
    running = [asyncio.create_task(each.run()) for each in followers]
    wanted = luck.randint(1, TASKS - 10)
    await until(
        lambda: all(f.picture and f.picture.snapshot.counts["succeeded"] >= wanted for f in followers), PATIENCE
    )
    await asyncio.to_thread(one.kill)
    died = time.monotonic()
    await until(lambda: all(each.is_final for each in followers), PATIENCE)
    took = time.monotonic() - died
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    store = SqliteStore.open(Path(other.environment["WF_JUPYTER_DATA_DIR"]))
    truth, events = await on_disk(store, execution), await store.events(execution)
    await store.close()
    assert truth.status == "succeeded"
    ends = Counter(event.task for event in events if isinstance(event, TaskCompleted))
    assert set(ends.values()) == {1}, "what had finished did not run again"
    for each in followers:
        assert each.picture is not None
        assert msgspec.to_builtins(each.picture.snapshot) == msgspec.to_builtins(truth)
        assert (each.connections, each.snapshots) == (1, 1)
    return took


def test_what_a_killed_server_ran_goes_on_with_the_other_and_its_followers_miss_nothing(tmp_path: Path) -> None:
    luck = random.Random(5)
    servers = [JupyterProcess(tmp_path / name) for name in ("one", "two")]
    servers[1].environment["WF_JUPYTER_DATA_DIR"] = servers[0].environment["WF_JUPYTER_DATA_DIR"]
    try:
        for server in servers:
            server.start()
        for _ in range(2):
            took = asyncio.run(killed(*servers, luck))
            print(f"finished {took:.1f} s after the kill")
            servers[0].start()
            servers.reverse()
    finally:
        for server in servers:
            server.stop()
