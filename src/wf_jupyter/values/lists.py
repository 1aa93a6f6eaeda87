"""Lists that tasks can be mapped over: one rule for inputs and for results."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence


def as_items(value: object) -> list[object] | None:
    """A new list of the items, as a `for` loop gives them; None when `value` is no list.

    Lists are sequences (but not texts and bytes), deques, one-dimensional arrays, Series and columns of
    any library, and Arrow arrays. Not those without an order (sets), with more than values (dicts), with
    more than one dimension (tables), or that can be read only once (generators).
    """
    if isinstance(value, type | str | bytes | bytearray | memoryview | Mapping):
        return None
    if isinstance(value, Sequence | deque):
        return list(value)
    # Arrays, Series and the like: recognised by what they offer, so that no library is imported here.
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return list(value) if len(shape) == 1 else None  # type: ignore[call-overload]
    is_arrow = hasattr(value, "__arrow_c_array__") or hasattr(value, "__arrow_c_stream__")
    if is_arrow and hasattr(value, "__len__") and hasattr(value, "__iter__"):
        return list(value)
    return None
