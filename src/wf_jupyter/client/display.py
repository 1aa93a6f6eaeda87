"""Display of an execution at the end of a cell: live where that can be, and always as a still picture.

The still picture is what a saved notebook keeps: its text holds nothing that differs from run to run.
The widget stands above the client and is therefore known here by name only, and only at call time.
"""

from __future__ import annotations

import importlib.util
import secrets
import sys
from importlib import import_module
from typing import Any

from wf_jupyter.client.ending import follow_display, follow_result
from wf_jupyter.client.log_views import beginning
from wf_jupyter.client.shown import Shown
from wf_jupyter.model.snapshot import Snapshot

#: What `_repr_mimebundle_` may return: contents by MIME type, and their metadata.
Bundle = dict[str, Any] | tuple[dict[str, Any], dict[str, Any]]


#: Below the picture in marimo, which shows HTML of what it does not know.
_MARIMO = "<p><i>A still picture: marimo has no live view of it. Run this cell again to see how far it is.</i></p>"


def svg(snapshot: Snapshot) -> str:
    """The graph as a picture."""
    from wf_jupyter.render.svg import snapshot_svg

    return snapshot_svg(snapshot)


def still_html(snapshot: Snapshot) -> str:
    """HTML that survives a sanitizer."""
    from wf_jupyter.render.html import snapshot_html

    return snapshot_html(snapshot)


def still_bundle(execution: Shown, snapshot: Snapshot | None = None) -> dict[str, Any]:
    """MIME bundle for places where nothing runs: text, and HTML that survives a sanitizer.

    Of an execution that a server runs also what JupyterLab shows it live by, with no kernel. The text is that of the
    beginning, however far the execution is: it is what nbval compares.
    """
    from wf_jupyter.render.stored import stored_bundle, stored_pictures
    from wf_jupyter.render.text import snapshot_text

    still = execution.still() if snapshot is None else snapshot
    start = beginning(execution.connection, still) if still.status.is_final else still
    server_id = execution.connection.server_id
    shown = stored_bundle(still, server_id) if server_id else stored_pictures(still)
    return {"text/plain": snapshot_text(start), **shown}


def bundle(execution: Shown) -> Bundle:
    """The MIME bundle of an execution: live when this is a kernel that can show it, and always still."""
    if not can_show_widgets():
        still = still_bundle(execution)
        return {**still, "text/html": still["text/html"] + _MARIMO} if _is_marimo() else still
    follow_result(execution)
    found: Bundle = execution.view()._repr_mimebundle_()
    return found


def show(execution: Shown) -> None:
    """Display an execution that was just submitted, when there is a notebook to display it in.

    The still picture is that of the beginning, however fast the tasks were; when it has ended, that of the end.
    """
    if can_show_widgets():
        from IPython.display import display

        found: Bundle = execution.view()._repr_mimebundle_()
        data, metadata = found if isinstance(found, tuple) else (found, {})
        start = beginning(execution.connection, execution.snapshot())
        shown = {**data, **still_bundle(execution, start)}
        display_id = secrets.token_hex(8)
        display(shown, metadata=metadata, raw=True, display_id=display_id)  # type: ignore[no-untyped-call]
        follow_display(execution, display_id)


def widget(execution: Shown, tab: str | None, height: int | None) -> Any:
    """A new live view; `ImportError` says what is missing."""
    return widgets("view").ExecutionView(execution, tab=tab, height=height)


def widgets(name: str) -> Any:
    """A module of widgets; `ImportError` where this kernel has none."""
    try:
        return import_module(f"wf_jupyter.widget.{name}")
    except ImportError as error:
        raise ImportError(
            f"this kernel has no widgets: anywidget and ipywidgets, with IPython, cannot be imported here ({error}). "
            "An execution as the last expression of a cell shows without them"
        ) from error


def _is_marimo() -> bool:
    """Whether a marimo notebook runs here."""
    runs = getattr(sys.modules.get("marimo"), "running_in_notebook", None)
    return runs is not None and bool(runs())


def can_show_widgets() -> bool:
    """Whether this is an IPython kernel with everything that the live view needs."""
    # A kernel that is not IPython's may have a module of that name with little in it.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    if shell is None or not hasattr(shell(), "kernel"):
        return False
    return all(importlib.util.find_spec(name) is not None for name in ("anywidget", "ipywidgets"))
