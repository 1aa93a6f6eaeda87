"""Two real servers on one data directory, and what people do to executions on them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.jupyter import here, submit
from tests.jupyter_process import JupyterProcess
from wf_jupyter.client.publishing import pack_workflow
from wf_jupyter.protocol.rest import PublishBody

API = "wf-jupyter/api/v1/"
#: What a server says that is killed, or does not run what is asked for.
REFUSED = (urllib.error.URLError, ConnectionError, TimeoutError)


def pair(folder: Path, first: JupyterProcess) -> JupyterProcess:
    """A second server on the data directory of the first."""
    second = JupyterProcess(folder)
    second.environment["WF_JUPYTER_DATA_DIR"] = first.environment["WF_JUPYTER_DATA_DIR"]
    return second


class Moves:
    """Commands to random servers; `done` counts those that were accepted."""

    def __init__(self, servers: list[JupyterProcess], chance: random.Random) -> None:
        self.servers = servers
        self.chance = chance
        self.done: Counter[str] = Counter()

    async def submit(self, bound: Any) -> str:
        """Start a workflow on a server that lives; its id."""
        while True:
            with contextlib.suppress(*REFUSED):
                return await submit(self.chance.choice(self.servers), here(bound))
            await asyncio.sleep(0.1)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask each server until one answers; None when none does."""
        for server in self.chance.sample(self.servers, len(self.servers)):
            with contextlib.suppress(*REFUSED):
                return await asyncio.to_thread(server.ask, method, API + path, body)
        return None

    async def disturb(self, execution: str) -> str | None:
        """One thing that people do to an execution; the id of a new one that this began."""
        match self.chance.choice(("pause", "cancel one", "cancel one", "cancel", "retry", "retry", "rerun")):
            case "pause":
                if await self._command(execution, "pause"):
                    await asyncio.sleep(self.chance.random() / 2)
                    while not await self._command(execution, "resume"):
                        snapshot = await self.ask("GET", f"executions/{execution}")
                        if snapshot is not None and snapshot["status"] != "paused":
                            break
                        await asyncio.sleep(0.2)
            case "cancel one":
                snapshot = await self.ask("GET", f"executions/{execution}")
                tasks = [] if snapshot is None else [task["key"] for task in snapshot["tasks"]]
                if tasks:
                    await self._command(execution, "cancel", {"task": self.chance.choice(tasks)})
            case "rerun":
                again = await self.ask("POST", f"executions/{execution}/rerun", {})
                if again is not None:
                    self.done["rerun"] += 1
                    return str(again["id"])
            case command:
                await self._command(execution, command)
        return None

    async def publish(self, bound: Any, name: str) -> str | None:
        """Publish a workflow, and execute it by name; the id."""
        server = self.chance.choice(self.servers)
        workflow = pack_workflow(bound.workflow, name, here(bound).environment)
        body = PublishBody(
            name=name, code=workflow.code, environment=workflow.environment, parameters=workflow.parameters
        )
        with contextlib.suppress(*REFUSED):
            await asyncio.to_thread(_send, server, "workflows", msgspec.msgpack.encode(body))
            self.done["publish"] += 1
        begun = await self.ask("POST", "executions", {"workflow": name, "input": {}})
        if begun is None:
            return None
        self.done["execute"] += 1
        return str(begun["id"])

    async def _command(self, execution: str, name: str, body: Any = None) -> bool:
        found = await self.ask("POST", f"executions/{execution}/{name}", body or {}) is not None
        self.done[f"{name} of a task" if body else name] += found
        return found


def _send(server: JupyterProcess, path: str, data: bytes) -> None:
    headers = {"Authorization": f"token {server.token}", "Content-Type": "application/msgpack"}
    request = urllib.request.Request(server.url + API + path, data=data, headers=headers)
    urllib.request.urlopen(request, timeout=30).close()
