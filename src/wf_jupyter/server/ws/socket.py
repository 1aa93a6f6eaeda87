"""The WebSocket: tornado around a `RpcSession` (what comes in) and a `Sender` (what goes out)."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from wf_jupyter.errors import RateLimited
from wf_jupyter.protocol import jsonrpc
from wf_jupyter.server.access import KernelAccess
from wf_jupyter.server.ws.rpc_session import RpcSession
from wf_jupyter.server.ws.sender import Sender

GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013

_log = logging.getLogger("wf_jupyter")


class EventSocket(KernelAccess, WebSocketMixin, ExtensionHandlerMixin, WebSocketHandler, JupyterHandler):
    """One connected page or kernel."""

    _pump: Sender | None = None
    _conversation: RpcSession | None = None
    _pumping: asyncio.Task[None] | None = None

    # -- the handshake ----------------------------------------------------------------------------

    async def prepare(self, **options: Any) -> None:
        """After a restart of the server all pages come back at once: one after the other."""
        async with self.shared.fair_sending.turn():
            await super().prepare(**options)

    def set_default_headers(self) -> None:
        """None: CSP and CORS mean nothing on a 101."""

    def get_compression_options(self) -> dict[str, Any] | None:
        """permessage-deflate exactly when the server's settings ask for it."""
        options: dict[str, Any] | None = self.settings.get("websocket_compression_options")
        return options

    # jupyter_server reads these settings in milliseconds and tornado reads the same properties in
    # seconds (jupyter_server#1612): tornado's own ping loop is the one that runs here.
    @property
    def ping_interval(self) -> float:
        """Seconds between pings."""
        return float(self.settings.get("websocket_ping_interval") or 20)

    @property
    def ping_timeout(self) -> float:
        """Seconds until an unanswered ping closes the socket."""
        return min(float(self.settings.get("websocket_ping_timeout") or 20), self.ping_interval)

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open for everybody who may read; each command is checked again by itself."""
        if not await self.allows("read"):
            raise web.HTTPError(403, "you are not allowed to read workflows on this server")
        self.shared.connections.take(self.identity, time.monotonic())
        await super().get(*args, **kwargs)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Errors of our tree are answers: the access log's line is enough."""
        if not isinstance(value, RateLimited):
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **options: Any) -> None:
        """A refused handshake: no browser shows the body, so it is only a line for people with a terminal."""
        error = (options.get("exc_info") or (None, None, None))[1]
        if isinstance(error, RateLimited):
            self.set_status(429)
            self.set_header("Retry-After", str(math.ceil(error.retry_after)))
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(str(getattr(error, "log_message", None) or "the handshake was refused"))

    # -- the conversation -------------------------------------------------------------------------

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Say hello. Jupyter's own `open` is left out: it starts a second ping loop."""
        self.set_nodelay(True)
        app = self.settings["wf_jupyter"]
        host = self.shared.host
        await host.start()
        pump = Sender(
            host=host,
            write=self.write_message,
            fair_sending=self.shared.fair_sending,
            wakeups=self.shared.wakeups(),
            heartbeat=app.heartbeat,
            deadline=app.slow_client_timeout,
            limit=host.mailbox_limit,
        )
        self._pump = pump
        self._conversation = RpcSession(
            host=host,
            mailbox=pump.mailbox,
            sender=pump,
            caller=self,
            limiter=self.shared.executions,
            message_limit=app.max_message_size,
            subscription_limit=app.max_subscriptions,
        )
        self.shared.sockets.add(self)
        try:
            await pump.send(jsonrpc.notification("hello", host.hello()))
        except (WebSocketClosedError, TimeoutError):
            # It left while the orchestrator was starting, perhaps before `on_close` could know of it.
            self.shared.sockets.discard(self)
            return
        self._pumping = asyncio.get_running_loop().create_task(self._deliver(pump), name="wf_jupyter socket")

    async def on_message(self, message: str | bytes) -> None:
        """tornado reads the next frame only after this returned: a flood slows its sender down."""
        if self._conversation is None:
            return
        try:
            await self._conversation.receive(message)
        except WebSocketClosedError:
            pass
        except TimeoutError:
            self._give_up()

    def on_close(self) -> None:
        """Stop listening; nothing is kept for a socket that is gone, it asks again with its position."""
        self.shared.sockets.discard(self)
        if self._pumping is not None:
            self._pumping.cancel()
        if self._conversation is not None:
            ending = asyncio.get_running_loop().create_task(self._conversation.end(), name="wf_jupyter goodbye")
            self.shared.goodbyes.add(ending)
            ending.add_done_callback(self.shared.goodbyes.discard)

    async def _deliver(self, pump: Sender) -> None:
        try:
            await pump.run()
        except WebSocketClosedError:
            pass
        except TimeoutError:
            self._give_up()
        except Exception:
            # Closing makes the client come back and ask for what it misses; staying open would be a silent hole.
            _log.exception("delivering events failed")
            self.close(1011, "internal error")

    def _give_up(self) -> None:
        _log.info("closing a WebSocket whose reader takes nothing")
        self.close(TRY_AGAIN_LATER, "too slow")
