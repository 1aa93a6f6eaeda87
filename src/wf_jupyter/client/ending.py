"""When an execution that a cell shows has ended, the cell's output becomes its outcome, also where no page is open.

A page with the JupyterLab extension does this by itself. nbclient, papermill and `nbconvert --execute` follow
`update_display_data`: the message names the output by the id that it was shown under.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import secrets
import sys
from collections.abc import Sequence
from typing import Any

from wf_jupyter.client.loop import background
from wf_jupyter.client.replica import Link
from wf_jupyter.client.shown import Shown

_log = logging.getLogger("wf_jupyter")


def follow_result(execution: Shown) -> None:
    """Update the result that the running cell is about to show, when this is called while it is being shown.

    A cell's result has no id to update it by, unless its message is given one.
    """
    shell = _shell()
    message = getattr(getattr(shell, "displayhook", None), "msg", None)
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, dict) and not content.get("data"):
        display_id = secrets.token_hex(8)
        content["transient"] = {"display_id": display_id}
        _Ending(execution, shell, display_id)


def follow_display(execution: Shown, display_id: str) -> None:
    """Update what was displayed under `display_id`."""
    _Ending(execution, _shell(), display_id)


def _shell() -> Any:
    found = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if found is None else found()


#: Those that have something to tell: nothing else need hold an execution whose only trace is a cell's output.
_awaited: set[_Ending] = set()


class _Ending:
    """Listens for as long as the execution runs, or somebody holds it: one that is retried ends again."""

    def __init__(self, execution: Shown, shell: Any, display_id: str) -> None:
        self._execution = execution
        self._publisher = shell.display_pub
        self._display_id = display_id
        self._shown_seq = -1
        self._replica = execution.follow()
        if self._replica.attach(self, lambda snapshot: snapshot.status.is_final):
            self._shown_seq = self._replica.position[1]
        else:
            _awaited.add(self)

    def on_events(self, events: Sequence[object]) -> None:
        seq = self._replica.position[1]
        if self._replica.status.is_final and seq != self._shown_seq:
            self._shown_seq = seq
            _awaited.discard(self)
            # The picture of a large graph takes a moment, and asks the orchestrator how it began. In a context of its
            # own: the present one may be that of the cell that submitted, and nbclient listens to the running one only.
            background().spawn(asyncio.to_thread(contextvars.Context().run, self._update))

    def on_snapshot(self) -> None:
        self.on_events(())

    def on_link(self, link: Link) -> None:
        pass

    def _update(self) -> None:
        try:
            found = self._execution.view()._repr_mimebundle_()
            data, metadata = found if isinstance(found, tuple) else (found, {})
            self._publisher.publish(data, metadata, transient={"display_id": self._display_id}, update=True)
        except Exception as error:
            _log.warning("the outcome of %r could not be shown: %s", self._execution.workflow, error)
