"""Whether dicts were changed, without a look at what they hold.

To compare the names of some modules touches a thousand objects, which costs more than a small task does. CPython
counts the changes of each dict (PEP 509): up to Python 3.13 the count lies beside the number of items, and reading
it takes some 50 ns, whatever the dict holds. A Python that keeps no such count is told by a trial (`ARE_COUNTED`).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

_OFFSET = object.__basicsize__ + ctypes.sizeof(ctypes.c_ssize_t)


class DictVersions:
    """The versions of some dicts. Equal ones say that none was changed; a change may be one to the same value."""

    def __init__(self, dicts: Iterable[dict[Any, Any]] = ()) -> None:
        self._dicts = list(dicts)  # kept alive, so that their memory stays theirs
        self._counts = [ctypes.c_uint64.from_address(id(found) + _OFFSET) for found in self._dicts]

    def read(self) -> list[int]:
        """The present ones."""
        return [count.value for count in self._counts]


def _are_counted() -> bool:
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 14) or dict.__basicsize__ < _OFFSET + 8:
        return False
    sample: dict[str, int] = {"a": 1, "b": 2}
    versions = DictVersions([sample])
    seen = [versions.read()]
    changes: list[Callable[[], object]] = [
        lambda: sample.update(a=2),
        lambda: sample.pop("b"),
        lambda: sample.setdefault("c", 3),
        sample.clear,
    ]
    for change in changes:
        change()
        seen.append(versions.read())
        list(sample.items())
        if versions.read() != seen[-1]:
            return False
    return all(before != after for before, after in pairwise(seen))


ARE_COUNTED = _are_counted()
