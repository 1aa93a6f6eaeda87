"""A real Jupyter server with the extension, real workers, and a small client of the wire."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

import wf_jupyter as wf
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.server.shared import get_shared
from wf_jupyter.values.packaging import pack

#: The machine may be busy: a wait that fails takes this long.
PATIENCE = 30.0


@pytest.fixture  # type: ignore[no-redef]
def jp_server_config() -> dict[str, Any]:
    """The extension, and nothing else of Jupyter's."""
    return {"ServerApp": {"jpserver_extensions": {"wf_jupyter": True}}, "WorkflowExtension": {"max_workers": 2}}


class Answer:
    """An HTTP answer that is never an exception."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.code
        self.headers = response.headers
        self.content = response.body or b""

    @property
    def json(self) -> Any:
        """The JSON body."""
        return json.loads(self.content)


class Socket:
    """A WebSocket client that keeps what it is told by kind."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.notices: list[dict[str, Any]] = []
        self.replies: dict[Any, dict[str, Any]] = {}
        self.order: list[dict[str, Any]] = []
        self._next_id = 0

    async def send(self, frame: str | bytes, binary: bool = False) -> None:
        """Send anything."""
        await self.connection.write_message(frame, binary=binary)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The whole reply to a call."""
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        await self.send(json.dumps(request))
        return await self.reply(self._next_id)

    async def reply(self, identity: Any) -> dict[str, Any]:
        """The reply with that id."""
        await self._until(lambda: identity in self.replies)
        return self.replies.pop(identity)

    async def notice(self, method: str) -> dict[str, Any]:
        """The parameters of the first unread notification of that method."""
        await self._until(lambda: any(notice["method"] == method for notice in self.notices))
        found = next(notice for notice in self.notices if notice["method"] == method)
        self.notices.remove(found)
        params: dict[str, Any] = found["params"]
        return params

    async def events(self, execution: str, last: str = "workflow.completed") -> list[dict[str, Any]]:
        """All events of an execution up to and with the first of type `last`."""

        def told() -> list[dict[str, Any]]:
            batches = [n["params"] for n in self.notices if n["method"] == "events"]
            return [event for batch in batches if batch["execution_id"] == execution for event in batch["events"]]

        await self._until(lambda: any(event["type"] == last for event in told()))
        return told()

    async def closed(self) -> int | None:
        """Read until the server closes; the close code."""
        async with asyncio.timeout(PATIENCE):
            while await self.connection.read_message() is not None:
                pass
        return self.connection.close_code

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                message = await self.connection.read_message()
                assert message is not None, f"closed with {self.connection.close_code}"
                frame = json.loads(message)
                assert frame["jsonrpc"] == "2.0"
                self.order.append(frame)
                if "method" in frame:
                    self.notices.append(frame)
                else:
                    self.replies[frame["id"]] = frame

    def close(self) -> None:
        """Close."""
        self.connection.close()


class Wire:
    """Talks to the server as token user, unless headers say otherwise."""

    def __init__(self, app: Any, client: Any, port: int, base_url: str, authorization: dict[str, str]) -> None:
        self.app = app
        self.client = client
        self.port = port
        self.base_url = base_url
        self.authorization = authorization
        self.sockets: list[Socket] = []

    @property
    def extension(self) -> Any:
        """The extension application."""
        return next(iter(self.app.extension_manager.extension_apps["wf_jupyter"]))

    @property
    def kernel(self) -> dict[str, str]:
        """The header of a kernel of this server."""
        return {"Authorization": f"wf-jupyter {get_shared(self.app.web_app.settings).secret}"}

    async def start(self) -> None:
        """What the server does once its loop runs; pytest-jupyter leaves it out."""
        await self.app._post_start()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        json_body: Any = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        api: str = "wf-jupyter/api/v1/",
        **query: Any,
    ) -> Answer:
        """An HTTP request."""
        sent = dict(self.authorization if headers is None else headers)
        if json_body is not None:
            body = json.dumps(json_body).encode()
        if method == "POST" and body is None:
            body = b""
        url = f"{self.base_url}{api}{path}" + (f"?{urlencode(query)}" if query else "")
        response = await self.client.fetch(
            url,
            method=method,
            headers=sent,
            body=body,
            raise_error=False,
            request_timeout=PATIENCE,
            follow_redirects=False,
        )
        return Answer(response)

    async def submit(self, submission: Submission, headers: dict[str, str] | None = None) -> str:
        """Start an execution; its id."""
        sent = {**(self.kernel if headers is None else headers), "Content-Type": "application/msgpack"}
        answer = await self.ask("POST", "executions", body=msgspec.msgpack.encode(submission), headers=sent)
        assert answer.status == 201, answer.content
        return str(answer.json["execution_id"])

    async def socket(self, headers: dict[str, str] | None = None, **options: Any) -> Socket:
        """An open WebSocket."""
        url = f"ws://127.0.0.1:{self.port}{self.base_url}wf-jupyter/api/v1/ws"
        request = HTTPRequest(url, headers=self.authorization if headers is None else headers, request_timeout=PATIENCE)
        socket = Socket(await websocket_connect(request, max_message_size=1 << 30, **options))
        self.sockets.append(socket)
        return socket

    async def until(self, execution: str, *statuses: str) -> dict[str, Any]:
        """The snapshot as soon as the execution has one of these statuses."""
        async with asyncio.timeout(PATIENCE):
            after = 0
            while True:
                snapshot = (await self.ask("GET", f"executions/{execution}")).json
                if snapshot["status"] in statuses:
                    return dict(snapshot)
                after = max(after, snapshot["seq"])
                await self.ask("GET", f"executions/{execution}/events", after=after, wait=5)


@pytest.fixture
def wire(
    jp_serverapp: Any, http_server_client: Any, jp_http_port: int, jp_base_url: str, jp_auth_header: dict[str, str]
) -> Iterator[Wire]:
    """The server under test."""
    wire = Wire(jp_serverapp, http_server_client, jp_http_port, jp_base_url, jp_auth_header)
    yield wire
    for socket in wire.sockets:
        socket.close()


@pytest.fixture
def packed(tmp_path: Path) -> Callable[..., Submission]:
    """Turns a bound workflow into a submission from this interpreter."""

    def make(bound: Any, **options: Any) -> Submission:
        environment = Environment(
            executable=sys.executable,
            directory=str(tmp_path),
            path=tuple(path or os.getcwd() for path in sys.path),
            variables=dict(os.environ),
        )
        return pack(bound.draft, environment=environment, options=ExecutionOptions(**options))

    return make


@pytest.fixture
def add_one() -> Any:
    """A workflow of three mapped tasks and a sum."""

    @wf.task
    def increase(x: int) -> int:
        print("increasing", x)
        return x + 1

    @wf.task
    def total(xs: list[int]) -> int:
        return sum(xs)

    @wf.workflow
    def add_one(xs: list[int]) -> int:
        return total(increase.map(xs))

    return add_one


@pytest.fixture
def gated(tmp_path: Path) -> Any:
    """A workflow with one task that runs until the file `gate` exists in the test's folder."""
    gate = str(tmp_path / "gate")

    @wf.task
    def wait_for(path: str) -> str:
        import pathlib
        import time

        while not pathlib.Path(path).exists():
            time.sleep(0.01)
        return "opened"

    @wf.workflow
    def gated() -> str:
        return wait_for(gate)

    found: Any = gated
    found.gate = Path(gate)
    return found
