"""Questions about classes that a look asks: whose they are, and where their instances keep their state."""

from __future__ import annotations

import _thread
import datetime as dt
import decimal
import fractions
import pathlib
import sys
import types
import uuid
import weakref
from functools import lru_cache
from typing import Any

from wf_jupyter.notebooks.libraries import is_users
from wf_jupyter.notebooks.settings import length_of

HEAP_TYPE = 1 << 9
_HAVE_GC = 1 << 14
_HOLD_NOTHING = sys.stdlib_module_names - {"builtins"}
#: Of one meaning, and without parts.
ATOMS = (int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented))

#: Of one text, which says it all.
WRITTEN = (
    range, dt.date, dt.datetime, dt.time, dt.timedelta, dt.timezone, decimal.Decimal,
    fractions.Fraction, pathlib.PosixPath, pathlib.PurePosixPath, uuid.UUID,
)  # fmt: skip
#: Of no content: which lock or weak reference it is changes nothing that a cell shows.
EMPTY = (weakref.ReferenceType, weakref.ProxyType, type(_thread.allocate_lock()), type(_thread.RLock()))


@lru_cache(maxsize=4096)
def has_native_state(kind: Any) -> bool:
    return not all(base is object or (base.__flags__ & HEAP_TYPE and not _is_native(base)) for base in kind.__mro__)


@lru_cache(maxsize=4096)
def is_closed(kind: Any) -> bool:
    """Whether instances do not say what they hold on to. Those of Python's own modules hold nothing, images say it."""
    library = kind.__module__.partition(".")[0]
    return not kind.__flags__ & _HAVE_GC and library not in _HOLD_NOTHING and kind.__name__ != "ImagingCore"


@lru_cache(maxsize=4096)
def slots_of(kind: Any) -> tuple[tuple[str, Any], ...]:
    found = []
    for base in kind.__mro__:
        if "__slots__" in vars(base):
            found += [(name, slot) for name, slot in vars(base).items() if isinstance(slot, types.MemberDescriptorType)]
    return tuple(found)


def _is_native(kind: type) -> bool:
    """Whether C code defines the class: then its instances have a state that only C code can reach."""
    for name, member in vars(kind).items():
        if isinstance(member, types.MethodDescriptorType | types.WrapperDescriptorType):
            return True
        if isinstance(member, types.GetSetDescriptorType) and name not in ("__dict__", "__weakref__"):
            return True
        if name == "__new__" and isinstance(member, types.BuiltinFunctionType):
            return True
    return False


@lru_cache(maxsize=4096)
def is_own(kind: Any) -> bool:
    """Whether the class is the user's: what it calls a cache may well be seen."""
    module = sys.modules.get(kind.__module__)
    return kind.__module__ == "__main__" or (module is not None and is_users(module))


def shallow(value: object) -> tuple[object, ...]:
    if type(value) in ATOMS:
        return (repr(value),)
    return id(value), length_of(value)


@lru_cache(maxsize=16_384)
def is_cached(kind: Any, name: str) -> bool:
    for base in kind.__mro__:
        found = vars(base).get(name)
        if found is not None:
            return (
                not is_own(base)
                and not isinstance(found, types.FunctionType)
                and "cache" in type(found).__name__.lower()
            )
    return False
