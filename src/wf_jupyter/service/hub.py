"""Who is told of what: mailboxes by execution, mailboxes for all, and notifiers.

Runs on the orchestrator's loop. A subscriber costs one queue operation per batch, whatever it does
with it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from wf_jupyter.model.events import WORKFLOW_EVENTS, Event
from wf_jupyter.ports import Notifier
from wf_jupyter.service.mailbox import Events, Mailbox

EVERYTHING = "*"

_log = logging.getLogger(__name__)


class Hub:
    """Delivers committed events, in order per execution."""

    def __init__(self, notifiers: Sequence[Notifier] = ()) -> None:
        self._mailboxes: dict[str, dict[Mailbox, None]] = {}
        self._notifiers = list(notifiers)

    def add(self, execution_id: str, mailbox: Mailbox) -> None:
        """Deliver what is published from now on. `"*"` gets the workflow-level events of all."""
        self._mailboxes.setdefault(execution_id, {})[mailbox] = None

    def remove(self, execution_id: str, mailbox: Mailbox) -> None:
        """Deliver no more; unknown mailboxes are ignored."""
        mailboxes = self._mailboxes.get(execution_id)
        if mailboxes is None:
            return
        mailboxes.pop(mailbox, None)
        if not mailboxes:
            del self._mailboxes[execution_id]

    def is_watched(self, execution_id: str) -> bool:
        """Whether anybody subscribed to that execution."""
        return execution_id in self._mailboxes

    def publish(self, execution_id: str, workflow: str, events: Sequence[Event]) -> None:
        """Tell everyone. The events are durable already."""
        if mailboxes := self._mailboxes.get(execution_id):
            delivery = Events(execution_id, tuple(events))
            for mailbox in mailboxes:
                mailbox.put(delivery)
        if mailboxes := self._mailboxes.get(EVERYTHING):
            broad = tuple(event for event in events if isinstance(event, WORKFLOW_EVENTS))
            if broad:
                delivery = Events(execution_id, broad, EVERYTHING)
                for mailbox in mailboxes:
                    mailbox.put(delivery)
        for notifier in self._notifiers:
            try:
                notifier.notify(execution_id, workflow, events)
            except Exception:
                _log.exception("a notifier failed; the execution goes on")
