"""A subscriber's bounded mailbox: filled by the orchestrator's thread, emptied by any other.

A mailbox never grows beyond its limit and never makes the sender wait. When a subscriber falls
behind, all that is queued of that execution is dropped and a `Lagged` stands in its place: the
subscriber asks for a snapshot (`Orchestrator.resync`) and goes on from there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

import msgspec

from wf_jupyter.model.events import Event


class Events:
    """Consecutive events of one execution; `json` is their JSON array, encoded once for all subscribers."""

    __slots__ = ("_json", "events", "execution_id")

    def __init__(self, execution_id: str, events: tuple[Event, ...]) -> None:
        self.execution_id = execution_id
        self.events = events
        self._json: bytes | None = None

    @property
    def json(self) -> bytes:
        """The events as a JSON array."""
        if self._json is None:
            self._json = msgspec.json.encode(self.events)
        return self._json


class Lagged:
    """The subscriber missed events of this execution and needs a snapshot."""

    __slots__ = ("execution_id",)

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id


Delivery = Events | Lagged


class Mailbox:
    """What waits for one subscriber, in order.

    Args:
        wake: called from the orchestrator's thread when an empty mailbox got something; must return
            at once.
        limit: events that may wait before the fullest execution lags.
    """

    def __init__(self, wake: Callable[[], None], limit: int = 4096) -> None:
        self._wake = wake
        self._limit = limit
        self._lock = Lock()
        self._queue: deque[Delivery] = deque()
        self._waiting = 0
        self._lagging: set[str] = set()

    def put(self, delivery: Events) -> None:
        """Queue a delivery; drops it when its execution lags."""
        with self._lock:
            if delivery.execution_id in self._lagging:
                return
            was_empty = not self._queue
            self._queue.append(delivery)
            self._waiting += len(delivery.events)
            if self._waiting > self._limit:
                self._lag(delivery.execution_id)
        if was_empty:
            self._wake()

    def take(self) -> list[Delivery]:
        """Everything that waits, in order; empties the mailbox. Callable from any thread."""
        with self._lock:
            taken = list(self._queue)
            self._queue.clear()
            self._waiting = 0
        return taken

    def forget(self, execution_id: str) -> None:
        """Drop what waits of an execution, and let it start afresh."""
        with self._lock:
            self._remove(execution_id)
            self._lagging.discard(execution_id)

    def _lag(self, execution_id: str) -> None:
        self._remove(execution_id)
        self._lagging.add(execution_id)
        self._queue.append(Lagged(execution_id))

    def _remove(self, execution_id: str) -> None:
        kept: deque[Delivery] = deque()
        self._waiting = 0
        for delivery in self._queue:
            if delivery.execution_id == execution_id:
                continue
            kept.append(delivery)
            if isinstance(delivery, Events):
                self._waiting += len(delivery.events)
        self._queue = kept
