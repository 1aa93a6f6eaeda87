"""What the benchmarks of the server share: submitting to a real one, and workflows to run on it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.values.packaging import pack


def here(bound: Any, **options: Any) -> Submission:
    """A bound workflow as a submission from this interpreter."""
    environment = Environment(
        executable=sys.executable,
        directory=str(Path.cwd()),
        path=tuple(path or str(Path.cwd()) for path in sys.path),
        variables={name: value for name, value in os.environ.items() if not name.startswith("WF_JUPYTER_")},
    )
    return pack(bound.draft, environment, ExecutionOptions(**options))


async def submit(server: JupyterProcess, submission: Submission) -> str:
    """Start it; its id."""
    request = urllib.request.Request(
        server.url + "wf-jupyter/api/v1/executions",
        data=msgspec.msgpack.encode(submission),
        headers={"Authorization": f"token {server.token}", "Content-Type": "application/msgpack"},
    )

    def ask() -> str:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(json.loads(answer.read())["id"])

    return await asyncio.to_thread(ask)


def talking(count: int, seconds: float) -> Any:
    """Tasks that print and tell their progress four times each."""

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


def quiet(count: int) -> Any:
    """Tasks that do nothing."""

    @wf.task
    def nothing(number: int) -> int:
        return number

    @wf.workflow
    def quiet() -> object:
        return nothing.map(range(count))

    return quiet.bind()
