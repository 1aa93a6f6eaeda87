"""`display(...)` and figures inside a task, without a change to the task and without importing IPython.

Where the task imports IPython itself, its `display` is replaced as the module is loaded: a function
from a notebook holds that very name, and resolves it when it is unpickled.
"""

from __future__ import annotations

import base64
import builtins
import io
import json
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.executors.worker.output import stream as output
from wf_jupyter.values.preview import text_of

PLAIN_LIMIT = 20_000
_IPYTHON = "IPython.core.display_functions"
_METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_latex_": "text/latex",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_json_": "application/json",
}


class Handle:
    """Handle that `display(..., display_id=True)` returns. An update is shown as a further output."""

    def __init__(self, name: str) -> None:
        self.display_id = name

    def display(self, obj: object, **options: object) -> None:
        display(obj)

    def update(self, obj: object, **options: object) -> None:
        display(obj)


def display(*objects: object, raw: bool = False, display_id: object = None, **_: object) -> Handle | None:
    """Show objects with the running task; outside of one, print them. Takes what IPython's `display` takes."""
    sink = output.current()
    for obj in objects:
        if sink is None:
            sys.stdout.write(f"{obj}\n")
        elif raw and isinstance(obj, Mapping):
            sink.display(text_bundle(obj))
        else:
            sink.display(bundle_of(obj))
    return Handle(str(display_id)) if display_id else None


def bundle_of(obj: object) -> dict[str, str]:
    """The object as MIME type → text, or base64 for binary types. A method that raises is left out."""
    bundle: dict[str, str] = {}
    whole = _ask(obj, "_repr_mimebundle_", include=None, exclude=None)
    if isinstance(whole, tuple):
        whole = whole[0] if whole else None
    if isinstance(whole, Mapping):
        bundle.update((str(kind), _text(content)) for kind, content in whole.items() if content is not None)
    for method, kind in _METHODS.items():
        content = None if kind in bundle else _ask(obj, method)
        if isinstance(content, tuple):
            content = content[0]
        if content is not None:
            bundle[kind] = _text(content)
    if "image/png" not in bundle and type(obj).__module__.startswith("matplotlib") and hasattr(obj, "savefig"):
        bundle["image/png"] = _text(png_of(obj))
    bundle.setdefault("text/plain", text_of(obj, PLAIN_LIMIT))
    return bundle


def text_bundle(data: Mapping[object, object]) -> dict[str, str]:
    """A MIME bundle with every content as text."""
    return {str(kind): _text(content) for kind, content in data.items() if content is not None}


def png_of(figure: Any) -> bytes:
    """A matplotlib figure as a PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", bbox_inches="tight")
    return stream.getvalue()


def show_figures() -> None:
    """Display every open figure of pyplot and close it: `plt.show()`, and what a cell's end does for a notebook."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is None:
        return
    managers = helpers.Gcf.get_all_fig_managers()
    try:
        for manager in managers:
            if manager.canvas.figure.get_children()[1:]:  # more than the background
                display(manager.canvas.figure)
    finally:
        if managers:
            helpers.Gcf.destroy_all()


def install(watch: ImportWatch) -> None:
    """Make `display` work in tasks of this process, named as a built-in or imported from IPython."""
    if not hasattr(builtins, "display"):
        builtins.display = display  # type: ignore[attr-defined]
    watch.on_import(_IPYTHON, _replace_display)


def _replace_display(module: ModuleType) -> None:
    module.display = display  # type: ignore[attr-defined]
    module.update_display = display  # type: ignore[attr-defined]


def _ask(obj: object, method: str, **options: object) -> Any:
    if isinstance(obj, type):
        return None
    try:
        found = getattr(obj, method, None)
        return found(**options) if found is not None else None
    except Exception:  # a representation of users' making; the others still count
        return None


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, bytes):
        return base64.b64encode(content).decode("ascii")
    try:
        return json.dumps(content)
    except (TypeError, ValueError):
        return text_of(content, PLAIN_LIMIT)
