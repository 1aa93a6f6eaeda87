"""Broker of events: mailboxes by execution, mailboxes for all, and notifiers.

Runs on the orchestrator's loop. A subscriber costs one queue operation per batch, whatever it does
with it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from wf_jupyter.engine.fold import Picture
from wf_jupyter.model.events import WORKFLOW_EVENTS, Event
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.owner_thread import OwnerThread
from wf_jupyter.ports import Notifier
from wf_jupyter.service.subscriptions.mailbox import Bell, Events, Mailbox

EVERYTHING = "*"
#: The weight of events that are kept to follow a snapshot.
KEPT = 1024

_log = logging.getLogger(__name__)


class Recent:
    """An execution's snapshot as JSON at `seq`, and everything that was published after it.

    For subscribers that need a snapshot: a hundred that come within a moment share one, each with the
    events since. `framed` is for whoever sends it: the same as a frame.
    """

    __slots__ = ("deliveries", "epoch", "framed", "json", "seq", "weight")

    def __init__(self, snapshot: Snapshot) -> None:
        self.json = msgspec.json.encode(snapshot)
        self.epoch = snapshot.epoch
        self.seq = snapshot.seq
        self.deliveries: list[Events] = []
        self.framed: bytes | None = None
        self.weight = 0


class Broker:
    """Delivers committed events, in order per execution."""

    def __init__(self, notifiers: Sequence[Notifier] = ()) -> None:
        self._mailboxes: dict[str, dict[Mailbox | Bell, None]] = {}
        self._recent: dict[str, Recent] = {}
        self._notifiers = list(notifiers)
        self._thread = OwnerThread("the broker")

    def add(self, execution_id: str, mailbox: Mailbox | Bell) -> None:
        """Deliver what is published from now on. `"*"` gets the workflow-level events of all."""
        self._thread.check()
        self._mailboxes.setdefault(execution_id, {})[mailbox] = None

    def remove(self, execution_id: str, mailbox: Mailbox | Bell) -> None:
        """Deliver no more; unknown mailboxes are ignored."""
        self._thread.check()
        mailboxes = self._mailboxes.get(execution_id)
        if mailboxes is None:
            return
        mailboxes.pop(mailbox, None)
        if not mailboxes:
            del self._mailboxes[execution_id]
            self._recent.pop(execution_id, None)

    def has(self, execution_id: str, mailbox: Mailbox) -> bool:
        """Whether that mailbox gets what is published."""
        return mailbox in self._mailboxes.get(execution_id, {})

    def begin(self, execution_id: str, picture: Picture, mailbox: Mailbox) -> Recent:
        """Let a mailbox start over with a snapshot; in the mailbox is everything since.

        `picture` is that of this moment.
        """
        self._thread.check()
        recent = self._recent.get(execution_id)
        # What is put back must leave room for more, or a subscriber that lags would lag at once again.
        if recent is None or recent.weight > min(KEPT, mailbox.limit // 2):
            recent = Recent(picture.snapshot)
            self._recent[execution_id] = recent
        mailbox.forget(execution_id)
        for delivery in recent.deliveries:
            mailbox.put(delivery)
        return recent

    def is_watched(self, execution_id: str) -> bool:
        """Whether anybody subscribed to that execution."""
        return execution_id in self._mailboxes

    def lag(self, execution_id: str) -> None:
        """Let all who follow an execution start over."""
        self._thread.check()
        self._recent.pop(execution_id, None)
        for mailbox in self._mailboxes.get(execution_id, ()):
            mailbox.lag(execution_id)

    def publish(self, execution_id: str, workflow: str, events: Sequence[Event], encoded: Sequence[bytes] = ()) -> None:
        """Tell everyone. The events are durable already; `encoded` is how, if that is at hand."""
        self.tell(execution_id, events, encoded)
        self.tell_all(execution_id, events)
        for notifier in self._notifiers:
            try:
                notifier.notify(execution_id, workflow, events)
            except Exception:
                _log.exception("a notifier failed; the execution goes on")

    def tell(self, execution_id: str, events: Sequence[Event], encoded: Sequence[bytes] = ()) -> None:
        """Tell those who follow the execution."""
        self._thread.check()
        if mailboxes := self._mailboxes.get(execution_id):
            delivery = Events(execution_id, tuple(events), encoded=encoded)
            for mailbox in mailboxes:
                mailbox.put(delivery)
            self._remember(delivery)

    def tell_all(self, execution_id: str, events: Sequence[Event]) -> None:
        """Tell those who follow all executions of the workflow-level events among these."""
        if mailboxes := self._mailboxes.get(EVERYTHING):
            broad = tuple(event for event in events if isinstance(event, WORKFLOW_EVENTS))
            if broad:
                delivery = Events(execution_id, broad, EVERYTHING)
                for mailbox in mailboxes:
                    mailbox.put(delivery)

    def _remember(self, delivery: Events) -> None:
        recent = self._recent.get(delivery.execution_id)
        if recent is None:
            return
        recent.deliveries.append(delivery)
        recent.weight += delivery.weight
        if recent.weight > KEPT:
            del self._recent[delivery.execution_id]
