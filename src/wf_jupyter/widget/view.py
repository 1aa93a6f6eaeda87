"""The widget: what Python and the page share about one live view.

The page decides how it gets its events: from its own server when `server_id` is that server's, else
through the relay. A notebook that was saved with widget state shows `snapshot`, with nothing running, or `still` where
the graph is too large for one.
"""

from __future__ import annotations

import logging
from typing import Any

import anywidget
import traitlets

from wf_jupyter.client.display import Bundle, still_bundle, still_html
from wf_jupyter.client.execution import Execution
from wf_jupyter.errors import InputError
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.render.stored import EXECUTION_TYPE
from wf_jupyter.widget import code
from wf_jupyter.widget.kept import keep_snapshot
from wf_jupyter.widget.relay import Relay
from wf_jupyter.widget.request_handler import RequestHandler

_log = logging.getLogger("wf_jupyter")

TABS = ("graph", "timeline", "table")


class ExecutionView(anywidget.AnyWidget):
    """The live view of one execution."""

    _esm = traitlets.Unicode().tag(sync=True)
    execution_id = traitlets.Unicode().tag(sync=True)
    server_id = traitlets.Unicode().tag(sync=True)
    workflow = traitlets.Unicode().tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)
    still = traitlets.Unicode().tag(sync=True)
    code_model = traitlets.Unicode().tag(sync=True)
    code_hash = traitlets.Unicode().tag(sync=True)
    tab = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int().tag(sync=True)

    def __init__(self, execution: Execution, tab: str | None = None, height: int | None = None) -> None:
        if tab is not None and tab not in TABS:
            raise InputError(f"tab={tab!r} is not allowed: it must be one of {', '.join(TABS)}", "tab")
        if height is not None and (isinstance(height, bool) or not isinstance(height, int) or height < 1):
            raise InputError(f"height={height!r} is not allowed: it must be a number of pixels", "height")
        self._execution = execution
        self._is_closed = False
        replica = execution.follow()
        super().__init__(
            _esm=code.loader(),
            code_model=code.ViewCode.get_shared().model_id,
            code_hash=code.code_hash(),
            still=still_html(execution.still()),
            execution_id=execution.id,
            server_id=execution.connection.server_id,
            workflow=execution.workflow,
            tab=tab or "",
            height=height or 0,
        )
        self._relay = Relay(replica, self.send, self._keep)
        self._handler = RequestHandler(execution)
        self.on_msg(self._on_message)
        self._relay.start()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called; a closed view is shown nowhere any more."""
        return self._is_closed

    def close(self) -> None:
        """Remove the view from every page and stop telling pages; the execution goes on. Idempotent."""
        self._is_closed = True
        # ipywidgets also closes what was never finished being made.
        if (relay := getattr(self, "_relay", None)) is not None:
            relay.close()
        super().close()

    def _on_message(self, widget: object, content: Any, buffers: object) -> None:
        """A message from a page: untrusted, and delivered only while the kernel is idle."""
        kind = content.get("kind") if isinstance(content, dict) else None
        match kind:
            case "subscribe":
                self._relay.ask()
            case "unsubscribe":
                self._relay.leave()
            case "code":
                self.send({"kind": "code", "code": code.bundle()})
            case "request":
                self._handler.take(content, self.send)
            case _:
                _log.debug("a page sent what is no message")

    def _keep(self, snapshot: Snapshot) -> None:
        if self._is_closed:
            return
        self.snapshot = keep_snapshot(snapshot)
        if snapshot.status.is_final:
            self.still = still_html(snapshot)

    def __repr__(self) -> str:
        return f"<live view of {self.workflow!r}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> Bundle:  # type: ignore[override]
        shown = super()._repr_mimebundle_(include=include, exclude=exclude, **options)
        data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
        wishes = {name: value for name in ("tab", "height") if (value := getattr(self, name))}
        # The entry also says that this is an execution's output: to nbval, which compares it by its text.
        return {**data, **still_bundle(self._execution)}, {**metadata, EXECUTION_TYPE: wishes}
