"""The orchestrator's life inside the server: start, idle shutdown, stop, corrupt database, pages."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wf_jupyter.server import activity
from wf_jupyter.server.host import FIRST_WAIT
from wf_jupyter.server.shared import get_shared
from wf_jupyter.store.database import FILE_NAME


async def test_an_idle_server_may_stop_and_a_busy_one_may_not(wire: Any, packed: Any, gated: Any) -> None:
    await wire.start()
    manager = wire.app.extension_manager
    assert not manager.any_activity()
    execution = await wire.submit(packed(gated.bind()))
    await wire.until(execution, "running")
    assert manager.any_activity()
    assert wire.extension.current_activity() == {"executions": 1}

    before = datetime.now(UTC)
    activity.renew(wire.app.web_app.settings, wire.extension.current_activity()["executions"])
    assert wire.app.web_app.last_activity() >= before

    gated.gate.touch()
    await wire.until(execution, "succeeded")
    while manager.any_activity():
        await wire.ask("GET", "hello")
    assert wire.extension.current_activity() is None


async def test_stopping_with_running_executions_takes_under_three_seconds(wire: Any, packed: Any, gated: Any) -> None:
    await wire.start()
    execution = await wire.submit(packed(gated.bind()))
    await wire.until(execution, "running")
    socket = await wire.socket()
    await socket.call("subscribe", execution_id=execution)
    started = time.monotonic()
    await wire.extension.stop_extension()
    assert time.monotonic() - started < 3.5
    assert await socket.closed() == 1001
    answer = await wire.ask("GET", "executions")
    assert (answer.status, answer.json["reason"]) == (503, "unavailable")
    await wire.extension.stop_extension()


async def test_who_waits_for_events_when_the_server_stops_is_told(wire: Any, packed: Any, gated: Any) -> None:
    execution = await wire.submit(packed(gated.bind()))
    seq = (await wire.until(execution, "running"))["seq"]
    events = f"executions/{execution}/events"
    # Nothing follows the start of the task, which waits for its gate.
    while not any(event["type"] == "task.started" for event in (await wire.ask("GET", events, after=0)).json["events"]):
        await asyncio.sleep(0.01)
    seq = (await wire.ask("GET", events, after=0)).json["seq"]
    waiting = asyncio.ensure_future(wire.ask("GET", events, after=seq, wait=25))
    while not wire.extension._host._asked:
        await asyncio.sleep(0.01)
    await wire.extension.stop_extension()
    answer = await waiting
    assert (answer.status, answer.json["reason"]) == (503, "unavailable")


async def test_a_corrupt_database_is_named_in_hello_and_jupyter_goes_on(wire: Any) -> None:
    directory = Path(os.environ["WF_JUPYTER_DATA_DIR"])
    (directory / FILE_NAME).write_bytes(b"this is no database " * 100)
    await wire.start()
    hello = (await wire.ask("GET", "hello")).json
    assert hello["ready"] is False
    assert FILE_NAME in hello["message"]
    assert (await wire.ask("GET", "api/status", api="")).status == 200
    answer = await wire.ask("GET", "executions")
    assert (answer.status, answer.json["reason"]) == (503, "unavailable")
    assert hello["message"] in answer.json["message"]
    socket = await wire.socket()
    assert (await socket.notice("hello"))["ready"] is False
    assert (await socket.call("execute", workflow="w"))["error"]["code"] == -32000
    assert wire.extension.current_activity() is None


async def test_a_server_that_could_not_start_does_so_once_the_cause_is_gone(
    wire: Any, packed: Any, add_one: Any, caplog: pytest.LogCaptureFixture
) -> None:
    database = Path(os.environ["WF_JUPYTER_DATA_DIR"]) / FILE_NAME
    database.mkdir()
    with caplog.at_level(logging.ERROR, "wf_jupyter"):
        await wire.start()
        server = (await wire.ask("GET", "hello")).json
        assert not server["ready"]
        await asyncio.sleep(2 * FIRST_WAIT)
    assert caplog.text.count("could not start") == 1
    database.rmdir()
    async with asyncio.timeout(30):
        while not (hello := (await wire.ask("GET", "hello")).json)["ready"]:
            await asyncio.sleep(0.05)
    assert hello["server_id"] == server["server_id"] and hello["message"] is None
    assert (await wire.until(await wire.submit(packed(add_one.bind(xs=[1]))), "succeeded"))["ended"]


async def test_while_another_process_holds_the_data_directory_everybody_is_told(
    wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wf_jupyter.server.host.PATIENCE", 0.2)
    with open(Path(os.environ["WF_JUPYTER_DATA_DIR"]) / "opening.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        await wire.start()
        assert "is starting" in (await wire.ask("GET", "hello")).json["message"]
        monkeypatch.setattr("wf_jupyter.store.database.OPENING_SECONDS", 0.0)
        async with asyncio.timeout(30):
            while "another process has been opening" not in (await wire.ask("GET", "hello")).json["message"]:
                await asyncio.sleep(0.05)
        assert (await wire.ask("GET", "executions")).status == 503
    async with asyncio.timeout(30):
        while not (await wire.ask("GET", "hello")).json["ready"]:
            await asyncio.sleep(0.05)


async def test_what_ran_when_the_server_stopped_goes_on_with_the_next(
    wire: Any, packed: Any, gated: Any, jp_configurable_serverapp: Any
) -> None:
    execution = await wire.submit(packed(gated.bind()))
    before = await wire.until(execution, "running")
    await wire.extension.stop_extension()
    gated.gate.touch()

    from wf_jupyter.server.host import OrchestratorHost

    host = OrchestratorHost(wire.extension._host._config, version="next", heartbeat=10)
    get_shared(wire.app.web_app.settings).host = host
    try:
        after = await wire.until(execution, "succeeded")
        assert after["epoch"] != before["epoch"], "another orchestrator wrote the rest of the log"
        assert after["seq"] > before["seq"]
        events = (await wire.ask("GET", f"executions/{execution}/events")).json["events"]
        assert [event["seq"] for event in events] == list(range(1, after["seq"] + 1))
    finally:
        await host.close(2.5)


async def test_the_library_logs_through_the_servers_log(wire: Any) -> None:
    assert logging.getLogger("wf_jupyter").parent is wire.extension.log


async def test_the_page_of_an_execution_mounts_the_bundle(wire: Any, packed: Any, add_one: Any) -> None:
    execution = await wire.submit(packed(add_one.bind(xs=[1])))
    page = await wire.ask("GET", f"executions/{execution}", api="wf-jupyter/")
    assert page.status == 200
    text = page.content.decode()
    config = re.search(r'id="jupyter-config-data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert config
    told = json.loads(config.group(1))
    assert told["baseUrl"] == wire.base_url
    assert told["wfJupyter"]["execution_id"] == execution
    assert told["wfJupyter"]["server_id"] == (await wire.ask("GET", "hello")).json["server_id"]
    assert told["wfJupyter"]["bundle"].startswith(f"{wire.base_url}static/wf_jupyter/widget.js")
    assert wire.app.identity_provider.token not in text
    for script in re.findall(r'(?:src|href)="([^"]+/static/[^"]+)"', text):
        file = await wire.ask("GET", script.removeprefix(wire.base_url), api="", headers={})
        assert file.status == 200, script


async def test_pages_need_a_login_and_say_when_there_is_nothing(wire: Any) -> None:
    for path in ("", "executions/unknown"):
        answer = await wire.ask("GET", path, api="wf-jupyter/", headers={})
        assert answer.status == 302
        assert answer.headers["Location"].startswith(f"{wire.base_url}login")
    assert (await wire.ask("GET", "", api="wf-jupyter/")).status == 200
    missing = await wire.ask("GET", "executions/<script>", api="wf-jupyter/")
    assert missing.status == 404
    assert b"<html" in missing.content
    assert b"<script>" not in missing.content.split(b"executions")[-1]


async def test_a_workflow_name_cannot_break_out_of_the_page(wire: Any, packed: Any, add_one: Any) -> None:
    # Our own client would refuse the name; another one need not.
    name = "</script><script>alert(1)</script>"
    execution = await wire.submit(msgspec.structs.replace(packed(add_one.bind(xs=[1])), workflow=name))
    text = (await wire.ask("GET", f"executions/{execution}", api="wf-jupyter/")).content.decode()
    assert "alert(1)</script>" not in text
    assert "&lt;/script&gt;" in text
