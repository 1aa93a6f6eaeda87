"""A subscriber that reads slowly: it gets a snapshot in the place of what did not fit, never a hole."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from wf_jupyter.server.ws.sender import Sender


class Gate:
    """A socket that takes frames only while it is open."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.frames: list[dict[str, Any]] = []

    async def write(self, frame: bytes) -> None:
        """Take one frame."""
        await self.opened.wait()
        self.frames.append(json.loads(frame))

    def ends_with(self, seq: int) -> bool:
        """Whether the last event or snapshot that was taken is that of `seq`."""
        return bool(self.frames) and covered(self.frames)[-1][1] == seq


def covered(frames: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """From which to which seq each frame goes; a snapshot covers everything up to its own."""
    spans = []
    for frame in frames:
        params = frame["params"]
        if frame["method"] == "snapshot":
            assert params["snapshot"]["seq"] == params["seq"]
            spans.append((0, params["seq"]))
        elif frame["method"] == "events":
            spans.append((params["events"][0]["seq"], params["events"][-1]["seq"]))
    return spans


async def test_a_reader_that_fell_behind_gets_a_snapshot_and_what_follows_it(
    wire: Any, packed: Any, add_one: Any
) -> None:
    await wire.start()
    host = wire.extension._host
    gate = Gate()
    pump = Sender(host=host, write=gate.write, heartbeat=60, deadline=30, limit=10)
    running = asyncio.create_task(pump.run())
    try:
        execution = await wire.submit(packed(add_one.bind(xs=list(range(100)))))
        await host.ask(lambda engine: engine.subscribe(execution, pump.mailbox))
        final = await wire.until(execution, "succeeded")
        gate.opened.set()
        async with asyncio.timeout(30):
            while not gate.ends_with(final["seq"]):
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
    assert any(frame["method"] == "snapshot" for frame in gate.frames)
    reached = None
    for first, last in covered(gate.frames):
        assert reached is None or first == 0 or first <= reached + 1, "a hole"
        reached = last
    snapshots = [frame for frame in gate.frames if frame["method"] == "snapshot"]
    assert sum(snapshots[-1]["params"]["snapshot"]["counts"].values()) == 101


async def test_events_that_come_together_share_frames(wire: Any, packed: Any, add_one: Any) -> None:
    await wire.start()
    host = wire.extension._host
    gate = Gate()
    gate.opened.set()
    pump = Sender(host=host, write=gate.write, heartbeat=60, deadline=30, limit=100_000)
    running = asyncio.create_task(pump.run())
    try:
        execution = await wire.submit(packed(add_one.bind(xs=list(range(200)))))
        await host.ask(lambda engine: engine.subscribe(execution, pump.mailbox))
        final = await wire.until(execution, "succeeded")
        async with asyncio.timeout(30):
            while not gate.ends_with(final["seq"]):
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
    spans = covered(gate.frames)
    assert all(after[0] == before[1] + 1 for before, after in zip(spans, spans[1:], strict=False))
    assert len(gate.frames) < final["seq"] / 5
