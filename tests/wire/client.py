"""The smallest client that follows an execution and never shows anything wrong.

Written from docs/protocol.md with nothing but the `websockets` library: it imports nothing of the
package it talks to.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException


class MinimalClient:
    """Follows one execution for ever.

    `load` gets a whole snapshot in the place of everything before; `apply` gets each event after it,
    once and in order. `seq` and `epoch` say how far they got.
    """

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        execution: str,
        load: Callable[[dict[str, Any]], object],
        apply: Callable[[dict[str, Any]], object],
        longest_pause: float = 15.0,
    ) -> None:
        self.url = url
        self.headers = headers
        self.execution = execution
        self.load = load
        self.apply = apply
        self.longest_pause = longest_pause
        self.seq = 0
        self.epoch = ""
        self.connections = 0
        self.snapshots = 0
        self.refused: dict[str, Any] | None = None
        self._asked = 0

    async def run(self) -> None:
        """Connect, follow, reconnect; ends when the server says that there is no such execution."""
        pause = 0.5
        while self.refused is None:
            try:
                async with connect(
                    self.url, additional_headers=self.headers, max_size=None, compression=None, open_timeout=10
                ) as socket:
                    self.connections += 1
                    await self._subscribe(socket)
                    silence = 25.0
                    while self.refused is None:
                        async with asyncio.timeout(silence):
                            message = json.loads(await socket.recv())
                        if message.get("method") == "hello":
                            silence = message["params"]["heartbeat"] * 2.5
                        if await self._take(socket, message):
                            pause = 0.5
            except (OSError, TimeoutError, EOFError, WebSocketException) as error:
                if isinstance(error, InvalidStatus) and error.response.status_code in (401, 403, 404):
                    raise
            await asyncio.sleep(random.uniform(0, min(pause, self.longest_pause)))
            pause = min(pause * 2, 15.0)

    async def _subscribe(self, socket: Any) -> None:
        self._asked += 1
        params: dict[str, Any] = {"execution_id": self.execution}
        if self.epoch:
            params |= {"after": self.seq, "epoch": self.epoch}
        self._waiting = True
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": self._asked, "method": "subscribe", "params": params}))

    async def _take(self, socket: Any, message: dict[str, Any]) -> bool:
        """Whether the message showed that the subscription stands."""
        if "method" not in message:
            return message["id"] == self._asked and self._answered(message)
        params = message["params"]
        if self._waiting or params.get("execution_id") != self.execution:
            return False
        if message["method"] == "snapshot":
            self._replace(params["snapshot"])
        elif message["method"] == "events":
            for event in params["events"]:
                if event["seq"] == self.seq + 1:
                    self.seq += 1
                    self.apply(event)
                elif event["seq"] > self.seq:
                    await self._subscribe(socket)
                    break
        return False

    def _answered(self, message: dict[str, Any]) -> bool:
        self._waiting = False
        if "error" in message:
            self.refused = message["error"]
            return False
        if not message["result"]["recovered"]:
            self._replace(message["result"]["snapshot"])
        return True

    def _replace(self, snapshot: dict[str, Any]) -> None:
        if snapshot["epoch"] != self.epoch or snapshot["seq"] > self.seq:
            self.epoch, self.seq = snapshot["epoch"], snapshot["seq"]
            self.snapshots += 1
            self.load(snapshot)
