"""A replica of one execution in this process: a snapshot that events are folded onto.

Fed on the background loop, read from any thread. Listeners are called on the background loop, in
the order in which things happened, and must return at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeVar

import msgspec

from wf_jupyter.engine.fold import Picture
from wf_jupyter.model.events import Event
from wf_jupyter.model.snapshot import Snapshot, TaskSnapshot
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.protocol.codec import UnknownEvent

T = TypeVar("T")

#: `live`: events arrive as they happen. `reconnecting`: what is known may be old.
Link = Literal["live", "reconnecting"]


class Listener(Protocol):
    """Told of every change of a replica."""

    def on_events(self, events: Sequence[Event]) -> None:
        """Called when events were folded."""
        ...

    def on_snapshot(self) -> None:
        """The snapshot was exchanged for a newer one: the events in between are not known one by one."""
        ...

    def on_link(self, link: Link) -> None:
        """The connection came or went."""
        ...


class Replica:
    """One execution, seen from here. Shared by everybody in this process who looks at it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._changed = threading.Condition()
        self._picture = Picture(snapshot)
        self._listeners: tuple[Listener, ...] = ()
        self._link: Link = "live"
        self._gap = 0
        self._is_lost = False

    # -- reading, from any thread ----------------------------------------------------------------

    @property
    def id(self) -> str:
        """The execution's id."""
        return self._snapshot.id

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        return self._snapshot.workflow

    @property
    def status(self) -> ExecutionStatus:
        """The execution's status at the latest event that arrived."""
        return self._snapshot.status

    @property
    def position(self) -> tuple[str, int]:
        """Epoch and `seq` up to which everything is folded; without an epoch, only a snapshot helps."""
        with self._changed:
            return "" if self._is_lost else self._snapshot.epoch, self._snapshot.seq

    @property
    def link(self) -> Link:
        """Whether what is known is kept up to date."""
        return self._link

    def read(self, look: Callable[[Snapshot], T]) -> T:
        """`look` at the snapshot while nothing changes it; what it returns must not be a part of it."""
        with self._changed:
            return look(self._snapshot)

    def keys(self) -> tuple[str, ...]:
        """The keys of all tasks known so far, in order."""
        with self._changed:
            return tuple(self._picture.tasks)

    def has(self, key: str) -> bool:
        """Whether there is such a task."""
        with self._changed:
            return key in self._picture.tasks

    def task(self, key: str) -> TaskSnapshot:
        """One task as it stands now, as a copy of its own; `KeyError`."""
        with self._changed:
            return msgspec.structs.replace(self._picture.tasks[key])

    def wait(self, until: Callable[[Snapshot], bool], timeout: float | None) -> bool:
        """Block until the snapshot satisfies `until`; False when `timeout` seconds passed first."""
        with self._changed:
            return self._changed.wait_for(lambda: until(self._snapshot), timeout)

    def attach(self, listener: Listener, look: Callable[[Snapshot], T]) -> T:
        """Look, and be told of everything after it: no event is seen twice or missed in between."""
        with self._changed:
            self._listeners = (*self._listeners, listener)
            return look(self._snapshot)

    def detach(self, listener: Listener) -> None:
        """Tell this listener no more. Idempotent; a call already under way may still arrive."""
        with self._changed:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

    # -- feeding, on the background loop ---------------------------------------------------------

    def fold(self, events: Sequence[Event | UnknownEvent]) -> bool:
        """Events as they arrive; what is already known is left out.

        False when some are missing before an event: it and those after it are left out, and must be asked for.
        """
        fresh: list[Event] = []
        is_whole = True
        with self._changed:
            before = self._snapshot.status
            for event in events:
                if event.seq <= self._snapshot.seq:
                    continue
                if event.seq > self._snapshot.seq + 1:
                    # Asked for once, they should have come.
                    self._is_lost, self._gap = self._gap == event.seq, event.seq
                    is_whole = False
                    break
                if isinstance(event, UnknownEvent):
                    self._snapshot.seq = event.seq
                else:
                    self._picture.fold(event)
                    fresh.append(event)
            if self._snapshot.status is not before:
                self._changed.notify_all()
            listeners = self._listeners
        if fresh:
            for listener in listeners:
                listener.on_events(fresh)
        return is_whole

    def replace(self, snapshot: Snapshot) -> None:
        """Exchange the snapshot, unless what is known here is newer already."""
        with self._changed:
            same_log = snapshot.epoch == self._snapshot.epoch
            known = self._snapshot
            # Whether it is parked stands in no event: the same place in the log may be told anew.
            is_news = snapshot.seq > known.seq or (snapshot.seq == known.seq and snapshot.parked != known.parked)
            if same_log and not is_news:
                return
            self._picture = Picture(snapshot)
            self._is_lost, self._gap = False, 0
            self._changed.notify_all()
            listeners = self._listeners
        for listener in listeners:
            listener.on_snapshot()

    def set_link(self, link: Link) -> None:
        """Tell whether the connection stands."""
        if link != self._link:
            self._link = link
            for listener in self._listeners:
                listener.on_link(link)

    @property
    def _snapshot(self) -> Snapshot:
        return self._picture.snapshot
