"""Previews of values: class, a bounded text, a bounded table, size.

Made where the value lives. Whatever the value's own methods do, `describe` returns, and soon; texts
carry no memory addresses, so that a saved notebook stays the same.
"""

from __future__ import annotations

import re
import reprlib
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any, TypeVar

from wf_jupyter.model.events import ResultInfo
from wf_jupyter.model.secrecy import MASK, is_secret, mask
from wf_jupyter.model.texts import storable
from wf_jupyter.values.patience import within
from wf_jupyter.values.pictures import picture_of
from wf_jupyter.values.plain import is_plain

TEXT_LIMIT = 2000
HTML_LIMIT = 20_000
#: Seconds for a text, or for a table: the user's own methods may take as long as they like.
SECONDS = 1.0
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_COUNTED = (list, tuple, dict, set, frozenset, range, deque)
_ATOMS = (type(None), bool, int, float, complex, str, bytes)
#: What is looked at no further, as small results are the most frequent ones: these, and integers of so many bits.
_NUMBERS = (type(None), bool, float)
_SHORT = 256
#: Entries up to which keys and members are sorted, as sorting compares all of them.
_SORTED = 1000
#: Frames and arrays are shown as by default, whatever the notebook's options say of its own outputs.
_FRAME_OPTIONS = {
    "display.max_rows": 20,
    "display.min_rows": 10,
    "display.max_columns": 20,
    "display.max_colwidth": 50,
    "display.max_seq_items": 50,
    "display.width": 100,
    "display.large_repr": "truncate",
    "display.notebook_repr_html": True,
}
T = TypeVar("T")


class Bounded(reprlib.Repr):
    """Shortens built-in containers before they are turned into text: a list of 10 million costs nothing."""

    def __init__(self, entries: int = 50, text: int = TEXT_LIMIT) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxarray = entries
        self.maxdict = entries
        self.maxstring = self.maxother = text
        self.maxlong = 200

    def repr1(self, x: Any, level: int) -> str:
        kind = type(x)
        if kind.__module__ == "collections" and isinstance(x, dict) and dict.__len__(x) > self.maxdict:
            return f"{kind.__name__}({self.repr_dict(x, level)})"
        return super().repr1(x, level)

    def repr_instance(self, x: Any, level: int) -> str:
        with _default_options(x):
            return shorten(repr(x), self.maxother)

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write out more than some thousand digits.
        return f"<int of {x.bit_length():,} bits>" if x.bit_length() > 8192 else super().repr_int(x, level)

    def repr_bytes(self, x: Any, level: int) -> str:
        text = repr(bytes(x[: self.maxstring]))
        return text if len(x) <= self.maxstring else f"{text}…"

    def repr_bytearray(self, x: bytearray, level: int) -> str:
        return f"bytearray({self.repr_bytes(x, level)})"

    def repr_dict(self, x: Any, level: int) -> str:
        if len(x) <= _SORTED and any(isinstance(key, str) and is_secret(key) for key in x):
            x = {
                key: _Masked() if isinstance(key, str) and is_secret(key) and x[key] is not None else x[key]
                for key in x
            }
        return super().repr_dict(x, level) if len(x) <= _SORTED else self._first(x.items(), level, "{", "}", ": ")

    def repr_set(self, x: Any, level: int) -> str:
        return super().repr_set(x, level) if len(x) <= _SORTED else self._first(x, level, "{", "}")

    def repr_frozenset(self, x: Any, level: int) -> str:
        return super().repr_frozenset(x, level) if len(x) <= _SORTED else self._first(x, level, "frozenset({", "})")

    def repr_dict_keys(self, x: Any, level: int) -> str:
        return self._first(x, level, "dict_keys([", "])")

    def repr_dict_values(self, x: Any, level: int) -> str:
        return self._first(x, level, "dict_values([", "])")

    def repr_dict_items(self, x: Any, level: int) -> str:
        return self._first(x, level, "dict_items([", "])")

    def _first(self, x: Any, level: int, left: str, right: str, between: str = "") -> str:
        if level <= 0:
            return f"{left}...{right}"
        shown = [
            between.join(self.repr1(part, level - 1) for part in entry) if between else self.repr1(entry, level - 1)
            for entry in islice(x, self.maxdict)
        ]
        return f"{left}{', '.join([*shown, *(['...'] if len(x) > self.maxdict else [])])}{right}"


