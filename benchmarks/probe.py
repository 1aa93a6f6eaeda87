"""A Jupyter server extension that measures the server's own loop: how late it is when it should wake up.

`GET benchmark-probe` answers with the delays (milliseconds) since the last call, and the process's memory.
`own` is how much of each delay the loop spent computing: on a machine that others use as well, the rest
is time in which this thread was not allowed to run.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import psutil
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

_PERIOD = 0.005
_delays: list[float] = []
_own: list[float] = []


class Probe(JupyterHandler):
    """Tells and forgets."""

    @web.authenticated
    async def get(self) -> None:
        """The delays since the last call."""
        taken = {"delays": list(_delays), "own": list(_own), "rss": psutil.Process().memory_info().rss}
        _delays.clear()
        _own.clear()
        self.finish(json.dumps(taken))


async def _measure() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due, computed = loop.time() + _PERIOD, time.thread_time()
        await asyncio.sleep(_PERIOD)
        late = loop.time() - due
        _delays.append(late * 1000)
        _own.append(min(late, time.thread_time() - computed) * 1000)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "benchmarks.probe"}]


def _load_jupyter_server_extension(app: Any) -> None:
    app.web_app.add_handlers(".*$", [(app.base_url + "benchmark-probe", Probe)])


async def _start_jupyter_server_extension(app: Any) -> None:
    app.benchmark_probe = asyncio.get_running_loop().create_task(_measure())
