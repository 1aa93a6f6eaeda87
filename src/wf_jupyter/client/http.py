"""Requests to a server: addresses, credentials, answers as errors of ours, and patience.

Patience means: a rate limit is waited for as long as the server asks, and a server that is just
being restarted is given half a minute. A request that may already have been carried out is not sent
again. tornado is imported when the first request is made.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Callable
from typing import Any

from wf_jupyter.client.discovery import Endpoint
from wf_jupyter.client.reconnect import Backoff
from wf_jupyter.errors import NotPermitted, RateLimited, ServerUnavailable, StoreError, WorkflowError
from wf_jupyter.protocol.problems import error_from_status
from wf_jupyter.protocol.rest import JSON, PROGRAM_HEADER

#: How long a server that was there before may stay away, in seconds.
_PATIENCE = 30.0
#: What may be sent again after it may have been carried out.
_REPEATABLE = ("GET", "PUT")
#: The largest answer taken: a result is held in memory once more while it is decoded.
_LARGEST_BODY = 1 << 32


class HttpSession:
    """Sends requests to wherever `locate` says the server is at that moment; on the background loop only."""

    def __init__(self, locate: Callable[[], Endpoint]) -> None:
        self._locate = locate
        self._clients: dict[str, Any] = {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        wait: float = 0.0,
        patience: float = _PATIENCE,
    ) -> bytes:
        """The body of the answer; every failure is one of `wf_jupyter.errors`."""
        backoff = Backoff()
        deadline = time.monotonic() + patience
        while True:
            try:
                return await self._once(method, path, body, content_type, accept, wait)
            except RateLimited as limit:
                await asyncio.sleep(limit.retry_after)
            except ServerUnavailable as error:
                if time.monotonic() > deadline or not (method in _REPEATABLE or _never_arrived(error)):
                    raise
                await asyncio.sleep(backoff.failed(random.random()))

    async def dial(self) -> Any:
        """Open the event WebSocket."""
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        where = self._locate()
        address = "ws" + where.api("ws").removeprefix("http")
        request = HTTPRequest(address, headers=_headers(where), connect_timeout=5.0, request_timeout=10.0)
        opening = asyncio.ensure_future(
            websocket_connect(
                request, max_message_size=_LARGEST_BODY, resolver=_resolver(where.sock) if where.sock else None
            )
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Nobody else could close what is just being opened.
            await asyncio.wait({opening}, timeout=1.0)
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                opening.result().close()
            raise

    def close(self) -> None:
        """Close idle connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    async def _once(
        self, method: str, path: str, body: bytes | None, content_type: str, accept: str, wait: float
    ) -> bytes:
        from tornado.httpclient import HTTPClientError

        where = self._locate()
        headers = {**_headers(where), "Accept": accept, "Content-Type": content_type}
        try:
            response = await self._client(where.sock).fetch(
                where.api(path),
                method=method,
                headers=headers,
                body=body if body is not None or method == "GET" else b"",
                allow_nonstandard_methods=True,
                connect_timeout=5.0,
                request_timeout=60.0 + wait,
                follow_redirects=False,
                raise_error=False,
            )
        except (OSError, HTTPClientError, TimeoutError) as error:
            raise ServerUnavailable(f"the server at {where.name} did not answer: {error}") from error
        if response.code < 300:
            return bytes(response.body or b"")
        raise _error(response.code, bytes(response.body or b""), response.headers.get("Retry-After"), where.name, path)

    def _client(self, sock: str) -> Any:
        if sock not in self._clients:
            from tornado.simple_httpclient import SimpleAsyncHTTPClient

            # Long polls occupy a connection each: the default of ten would make the rest wait.
            self._clients[sock] = SimpleAsyncHTTPClient(
                force_instance=True,
                max_clients=100,
                max_body_size=_LARGEST_BODY,
                max_buffer_size=_LARGEST_BODY,
                resolver=_resolver(sock) if sock else None,
            )
        return self._clients[sock]


def _headers(where: Endpoint) -> dict[str, str]:
    # A name for this process: those that share a credential do not use up each other's rate limit.
    headers = {PROGRAM_HEADER: f"{socket.gethostname()}-{os.getpid()}"}
    return {**headers, "Authorization": where.authorization} if where.authorization else headers


def _resolver(path: str) -> Any:
    from tornado.netutil import Resolver

    class UnixSocket(Resolver):
        """Every host name leads to one unix socket."""

        async def resolve(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> list[tuple[int, Any]]:
            return [(socket.AF_UNIX, path)]

    return UnixSocket()


def _never_arrived(error: ServerUnavailable) -> bool:
    cause = error.__cause__
    return isinstance(cause, (ConnectionRefusedError, FileNotFoundError))


def _error(code: int, body: bytes, retry_after: str | None, url: str, path: str) -> WorkflowError:
    error = error_from_status(code, body)
    if isinstance(error, NotPermitted) and b'"not_permitted"' in body:
        return error
    if code in (401, 403) or 300 <= code < 400:
        return NotPermitted(f"the server at {url} does not accept these credentials")
    if path == "hello" and code == 404:
        return ServerUnavailable(f"the server at {url} does not have wf_jupyter")
    if isinstance(error, RateLimited) and retry_after is not None:
        error.retry_after = max(error.retry_after, _seconds(retry_after))
    if code >= 500 and not isinstance(error, (ServerUnavailable, StoreError)):
        return ServerUnavailable(f"the server at {url} answered {code} to {path.partition('?')[0]}: {error}")
    return error


def _seconds(header: str) -> float:
    try:
        return min(60.0, max(0.05, float(header)))
    except ValueError:
        return 1.0
