"""`executor="inline"` needs the thread of whoever submits: a server refuses it, whichever way it comes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wf_jupyter.protocol.rest import PublishBody, RerunBody
from wf_jupyter.values.code import encode_code

PACKED = {"Content-Type": "application/msgpack"}
#: An orchestrator inside a process that dies in the middle of a task, or ends after one that failed.
KERNEL = """
import os, sys
import wf_jupyter as wf

@wf.task
def first():
    if sys.argv[1] == "dies":
        os._exit(0)
    raise ValueError("as asked for")

@wf.workflow
def flow():
    return first()

execution = flow.with_options(executor="inline").submit()
"""


@pytest.fixture
def left_over(tmp_path: Path, jp_serverapp: Any) -> Any:
    """Runs an inline execution in a process of its own, on the data directory of the server."""

    def leave(how: str) -> None:
        directory = Path(jp_serverapp.web_app.settings["wf_jupyter"].data_dir)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WF_JUPYTER_")}
        environment |= {"WF_JUPYTER_MODE": "embedded", "WF_JUPYTER_DATA_DIR": str(directory)}
        subprocess.run([sys.executable, "-c", KERNEL, how], env=environment, timeout=120, check=False)

    return leave


async def the_one(wire: Any, *statuses: str) -> str:
    """The id of the only execution, as soon as its status is one of these."""
    async with asyncio.timeout(30):
        while True:
            listed = (await wire.ask("GET", "executions")).json["executions"]
            if listed and listed[0]["status"] in statuses:
                return str(listed[0]["id"])
            await asyncio.sleep(0.05)


async def test_a_new_one_is_refused_whichever_way_it_comes(wire: Any, packed: Any, add_one: Any) -> None:
    inline = packed(add_one.bind(xs=[1]), executor="inline")
    usual = await wire.submit(packed(add_one.bind(xs=[1])))
    await wire.until(usual, "succeeded")
    published = PublishBody(
        name="inline", code=encode_code(print), environment=inline.environment, options=inline.options
    )
    for path, body in (
        ("executions", inline),
        (f"executions/{usual}/rerun", RerunBody(submission=inline)),
        ("workflows", published),
    ):
        answer = await wire.ask("POST", path, body=msgspec.msgpack.encode(body), headers={**wire.kernel, **PACKED})
        assert (answer.status, answer.json["field"]) == (400, "executor"), path
        assert "in the process that submits" in answer.json["message"]
    assert len((await wire.ask("GET", "executions")).json["executions"]) == 1


async def test_one_that_ended_elsewhere_is_neither_retried_nor_rerun(wire: Any, left_over: Any) -> None:
    await asyncio.to_thread(left_over, "fails")
    execution = await the_one(wire, "failed")
    socket = await wire.socket()
    answer = await wire.ask("POST", f"executions/{execution}/retry")
    assert (answer.status, answer.json["reason"]) == (409, "state_conflict")
    assert "executor='inline'" in answer.json["message"]
    assert (await socket.call("retry", execution_id=execution))["error"]["code"] == -32004
    assert (await wire.ask("POST", f"executions/{execution}/rerun")).status == 400
    assert (await wire.ask("GET", f"executions/{execution}")).json["status"] == "failed"


async def test_one_whose_process_died_stays_interrupted_and_can_be_cancelled(wire: Any, left_over: Any) -> None:
    await asyncio.to_thread(left_over, "dies")
    execution = await the_one(wire, "interrupted")
    for command in ("resume", "retry", "pause"):
        assert (await wire.ask("POST", f"executions/{execution}/{command}")).status == 409, command
    assert (await wire.ask("GET", f"executions/{execution}")).json["status"] == "interrupted"
    assert (await wire.ask("POST", f"executions/{execution}/cancel")).status == 200
    await wire.until(execution, "cancelled")
