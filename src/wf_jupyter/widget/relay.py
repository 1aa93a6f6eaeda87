"""From a replica in the kernel to a page, through the notebook's own connection.

A page that reaches the server of the execution needs none of this; one in VS Code, Colab, or with an
embedded orchestrator gets its events here. Jupyter drops messages silently above some 1,000 a
second, so events are collected and leave in at most 20 frames a second. Frames are numbered: a page
that misses one asks again, and gets a snapshot. While an execution runs, a heartbeat with
the latest `seq` tells pages that silence means that nothing happens: neither is the kernel gone, nor
was the last frame lost.

Independently of any page, a snapshot is kept in the widget's state for saved notebooks, at most once
a second and less often for large graphs.

Runs on the client's background loop, so it goes on while the kernel is busy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from wf_jupyter.client.log_views import deep_copy
from wf_jupyter.client.loop import background
from wf_jupyter.client.replica import Link, Replica
from wf_jupyter.model.events import Event
from wf_jupyter.model.snapshot import Snapshot

#: Seconds between two frames of events.
FRAME = 0.05
#: Seconds between two heartbeats.
HEARTBEAT = 10.0
#: Beyond so many collected events a snapshot is smaller, and sooner shown.
LARGEST_FRAME = 5000
#: Tasks whose snapshot may be kept once a second; a larger graph is kept proportionally less often.
_SMALL_GRAPH = 200

Send = Callable[[Mapping[str, Any]], None]
Keep = Callable[[Snapshot], None]


class Relay:
    """Carries one replica to a widget. `send` posts a message to all pages, `keep` stores what stays of a snapshot."""

    def __init__(self, replica: Replica, send: Send, keep: Keep) -> None:
        self._replica = replica
        self._send = send
        self._keep = keep
        self._loop = background().loop
        self._asked = 0
        self._frames = 0
        self._waiting: list[Event] = []
        self._must_replace = False
        self._is_flushing = False
        self._is_beating = False
        self._sent_end = False
        self._is_keeping = False
        self._kept_final = False
        self._is_closed = False

    def start(self) -> None:
        """Listen, and keep the snapshot as it is now."""
        snapshot = self._replica.attach(self, deep_copy)
        self._keep(snapshot)

    def ask(self) -> None:
        """A page wants to be told: a snapshot at once, then events. Any thread."""
        self._loop.call_soon_threadsafe(self._begin)

    def leave(self) -> None:
        """A page does not want to be told any more. Any thread."""
        self._loop.call_soon_threadsafe(self._end)

    def close(self) -> None:
        """Tell nobody any more; what is planned already finds nobody. Any thread, idempotent."""
        self._replica.detach(self)
        self._loop.call_soon_threadsafe(self._silence)

    # -- listening, on the background loop ---------------------------------------------------------

    def on_events(self, events: Sequence[Event]) -> None:
        if self._asked:
            self._waiting += events
            self._plan_frame()
        self._plan_keeping()

    def on_snapshot(self) -> None:
        if self._asked:
            self._must_replace = True
            self._plan_frame()
        self._plan_keeping()

    def on_link(self, link: Link) -> None:
        if self._asked:
            self._send({**self._head("connection"), "state": "live" if link == "live" else "waiting"})

    def _silence(self) -> None:
        self._asked = 0
        self._is_closed = True
        self._waiting.clear()

    # -- frames ------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._asked += 1
        self._must_replace = True
        self._flush()
        if not self._is_beating:
            self._is_beating = True
            self._loop.call_later(HEARTBEAT, self._beat)

    def _beat(self) -> None:
        self._is_beating = self._asked > 0
        if self._is_beating:
            is_final = self._replica.status.is_final
            if not (is_final and self._sent_end):
                self._flush()
                self._send({**self._head("heartbeat"), "seq": self._replica.position[1]})
            self._sent_end = is_final
            self._loop.call_later(HEARTBEAT, self._beat)

    def _end(self) -> None:
        # A page that asked twice, or vanished, leaves the count too high: then frames go on unread.
        self._asked = max(0, self._asked - 1)

    def _plan_frame(self) -> None:
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_later(FRAME, self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        if self._is_closed:
            return
        events, self._waiting = self._waiting, []
        if self._must_replace or len(events) > LARGEST_FRAME:
            self._must_replace = False
            self._send({**self._head("snapshot"), "snapshot": self._replica.read(plain)})
        elif events:
            self._send({**self._head("events"), "events": msgspec.to_builtins(events)})

    def _head(self, kind: str) -> dict[str, Any]:
        self._frames += 1
        return {"kind": kind, "execution_id": self._replica.id, "from": self._frames}

    # -- the saved snapshot ------------------------------------------------------------------------

    def _plan_keeping(self) -> None:
        is_final = self._replica.status.is_final
        if is_final and not self._kept_final:
            self._kept_final = True
            self._loop.call_soon(self._store)
        elif not self._is_keeping:
            self._kept_final = is_final
            self._is_keeping = True
            size = self._replica.read(lambda snapshot: len(snapshot.tasks))
            self._loop.call_later(max(1.0, size / _SMALL_GRAPH), self._store)

    def _store(self) -> None:
        self._is_keeping = False
        self._keep(self._replica.read(deep_copy))


def plain(snapshot: Snapshot) -> Any:
    """A snapshot as JSON objects."""
    return msgspec.to_builtins(snapshot)
