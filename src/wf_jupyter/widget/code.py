"""The view's code, which is in a kernel, a page and a saved notebook once, however many views there are.

The model of a view carries a loader of some 2 kB. It finds the code in the model of `ViewCode` by its id, or asks
the kernel for it.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import ipywidgets
import traitlets

STATIC = Path(__file__).parent.parent / "static"

_MISSING = """export default { render({ el }) {
  el.textContent = "The live view of wf_jupyter was not built: reinstall wf_jupyter, or run `npm run build` in " +
    "its frontend folder, and restart the kernel. The execution itself goes on.";
} };
"""

_lock = threading.Lock()


@cache
def loader() -> str:
    """The code in the model of each view, or code that says that it is missing."""
    return _read("loader.js")


@cache
def bundle() -> str:
    """The code of the view itself."""
    return _read("widget.js")


@cache
def code_hash() -> str:
    """Names this version of the code within a page: the hash of the sources in its first line."""
    return bundle().partition("\n")[0].removeprefix("/* wf_jupyter ").removesuffix(" */")[:64]


def _read(name: str) -> str:
    path = STATIC / name
    return path.read_text(encoding="utf-8") if path.exists() else _MISSING


class ViewCode(ipywidgets.Widget):  # type: ignore[misc]
    """A model without a view."""

    _model_name = traitlets.Unicode("WidgetModel").tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)

    _shared: ViewCode | None = None

    @classmethod
    def get_shared(cls) -> ViewCode:
        """The one of this kernel. `Widget.close_all()` closes it, too; then there is another one."""
        with _lock:
            held: Any = ViewCode._shared
            if held is None or held.comm is None:
                held = ViewCode._shared = cls(code=bundle())
            return held  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return "<code of the live view>"
