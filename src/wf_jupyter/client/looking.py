"""Following an execution while somebody looks at it, and no longer.

The first look subscribes. A minute after the last one the replica is let go, unless somebody else holds it (a view, the
tasks of an execution), and with it the subscription: events that nobody looks at cost the server and this process
as much as others.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

from wf_jupyter.client.loop import background
from wf_jupyter.client.replica import Replica

#: Seconds after the last look until nobody looks any more.
LINGER = 60.0


class Look:
    """One execution's replica: made by `follow` when it is looked at, held until nobody did for a while."""

    def __init__(self, follow: Callable[[], Replica]) -> None:
        self._follow = follow
        self._lock = threading.Lock()
        self._held: Replica | None = None
        self._known: Callable[[], Replica | None] = lambda: None
        self._until = 0.0

    def replica(self) -> Replica:
        """The replica, kept up to date from now on. Blocks for the first one; any thread."""
        with self._lock:
            self._until = time.monotonic() + LINGER
            if self._held is None:
                self._held = self._known() or self._follow()
                self._known = weakref.ref(self._held)
                _look_again(weakref.ref(self), LINGER)
            return self._held

    def find_known(self) -> Replica | None:
        """The replica if there is one just now, whoever holds it. Looks at nothing."""
        return self._known()

    def let_go(self) -> float:
        """Let go when it is time; seconds until it is, 0 when there is nothing to let go."""
        if not self._lock.acquire(blocking=False):
            return 1.0  # Somebody is looking.
        try:
            left = self._until - time.monotonic()
            # Of one that has ended nothing comes any more, and what is known can be read without its server.
            if left <= 0 and self._held is not None and not self._held.status.is_final:
                self._held = None
            return 0.0 if self._held is None else max(left, 1.0)
        finally:
            self._lock.release()


def _look_again(look: Callable[[], Look | None], seconds: float) -> None:
    loop = background().loop

    def let_go() -> None:
        found = look()
        if found is not None and (left := found.let_go()) > 0:
            loop.call_later(left, let_go)

    loop.call_soon_threadsafe(loop.call_later, seconds, let_go)
