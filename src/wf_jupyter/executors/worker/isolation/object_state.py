"""Closures and objects of libraries in modules of the user's: arrays, frames, generators of random numbers, sessions.

Such an object says what it holds when it is pickled, so small ones are pickled after each attempt and compared with
what they were. Arrays and generators of random numbers are put back in place; for another one the worker is
replaced. Not looked at is what cannot be pickled, and what takes more than `LIMIT` bytes.
"""

from __future__ import annotations

import pickle
import random
import sys
from types import CellType
from typing import Any

from wf_jupyter.executors.worker.isolation.process_state import Aspect, CannotRestore

#: An array of this size costs some 10 µs per attempt.
LIMIT = 1 << 16
_MOST = 200
#: Types and modules of what is immutable, or the process's own anyway.
_CONSTANT = frozenset(
    {"__future__", "_contextvars", "_thread", "abc", "contextvars", "datetime", "decimal", "enum", "fractions"}
    | {"functools", "logging", "operator", "pathlib", "re", "threading", "types", "typing", "typing_extensions"}
    | {"uuid", "zoneinfo"}
)


class Objects:
    """The objects that are looked at, and what they were."""

    def __init__(self) -> None:
        self._cells: list[tuple[CellType, object]] = []
        self._objects: list[tuple[Any, object, bytes]] = []
        self._known: set[int] = set()

    def aspect(self) -> Aspect:
        """For the table."""
        return Aspect("objects in modules of the user's", self._has_changed, self._restore, lambda _: False)

    def add(self, found: Any) -> None:
        """Look at a cell of a closure, or at an object, from now on."""
        if id(found) in self._known or len(self._known) >= _MOST:
            return
        self._known.add(id(found))
        if isinstance(found, CellType):
            content = _content(found)
            self._cells.append((found, content))
            if type(content) not in (int, str, float, bool, type(None)):
                self.add(content)
        elif type(found).__module__ not in _CONSTANT and not type(found).__module__.startswith("wf_jupyter."):
            data = _pickle(found)
            if data:
                self._objects.append((found, _state_of(found), data))

    def _has_changed(self) -> bool:
        return any(_content(cell) is not was for cell, was in self._cells) or any(
            _state_of(found) != was for found, was, _ in self._objects
        )

    def _restore(self, _: object) -> None:
        for cell, was in self._cells:
            if _content(cell) is not was:
                cell.cell_contents = was
        for found, was, data in self._objects:
            if _state_of(found) != was:
                _put_back(found, pickle.loads(data))


_EMPTY = object()


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


class _TooLarge(Exception):
    pass


class _Bounded:
    """A file in memory that takes so much and no more: a pickler writes as it goes."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, piece: Any) -> None:
        self.data += memoryview(piece).cast("B")[: LIMIT + 1]
        if len(self.data) > LIMIT:
            raise _TooLarge


def _state_of(found: Any) -> object:
    """The state that is compared: of an array its memory, which is a quarter of the work."""
    if type(found) is _of_numpy("ndarray") and not found.dtype.hasobject:
        return found.shape, found.dtype, found.tobytes()
    return found.getstate() if type(found) is random.Random else _pickle(found)


def _pickle(found: Any) -> bytes:
    """The object as bytes; nothing when it has none, or too many."""
    if getattr(found, "nbytes", 0) > LIMIT:
        return b""
    file = _Bounded()
    try:
        pickle.Pickler(file, protocol=5).dump(found)
    except Exception:  # whatever an object of others raises
        return b""
    return bytes(file.data)


def _put_back(found: Any, was: Any) -> None:
    kind = type(found)
    if isinstance(found, random.Random):
        found.setstate(was.getstate())
    elif kind is _of_numpy("random", "Generator"):
        found.bit_generator.state = was.bit_generator.state
    elif kind is _of_numpy("random", "RandomState"):
        found.set_state(was.get_state())
    elif kind is _of_numpy("ndarray") and (found.shape, found.dtype) == (was.shape, was.dtype):
        found[...] = was
    else:
        raise CannotRestore(f"a {kind.__module__}.{kind.__qualname__}")


def _of_numpy(*names: str) -> Any:
    """A type of numpy, if that is imported."""
    found: Any = sys.modules.get("numpy")
    for name in names:
        found = getattr(found, name, None)
    return found
