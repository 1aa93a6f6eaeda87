"""What people see of a value: its class, a bounded text, a bounded table, its size.

Made where the value lives. Whatever the value's own methods do, `describe` returns; texts carry no
memory addresses, so that a saved notebook stays the same.
"""

from __future__ import annotations

import re
import reprlib
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from wf_jupyter.model.events import ResultInfo
from wf_jupyter.model.texts import storable

TEXT_LIMIT = 2000
HTML_LIMIT = 20_000
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_COUNTED = (list, tuple, dict, set, frozenset, range, deque)
T = TypeVar("T")


class Bounded(reprlib.Repr):
    """Shortens built-in containers before they are turned into text: a list of 10 million costs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxarray = 50
        self.maxdict = 50
        self.maxstring = self.maxother = TEXT_LIMIT
        self.maxlong = 200

    def repr_instance(self, x: object, level: int) -> str:
        return shorten(repr(x), self.maxother)


_bounded = Bounded()


def text_of(value: object, limit: int = TEXT_LIMIT) -> str:
    """`repr(value)`, bounded and without addresses."""
    shown = _guarded(lambda: _bounded.repr(value), None)
    if shown is None:
        shown = f"<{type(value).__name__}, whose repr failed>"
    return shorten(storable(ADDRESS.sub("", shown)), limit)


def facts_of(value: object) -> str:
    """Class and shape of an array or a frame; empty for anything else."""
    shape = _guarded(lambda: _shape(value), None)
    return "" if shape is None else f"{type(value).__name__} {' × '.join(f'{size:,}' for size in shape)}"


def describe(value: object, size: int) -> ResultInfo:
    """The preview of `value`, whose encoded size is `size`. Never raises."""
    return ResultInfo(
        type=type(value).__name__,
        text=text_of(value),
        size=size,
        length=_guarded(lambda: _length(value), None),
        shape=_guarded(lambda: _shape(value), None),
        html=_guarded(lambda: _html(value), None),
    )


def shorten(text: str, limit: int) -> str:
    """`text`, with an ellipsis when it was longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _length(value: object) -> int | None:
    if isinstance(value, _COUNTED) or (not isinstance(value, type) and getattr(value, "shape", None)):
        return len(value)  # type: ignore[arg-type]
    return None


def _shape(value: object) -> tuple[int, ...] | None:
    if isinstance(value, type):
        return None
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape and all(hasattr(size, "__index__") for size in shape):
        return tuple(int(size) for size in shape)
    return None


def _html(value: object) -> str | None:
    if isinstance(value, type) or type(value) in (str, int, float, bool, type(None), bytes, list, tuple, dict):
        return None
    found = _table(value)
    if found is not None and len(found) > HTML_LIMIT and hasattr(value, "head"):
        found = _table(value.head(5))
    return found if found is not None and len(found) <= HTML_LIMIT else None


def _table(value: object) -> str | None:
    method = getattr(value, "_repr_html_", None)
    if method is None:
        return None
    found = method()
    return storable(found) if isinstance(found, str) else None


def _guarded(compute: Callable[[], T], otherwise: T) -> T:
    try:
        return compute()
    except KeyboardInterrupt:
        raise  # a task that is being stopped must not go on because of its preview
    except BaseException:  # a user's __repr__ may even call sys.exit
        return otherwise