class _Masked:
    def __repr__(self) -> str:
        return MASK


_bounded = Bounded()


def text_of(value: object, limit: int = TEXT_LIMIT, bounded: reprlib.Repr = _bounded) -> str:
    """`repr(value)`, bounded in size and time, without addresses and without what is secret by its name."""
    shown = run_guarded(lambda: bounded.repr(value), None, value, f"<{_kind(value)}, whose repr takes too long>")
    if shown is None:
        shown = f"<{_kind(value)}, whose repr failed>"
    return shorten(mask(storable(ADDRESS.sub("", shown))), limit)


def facts_of(value: object) -> str:
    """Class and shape of an array or a frame; empty for anything else."""
    shape = run_guarded(lambda: _shape(value), None, value, None)
    return "" if shape is None else f"{_kind(value)} {' × '.join(f'{size:,}' for size in shape)}"


def describe(value: object, size: int) -> ResultInfo:
    """The preview of `value`, whose encoded size is `size`. Never raises, and takes a few seconds at most."""
    kind = type(value)
    if (kind is int and value.bit_length() < _SHORT) or kind in _NUMBERS:  # type: ignore[attr-defined]
        return ResultInfo(type=kind.__name__, text=repr(value), size=size)
    return ResultInfo(
        type=_kind(value),
        text=text_of(value),
        size=size,
        length=run_guarded(lambda: _length(value), None, value, None),
        shape=run_guarded(lambda: _shape(value), None, value, None),
        html=run_guarded(lambda: _html(value), None, value, None),
    )


def shorten(text: str, limit: int) -> str:
    """`text`, with an ellipsis when it was longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def run_guarded(compute: Callable[[], T], failed: T, value: object, late: T) -> T:
    """Run `compute`; `failed` when the value's own methods raise, `late` when they take too long."""
    try:
        if is_plain(value):
            return compute()
        return within(SECONDS, compute, late)
    except KeyboardInterrupt:
        raise  # a task that is being stopped must not go on because of its preview
    except BaseException:  # a user's __repr__ may even call sys.exit
        return failed


def _kind(value: object) -> str:
    return storable(type(value).__name__)


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
    if isinstance(value, type) or type(value) in (*_ATOMS, list, tuple, dict):
        return None
    with _default_options(value):
        found = _table(value) or picture_of(value, HTML_LIMIT)
        if found is not None and len(found) > HTML_LIMIT and hasattr(value, "head"):
            found = _table(value.head(5))
    return found if found is not None and len(found) <= HTML_LIMIT else None


def _table(value: object) -> str | None:
    method = getattr(value, "_repr_html_", None)
    if method is None:
        return None
    found = method()
    return storable(found) if isinstance(found, str) else None


@contextmanager
def _default_options(value: object) -> Iterator[None]:
    """While a frame or an array is shown: with `display.max_rows=None`, ten million rows would be written out."""
    library = sys.modules.get(type(value).__module__.partition(".")[0])
    name = getattr(library, "__name__", "")
    with ExitStack() as stack:
        if name == "numpy" and hasattr(library, "printoptions"):
            stack.enter_context(library.printoptions(threshold=1000, edgeitems=3, linewidth=75))  # type: ignore[union-attr]
        elif name == "pandas" and hasattr(library, "option_context"):
            given = [part for option in _FRAME_OPTIONS.items() for part in option]
            stack.enter_context(library.option_context(*given))  # type: ignore[union-attr]
        yield
