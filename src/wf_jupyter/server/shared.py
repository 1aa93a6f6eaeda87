"""Objects that all handlers of one server share: one object in tornado's settings, and one way to get it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from wf_jupyter.server.host import OrchestratorHost
from wf_jupyter.server.rate_limit import RateLimiter
from wf_jupyter.server.ws.fair_sending import FairSending
from wf_jupyter.server.ws.wakeups import Wakeups

_KEY = "wf_jupyter_shared"


class Socket(Protocol):
    """An open WebSocket, as who ends them all sees it."""

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Say goodbye."""
        ...


@dataclass
class Shared:
    """Made when the extension is loaded, before there is a running loop.

    `secret` is what this server's kernels authenticate with. `executions` and `connections` limit how fast one
    identity starts them. `sockets` are those that are open; `goodbyes` end the conversations of closed ones.
    """

    host: OrchestratorHost
    secret: str
    executions: RateLimiter
    connections: RateLimiter
    fair_sending: FairSending = field(default_factory=FairSending)
    sockets: set[Socket] = field(default_factory=set)
    goodbyes: set[asyncio.Task[None]] = field(default_factory=set)
    _wakeups: Wakeups | None = None

    def wakeups(self) -> Wakeups:
        """Wakes the sockets of this server; made with the first of them, on its loop."""
        if self._wakeups is None:
            self._wakeups = Wakeups()
        return self._wakeups


def keep(settings: dict[str, Any], shared: Shared) -> None:
    """Put it where the handlers find it."""
    settings[_KEY] = shared


def get_shared(settings: Mapping[str, Any]) -> Shared:
    """The object that `keep` put there; `KeyError` when the extension was not loaded."""
    found: Shared = settings[_KEY]
    return found
