"""Sockets that are cut in the middle, servers that are killed: every subscriber ends with what is on disk."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess
from tests.wire.client import MinimalClient
from tests.wire.cutter import Cutter
from tests.wire.followers import Follower, on_disk, until
from wf_jupyter.store.sqlite import SqliteStore

PATIENCE = 60.0


def talking(count: int, seconds: float) -> Any:
    """Many tasks that say something."""

    @wf.task
    def talk(number: int, seconds: float) -> int:
        import time

        for step in range(4):
            print("task", number, "step", step, "x" * 50)
            wf.progress(step, 4)
            time.sleep(seconds)
        return number

    @wf.workflow
    def talking() -> object:
        return talk.partial(seconds=seconds).map(range(count))

    return talking.bind()


def alike(follower: Follower, truth: Any) -> None:
    """What it shows is what is on disk."""
    assert follower.picture is not None
    assert msgspec.to_builtins(follower.picture.snapshot) == msgspec.to_builtins(truth)


async def test_subscribers_whose_sockets_are_cut_end_with_the_state_on_disk(wire: Any, packed: Any) -> None:
    execution = await wire.submit(packed(talking(count=60, seconds=0.02)))
    async with Cutter(wire.port, random.Random(7), longest=0.15, most_bytes=30_000) as cutter:
        url = f"ws://127.0.0.1:{cutter.port}{wire.base_url}wf-jupyter/api/v1/ws"
        followers = [Follower(url, wire.authorization, execution) for _ in range(4)]
        running = [asyncio.create_task(follower.run()) for follower in followers]
        await until(lambda: cutter.cuts >= 60, PATIENCE)
        cutter.is_cutting = False
        await until(lambda: all(follower.is_final for follower in followers), PATIENCE)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    store = SqliteStore.open(Path(os.environ["WF_JUPYTER_DATA_DIR"]))
    truth = await on_disk(store, execution)
    await store.close()
    assert truth.status == "succeeded"
    for follower in followers:
        alike(follower, truth)
    recovered = sum(follower.connections - follower.snapshots for follower in followers)
    assert recovered > 0, "gaps are filled with events, not only with snapshots"


async def test_subscribers_outlive_servers_that_are_killed(tmp_path: Path, packed: Any) -> None:
    server = JupyterProcess(tmp_path).start()
    try:
        answer = _submit(server, packed(talking(count=60, seconds=0.03)))
        url = f"ws{server.url.removeprefix('http')}wf-jupyter/api/v1/ws"
        headers = {"Authorization": f"token {server.token}"}
        followers = [Follower(url, headers, answer) for _ in range(3)]
        running = [asyncio.create_task(follower.run()) for follower in followers]
        await until(lambda: all(f.picture and f.picture.snapshot.counts["succeeded"] for f in followers), PATIENCE)
        before = min(follower.seq for follower in followers)
        server.kill()
        await asyncio.to_thread(server.start)
        await until(lambda: all(follower.is_final for follower in followers), PATIENCE)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    finally:
        server.stop()
    store = SqliteStore.open(Path(server.environment["WF_JUPYTER_DATA_DIR"]))
    truth = await on_disk(store, answer)
    await store.close()
    assert truth.status == "succeeded" and truth.seq > before
    for follower in followers:
        alike(follower, truth)
        assert follower.connections >= 2


async def test_a_client_of_an_unknown_execution_is_told(wire: Any) -> None:
    url = f"ws://127.0.0.1:{wire.port}{wire.base_url}wf-jupyter/api/v1/ws"

    def refuse(told: dict[str, Any]) -> None:
        pytest.fail(f"it was told {told}")

    client = MinimalClient(url, wire.authorization, "unknown", refuse, refuse)
    async with asyncio.timeout(PATIENCE):
        await client.run()
    assert client.refused is not None and client.refused["code"] == -32001


def _submit(server: JupyterProcess, submission: Any) -> str:
    import json
    import urllib.request

    request = urllib.request.Request(
        server.url + "wf-jupyter/api/v1/executions",
        data=msgspec.msgpack.encode(submission),
        headers={"Authorization": f"token {server.token}", "Content-Type": "application/msgpack"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.loads(answer.read())["id"])
