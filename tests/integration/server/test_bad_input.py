"""What docs/protocol.md says about bad input, with a client of nothing but the `websockets` library."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from wf_jupyter.server.shared import get_shared

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that a client sends may look like a fault of the server."""
    yield
    assert not [record.getMessage() for record in caplog.records if record.exc_info]


@contextlib.asynccontextmanager
async def plain(wire: Any, port: int | None = None, **options: Any) -> AsyncIterator[ClientConnection]:
    """A connection that nothing was read from."""
    url = f"ws://127.0.0.1:{port or wire.port}{wire.base_url}wf-jupyter/api/v1/ws"
    options = {"compression": None, "max_size": None, **options}
    async with connect(url, additional_headers=wire.authorization, **options) as connection:
        yield connection


async def reply(connection: ClientConnection, identity: Any) -> dict[str, Any]:
    """The answer with that id; everything else is skipped."""
    async with asyncio.timeout(PATIENCE):
        while (message := json.loads(await connection.recv())).get("id", connection) != identity:
            pass
    return dict(message)


def request(identity: int, method: str, **params: Any) -> str:
    """A call."""
    return json.dumps({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})


async def test_a_text_frame_that_is_not_utf8_ends_the_connection(wire: Any) -> None:
    async with plain(wire) as connection:
        await connection.send(b'{"\xff": 1}', text=True)
        with pytest.raises(ConnectionClosed):
            await reply(connection, 1)
    async with plain(wire) as connection:
        await connection.send(request(1, "subscribe", execution_id="*"))
        assert "result" in await reply(connection, 1)


async def test_a_frame_beyond_the_servers_limit_ends_the_connection(wire: Any) -> None:
    async with plain(wire) as connection:
        with contextlib.suppress(ConnectionClosed):
            await connection.send("x" * (11 << 20))
        with pytest.raises(ConnectionClosed):
            await reply(connection, 1)
        assert connection.close_code == 1009


async def test_requests_need_not_wait_for_hello(wire: Any) -> None:
    async with plain(wire) as connection:
        await connection.send(request(1, "subscribe", execution_id="*"))
        assert json.loads(await connection.recv())["method"] == "hello"
        assert json.loads(await connection.recv())["id"] == 1


async def test_an_id_may_be_any_that_json_rpc_allows(wire: Any) -> None:
    async with plain(wire) as connection:
        for identity in (0, -5, 1.5, "a name", None):
            await connection.send(json.dumps({"jsonrpc": "2.0", "id": identity, "method": "dance"}))
            assert (await reply(connection, identity))["error"]["code"] == -32601


@pytest.mark.parametrize(
    "params",
    [
        {"execution_id": "x" * 100_000},
        {"execution_id": "x\u0000y"},
        {"execution_id": "../../etc/passwd"},
        {"execution_id": "' OR 1=1 --"},
        {"execution_id": "\U0001f300"},
        {"execution_id": "x", "after": 2**63, "epoch": "e"},
    ],
)
async def test_strange_ids_are_simply_not_found(wire: Any, params: dict[str, Any]) -> None:
    async with plain(wire) as connection:
        await connection.send(request(1, "subscribe", **params))
        assert (await reply(connection, 1))["error"]["code"] == -32001


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"execution_id": "\\ud800"}}', -32700),
        ('{"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"execution_id": "x", "after": 1e400}}', -32602),
        ('{"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"execution_id": "x", "after": NaN}}', -32700),
        ('{"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"execution_id": "x", "after": 1.5}}', -32602),
        ('{"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": ["x"]}', -32602),
        ('{"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": null}', -32602),
        ('{"jsonrpc": "2.0", "id": 1, "method": "execute", "params": ' + '{"a":' * 50_000 + "1" + "}" * 50_001, -32700),
    ],
)
async def test_numbers_and_texts_that_are_none_are_errors(wire: Any, text: str, code: int) -> None:
    async with plain(wire) as connection:
        await connection.send(text)
        async with asyncio.timeout(PATIENCE):
            while "error" not in (answer := json.loads(await connection.recv())):
                pass
        assert answer["error"]["code"] == code, answer


async def test_a_thousand_subscriptions_on_one_socket(wire: Any, packed: Any, add_one: Any) -> None:
    execution = await wire.submit(packed(add_one.bind(xs=[1])))
    await wire.until(execution, "succeeded")
    async with plain(wire) as connection:
        for number in range(1000):
            await connection.send(request(number, "subscribe", execution_id=f"unknown-{number}"))
        await connection.send(request(1000, "subscribe", execution_id=execution))
        codes = [(await reply(connection, number))["error"]["code"] for number in range(1000)]
        assert codes == [-32001] * 1000
        assert "result" in await reply(connection, 1000), "what does not exist takes no place"


async def test_the_socket_is_compressed_when_the_server_is_told_to(wire: Any, packed: Any, add_one: Any) -> None:
    execution = await wire.submit(packed(add_one.bind(xs=list(range(50)))))
    await wire.until(execution, "succeeded")
    settings = wire.app.web_app.settings
    for wanted in (None, {"compression_level": 1}):
        settings["websocket_compression_options"] = wanted
        async with plain(wire, compression="deflate") as connection:
            assert bool(connection.protocol.extensions) == bool(wanted)
            await connection.send(request(1, "subscribe", execution_id=execution))
            assert len((await reply(connection, 1))["result"]["snapshot"]["tasks"]) == 51


class TestLimits:
    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        return {
            "ServerApp": {
                "jpserver_extensions": {"wf_jupyter": True},
                "tornado_settings": {"websocket_ping_interval": 1, "websocket_ping_timeout": 1},
            },
            "WorkflowExtension": {"connection_burst": 3, "connection_rate": 0.5, "max_workers": 1},
        }

    async def test_connections_beyond_the_burst_have_to_wait(self, wire: Any) -> None:
        for _ in range(3):
            async with plain(wire):
                pass
        with pytest.raises(InvalidStatus) as refused:
            async with plain(wire):
                pass
        assert refused.value.response.status_code == 429
        assert 1 <= int(refused.value.response.headers["Retry-After"]) <= 2

    async def test_a_half_open_connection_is_noticed(self, wire: Any) -> None:
        open_sockets = get_shared(wire.app.web_app.settings).sockets
        with sockets.socket() as vanished:
            vanished.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(vanished, ("127.0.0.1", wire.port))
            credential = wire.authorization["Authorization"]
            handshake = (
                f"GET {wire.base_url}wf-jupyter/api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: {credential}\r\n\r\n"
            )
            await loop.sock_sendall(vanished, handshake.encode())
            assert b"101" in await loop.sock_recv(vanished, 1000)
            async with asyncio.timeout(PATIENCE):
                while not open_sockets:
                    await asyncio.sleep(0.01)
                while open_sockets:
                    await asyncio.sleep(0.05)


async def test_a_kernel_learns_whether_it_is_this_servers(wire: Any) -> None:
    assert (await wire.ask("GET", "hello", headers=wire.kernel, kernel_id="unknown")).json["kernel"] is False
    kernel = await wire.app.kernel_manager.start_kernel()
    try:
        assert (await wire.ask("GET", "hello", headers=wire.kernel, kernel_id=kernel)).json["kernel"] is True
    finally:
        await wire.app.kernel_manager.shutdown_kernel(kernel, now=True)
    assert "kernel" not in (await wire.ask("GET", "hello")).json
