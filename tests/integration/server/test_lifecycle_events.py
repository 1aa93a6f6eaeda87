"""Other extensions hear of executions through Jupyter's own events, and of nothing smaller."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from jupyter_events import EventLogger

from wf_jupyter.server.lifecycle import SCHEMA, SCHEMA_ID


async def told(wire: Any, execution: str, count: int, seen: list[dict[str, Any]]) -> list[str]:
    async with asyncio.timeout(30):
        while len([data for data in seen if data["execution_id"] == execution]) < count:
            await asyncio.sleep(0.01)
    return [data["status"] for data in seen if data["execution_id"] == execution]


async def test_the_life_of_an_execution_is_told_and_not_its_tasks(
    wire: Any, packed: Any, add_one: Any, gated: Any
) -> None:
    seen: list[dict[str, Any]] = []

    async def listen(logger: EventLogger, schema_id: str, data: dict[str, Any]) -> None:
        assert schema_id == SCHEMA_ID
        seen.append(data)

    await wire.start()
    wire.app.event_logger.add_listener(schema_id=SCHEMA_ID, listener=listen)
    done = await wire.submit(packed(add_one.bind(xs=[1, 2])))
    assert await told(wire, done, 3, seen) == ["submitted", "running", "completed"]
    assert seen[-1]["workflow"] == "add_one" and seen[-1]["duration"] >= 0

    stopped = await wire.submit(packed(gated.bind()))
    await wire.until(stopped, "running")
    await wire.ask("POST", f"executions/{stopped}/cancel")
    assert (await told(wire, stopped, 3, seen))[-1] == "cancelled"
    gated.gate.touch()
    await wire.ask("POST", f"executions/{stopped}/retry")
    assert (await told(wire, stopped, 5, seen))[3:] == ["running", "completed"]


async def test_a_listener_that_fails_disturbs_nothing(wire: Any, packed: Any, add_one: Any) -> None:
    async def listen(logger: EventLogger, schema_id: str, data: dict[str, Any]) -> None:
        raise RuntimeError("no")

    await wire.start()
    wire.app.event_logger.add_listener(schema_id=SCHEMA_ID, listener=listen)
    execution = await wire.submit(packed(add_one.bind(xs=[1])))
    assert (await wire.until(execution, "succeeded", "failed"))["status"] == "succeeded"


def test_the_schema_is_versioned() -> None:
    schema = msgspec.json.decode(SCHEMA.read_bytes())
    assert (schema["$id"], schema["version"]) == (SCHEMA_ID, "1")
    assert schema["additionalProperties"] is False
