"""What a server tells of executions in comparison with others."""

from __future__ import annotations

import asyncio
import re
from typing import Any

PATIENCE = 60


async def finished(wire: Any, submission: Any) -> str:
    execution: str = await wire.submit(submission)
    await wire.until(execution, "succeeded", "failed")
    return execution


async def test_the_history_of_a_workflow_comes_from_its_earlier_executions(
    wire: Any, packed: Any, add_one: Any
) -> None:
    first = await finished(wire, packed(add_one.bind(xs=[1, 2, 3])))
    assert (await wire.ask("GET", f"executions/{first}/history")).json["tasks"] == {}
    second = await finished(wire, packed(add_one.bind(xs=[1])))
    async with asyncio.timeout(PATIENCE):
        while (page := (await wire.ask("GET", f"executions/{second}/history")).json)["executions"] == 0:
            await asyncio.sleep(0.02)
    assert page["workflow"] == "add_one"
    assert page["tasks"]["increase"]["count"] == 3
    assert set(page["tasks"]["increase"]) == {"count", "p10", "p50", "p90", "p95"}
    assert (await wire.ask("GET", "executions/nothing/history")).status == 404


async def test_a_page_stores_the_state_of_an_execution_as_the_output_of_a_cell(
    wire: Any, packed: Any, add_one: Any
) -> None:
    execution = await finished(wire, packed(add_one.bind(xs=[4711, 2])))
    answer = await wire.ask("GET", f"executions/{execution}/picture")
    assert set(answer.json) == {
        "application/vnd.wf-jupyter.execution+json",
        "image/svg+xml",
        "text/html",
        "application/pdf",
    }
    stored = answer.json["application/vnd.wf-jupyter.execution+json"]
    assert stored["id"] == execution
    assert stored["server_id"] == (await wire.ask("GET", "hello")).json["server_id"]
    assert stored["snapshot"]["status"] == "succeeded"
    assert "4711" not in answer.content.decode()
    assert (await wire.ask("GET", "executions/nothing/picture")).status == 404


async def test_two_executions_are_compared_on_a_page(wire: Any, packed: Any, add_one: Any) -> None:
    first = await finished(wire, packed(add_one.bind(xs=[1, 2])))
    second = await finished(wire, packed(add_one.bind(xs=[1, 2, 3])))
    answer = await wire.ask("GET", f"{second}/compare/{first}", api="wf-jupyter/executions/")
    assert answer.status == 200
    page = answer.content.decode()
    assert "<b>1</b> added" in page
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "increase × 2 → × 3" in words
    assert f"wf-jupyter/executions/{first}" in page
    missing = await wire.ask("GET", f"{second}/compare/nothing", api="wf-jupyter/executions/")
    assert missing.status == 404
    anonymous = await wire.ask("GET", f"{second}/compare/{first}", api="wf-jupyter/executions/", headers={})
    assert anonymous.status in (302, 403)
