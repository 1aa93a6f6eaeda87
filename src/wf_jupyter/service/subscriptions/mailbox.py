"""A subscriber's bounded mailbox: filled by the orchestrator's thread, emptied by any other.

A mailbox never grows beyond its limit and never makes the sender wait. When a subscriber falls
behind, all that is queued of its fullest topic is dropped and a `Lagged` stands in its place: the
subscriber asks for a snapshot (`Orchestrator.resync`) and goes on from there. Within a topic nothing
else is ever left out or joined: a reader that sees a jump in `seq` knows that something went wrong.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from threading import Lock

from wf_jupyter.model.events import Event, TaskLog, TaskOutput, WorkflowCompleted
from wf_jupyter.store.events import encode_event

#: Text and displays count as one event more for each so many characters.
_WEIGHED = 4096


class Events:
    """Consecutive events of one execution; `encoded` is each of them as JSON, as it was stored if that is given, and
    `json` the array of these: made once for all subscribers.

    `topic` is what was subscribed to: the execution, or `"*"` for the workflow-level events of all.
    `framed` is for whoever sends: how many deliveries share a frame that begins with this one, and
    that frame. What follows a delivery is the same in every mailbox of its topic.
    """

    __slots__ = ("_encoded", "_json", "_weight", "events", "execution_id", "framed", "topic")

    def __init__(
        self,
        execution_id: str,
        events: tuple[Event, ...],
        topic: str | None = None,
        encoded: Sequence[bytes] = (),
    ) -> None:
        self.execution_id = execution_id
        self.events = events
        self._encoded = encoded
        self.topic = topic or execution_id
        self.framed: tuple[int, bytes] | None = None
        self._json: bytes | None = None
        self._weight = 0

    @property
    def encoded(self) -> Sequence[bytes]:
        """Each event as JSON."""
        if not self._encoded:
            self._encoded = [encode_event(event) for event in self.events]
        return self._encoded

    @property
    def json(self) -> bytes:
        """The events as a JSON array."""
        if self._json is None:
            self._json = b"[%b]" % b",".join(self.encoded)
        return self._json

    @property
    def weight(self) -> int:
        """Room that events take: their number, and more for long texts."""
        if self._weight == 0:
            self._weight = len(self.events) + sum(map(_length, self.events)) // _WEIGHED
        return self._weight


class Lagged:
    """The subscriber missed events of this topic and needs a snapshot (of `"*"`: a new list)."""

    __slots__ = ("topic",)

    def __init__(self, topic: str) -> None:
        self.topic = topic


Delivery = Events | Lagged


class Bell:
    """In the place of a mailbox, for who waits for the end: wakes when an execution has ended, or must be looked at.

    It keeps nothing, so what happens on the way costs a glance.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def put(self, delivery: Events) -> None:
        """Look whether this is the end."""
        if any(isinstance(event, WorkflowCompleted) for event in delivery.events):
            self._wake()

    def lag(self, topic: str) -> None:
        """Something is so that no event tells it, or was told elsewhere."""
        self._wake()


class Mailbox:
    """Deliveries that wait for one subscriber, in order.

    Args:
        wake: called from the orchestrator's thread when an empty mailbox got something; must return
            at once.
        limit: the weight of events that may wait before the fullest topic lags.
    """

    def __init__(self, wake: Callable[[], None], limit: int = 4096) -> None:
        self.limit = limit
        self._wake = wake
        self._lock = Lock()
        self._queue: deque[Delivery] = deque()
        self._weights: Counter[str] = Counter()
        self._weight = 0
        self._lagging: set[str] = set()

    def put(self, delivery: Events) -> None:
        """Queue a delivery; drops it when its topic lags."""
        with self._lock:
            if delivery.topic in self._lagging:
                return
            was_empty = not self._queue
            self._queue.append(delivery)
            self._weights[delivery.topic] += delivery.weight
            self._weight += delivery.weight
            if self._weight > self.limit:
                # The fullest, not the latest: one busy execution must not cost the quiet ones their events.
                self._lag(max(self._weights, key=self._weights.__getitem__))
        if was_empty:
            self._wake()

    def take(self) -> list[Delivery]:
        """Everything that waits, in order; empties the mailbox. Callable from any thread."""
        with self._lock:
            taken = list(self._queue)
            self._queue.clear()
            self._weights.clear()
            self._weight = 0
        return taken

    def forget(self, topic: str) -> None:
        """Drop what waits of a topic, and let it start afresh."""
        with self._lock:
            self._remove(topic)
            self._lagging.discard(topic)

    def lag(self, topic: str) -> None:
        """Drop what waits of a topic; the subscriber needs a snapshot."""
        with self._lock:
            if topic in self._lagging:
                return
            was_empty = not self._queue
            self._lag(topic)
        if was_empty:
            self._wake()

    def _lag(self, topic: str) -> None:
        self._remove(topic)
        self._lagging.add(topic)
        self._queue.append(Lagged(topic))

    def _remove(self, topic: str) -> None:
        if any(delivery.topic == topic for delivery in self._queue):
            self._queue = deque(delivery for delivery in self._queue if delivery.topic != topic)
        self._weight -= self._weights.pop(topic, 0)


def _length(event: Event) -> int:
    match event:
        case TaskLog():
            return len(event.text)
        case TaskOutput():
            return sum(map(len, event.data.values()))
        case _:
            return 0
