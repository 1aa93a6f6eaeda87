"""Visits to numpy's and pandas' values, whose content C code keeps."""

from __future__ import annotations

import gc
import pickle
import sys
from collections.abc import Iterable
from typing import Any, Protocol

from wf_jupyter.notebooks.reach import find_held

#: Of an array whose numbers do not lie in a row, so much is copied at a time.
_PIECE = 64 << 20


class Walk(Protocol):
    """Interface of a visit; see `looks`."""

    marks: set[int]
    is_plain: bool
    is_borrowing: bool
    kept: list[object]

    def feed(self, *parts: object) -> None: ...
    def visit(self, value: Any) -> None: ...
    def each(self, values: Iterable[Any]) -> None: ...
    def can_change(self, value: object) -> None: ...
    def long(self, length: int) -> None: ...
    def opaque(self, value: Any) -> None: ...
    def more(self, value: Any, plain: tuple[type, ...]) -> None: ...


def visit_library(walk: Walk, value: Any, kind: type) -> bool:
    """Values of libraries that keep their content in C; whether this was one."""
    family = kind.__module__.partition(".")[0]
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if family == "numpy" and numpy is not None:
        return _visit_numpy(walk, value, numpy)
    if family == "pandas" and pandas is not None:
        return _visit_pandas(walk, value, pandas)
    if numpy is not None and isinstance(value, numpy.ndarray):
        _array(walk, value, numpy)
        walk.more(value, ())
        return True
    if family == "PIL" and getattr(value, "readonly", False):
        walk.is_borrowing = True  # of an array that it was made of
        return False
    if family == "sklearn" and kind.__qualname__ == "Tree":
        # Its state for a pickle is all of its state; of most other C classes that is not known.
        walk.can_change(value)
        walk.is_plain = False
        walk.visit(value.__getstate__())
        return True
    return False


def _visit_numpy(walk: Walk, value: Any, numpy: Any) -> bool:
    if isinstance(value, numpy.ndarray):
        _array(walk, value, numpy)
        if type(value) is not numpy.ndarray:
            walk.more(value, ())
    elif isinstance(value, numpy.generic):
        walk.feed(value.dtype.str, value.tobytes())
    elif isinstance(value, numpy.dtype):
        walk.feed(repr(value))
    elif value is numpy.random.mtrand._rand or value is numpy.random.mtrand._rand._bit_generator:
        walk.is_plain = False  # the state that all share is looked at by itself
    elif isinstance(value, numpy.random.Generator):
        walk.can_change(value.bit_generator)
        walk.is_plain = False
        walk.visit(value.bit_generator.state)
    elif isinstance(value, numpy.random.BitGenerator):
        walk.can_change(value)
        walk.is_plain = False
        walk.visit(value.state)
    elif isinstance(value, numpy.random.RandomState):
        walk.can_change(value)
        walk.is_plain = False
        walk.visit(value.get_state(legacy=False))
    elif isinstance(value, numpy.flatiter):
        walk.can_change(value)
        walk.is_plain = False
        walk.feed(value.index)
        walk.visit(value.base)
    elif isinstance(value, numpy.nditer | numpy.broadcast):
        walk.opaque(value)
        walk.each(value.iters if isinstance(value, numpy.broadcast) else value.operands)
    elif isinstance(value, numpy.ufunc):
        walk.is_plain = False
        walk.feed(value.__name__)
        walk.each(gc.get_referents(value))  # of one that was made of a function, the function
    else:
        return False
    return True


def _array(walk: Walk, value: Any, numpy: Any) -> None:
    root = value
    while (owner := root.obj if isinstance(root, memoryview) else getattr(root, "base", None)) is not None:
        walk.marks.add(id(root))
        root = owner
    walk.marks.update((id(value), id(root)))
    if value.size:
        # By its address, as what lends the memory may not say whose it is.
        walk.marks.add(-_owner(value, numpy).__array_interface__["data"][0])
    walk.marks.update(map(id, find_held(root)))
    kind = value.dtype
    walk.feed(repr(kind) if kind.kind == "V" else kind.str, repr(value.shape))
    walk.feed(value.flags.c_contiguous, value.flags.f_contiguous, value.flags.writeable)
    if value.base is not None:
        walk.kept.append(root)
    if value.dtype.hasobject:
        walk.long(value.size)
        walk.each(value.ravel().tolist() if value.dtype.kind == "O" else [pickle.dumps(value)])
    else:
        plain = numpy.ndarray.view(value, numpy.ndarray)  # its own class may do otherwise
        for part in _parts(plain.T if plain.flags.f_contiguous else plain):
            whole = numpy.ascontiguousarray(part)
            walk.feed(whole.reshape(-1).view(numpy.uint8).data if whole.size else b"")


def _parts(value: Any) -> Iterable[Any]:
    """The array, or pieces of one that would be copied as a whole."""
    if value.flags.c_contiguous or value.nbytes <= _PIECE or value.ndim == 0:
        yield value
    elif len(value) == 1:
        yield from _parts(value[0])
    else:
        yield from _parts(value[: len(value) // 2])
        yield from _parts(value[len(value) // 2 :])


def _owner(value: Any, numpy: Any) -> Any:
    while isinstance(value.base, numpy.ndarray):
        value = value.base
    return value


def _visit_pandas(walk: Walk, value: Any, pandas: Any) -> bool:
    if isinstance(value, pandas.DataFrame | pandas.Series):
        walk.can_change(value)
        walk.is_plain = walk.is_plain and type(value) in (pandas.DataFrame, pandas.Series)
        manager = value._mgr
        walk.each(manager.axes)
        for block in manager.blocks:
            walk.feed(block.mgr_locs.as_array.tobytes())
            walk.visit(block.values)
        walk.visit(dict(value.attrs))
        walk.feed(value.flags.allows_duplicate_labels)
        walk.visit(getattr(value, "name", None) if isinstance(value, pandas.Series) else None)
    elif isinstance(value, pandas.RangeIndex):
        walk.feed(value.start, value.stop, value.step)
        walk.visit(list(value.names))
    elif isinstance(value, pandas.MultiIndex):
        walk.each([*value.levels, *value.codes, list(value.names)])
    elif isinstance(value, pandas.Index):
        walk.can_change(value)
        walk.visit(list(value.names))
        walk.feed(getattr(value, "freq", None))
        walk.visit(value._data)
    elif isinstance(value, pandas.Categorical):
        walk.can_change(value)
        walk.each([value.codes, value.categories, value.ordered])
    elif isinstance(value, pandas.api.extensions.ExtensionArray):
        walk.can_change(value)
        inner = getattr(value, "_ndarray", None)
        walk.feed(str(value.dtype), getattr(value, "freq", None))
        if inner is not None:
            walk.visit(inner)
        else:
            walk.feed(pickle.dumps(value, protocol=5))
    elif value is pandas.NaT or value is pandas.NA or isinstance(value, _scalars(pandas)):
        walk.feed(repr(value))
    else:
        return False
    return True


def _scalars(pandas: Any) -> tuple[type, ...]:
    return (pandas.Timestamp, pandas.Timedelta, pandas.Period, pandas.Interval, pandas.api.extensions.ExtensionDtype)
