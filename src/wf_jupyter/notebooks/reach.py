"""Whether one object hangs on another, of values too large to look at whole."""

from __future__ import annotations

import gc
import types
from collections.abc import Mapping
from typing import Any

from wf_jupyter.notebooks.kinds import ATOMS

#: Objects that are followed at most to see whether one reaches another.
_REACHED = 3_000_000
_NEAR, _FEW = 3, 20


def reaches(value: object, ids: frozenset[int], namespace: Mapping[str, object]) -> bool:
    """Whether an object with one of these ids hangs on `value`; asked of values too large for a look."""
    seen: set[int] = set()
    waiting: list[Any] = [value]
    while waiting:
        found = gc.get_referents(*waiting)
        for each in waiting:
            if _holds_objects(each):
                found += each.ravel().tolist()
        waiting = []
        for each in found:
            if id(each) in seen or each is namespace:
                continue
            seen.add(id(each))
            if id(each) in ids or len(seen) > _REACHED:
                return True
            if isinstance(each, types.FunctionType):
                waiting += [each.__closure__, each.__defaults__, each.__kwdefaults__]
            elif (gc.is_tracked(each) or _holds_objects(each)) and not isinstance(
                each, type | types.ModuleType | types.FrameType
            ):
                waiting.append(each)
    return False


def find_held(owner: object) -> list[Any]:
    """Objects near by that an owner of memory hangs on: of a buffer its `BytesIO`, of a wrapper its array."""
    found: list[Any] = []
    waiting = [owner]
    for _ in range(_NEAR):
        waiting = [
            each
            for each in gc.get_referents(*waiting)
            if not isinstance(each, (*ATOMS, type, types.ModuleType, types.FunctionType, types.FrameType))
        ][:_FEW]
        found += waiting
    return found


def _holds_objects(value: object) -> bool:
    return type(value).__module__ == "numpy" and getattr(getattr(value, "dtype", None), "kind", "") == "O"
