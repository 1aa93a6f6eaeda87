"""A look at a value: a digest of its content, what of it can change, and which of the notebook's names it uses.

Two looks before and after a cell tell whether the cell changed the value, whatever it called; two values that share
an object that can change are changed together. Nothing here calls code of the user's: no `repr`, no `==`.
What cannot be looked into is opaque, and counts as changed by every cell that reads it.
"""

from __future__ import annotations

import _abc as abc  # type: ignore[import-not-found]
import datetime as dt
import decimal
import dis
import enum
import fractions
import functools
import gc
import hashlib
import logging
import pathlib
import re
import sys
import types
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wf_jupyter.notebooks.arrays import visit_library
from wf_jupyter.notebooks.libraries import all_names, calls_in_code, changes_by, is_users

#: Objects that a look visits at most; of a figure or a model that has more, not all is seen.
BUDGET = 20_000
#: And of what belongs to the modules of the user's that it reaches.
MODULE_BUDGET = 1_500
_HEAP_TYPE = 1 << 9
_ATOMS = (int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented))
_WRITTEN = (
    range, dt.date, dt.datetime, dt.time, dt.timedelta, dt.timezone, decimal.Decimal,
    fractions.Fraction, pathlib.PosixPath, pathlib.PurePosixPath, uuid.UUID,
)  # fmt: skip
#: Of no content: which lock or weak reference it is changes nothing that a cell shows.
_EMPTY = (weakref.ReferenceType, weakref.ProxyType, type(__import__("_thread").allocate_lock()))
_CACHES = ("_cache", "_item_cache", "_cached", "__pydantic_private__")


@dataclass(frozen=True)
class Look:
    """`marks` are the ids of objects that can change, `uses` the global names that its functions look up.

    `names` are all that functions of the user's files mention, `changes` what of libraries functions may change.
    A `plain` value consists of what is the same when it has been written to a file and read again. Of a `vague`
    one not all was seen.
    """

    digest: str
    marks: frozenset[int]
    uses: frozenset[str]
    names: frozenset[str]
    changes: frozenset[str]
    is_opaque: bool
    is_plain: bool
    is_vague: bool
    size: int


def look_at(value: object, namespace: Mapping[str, object]) -> Look:
    """Look at a value of a namespace."""
    walk = _Walk(namespace)
    is_vague = False
    try:
        walk.visit(value)
    except (_TooMuch, RecursionError):
        is_vague = True
    except Exception:  # objects of users and libraries may do anything when they are taken apart
        walk.is_opaque = True
        is_vague = True
    is_opaque = walk.is_opaque or is_vague
    return Look(
        digest=walk.hash.hexdigest(),
        marks=frozenset(walk.marks),
        uses=frozenset(walk.uses),
        names=frozenset(walk.names),
        changes=frozenset(walk.changes),
        is_opaque=is_opaque,
        is_plain=walk.is_plain and not is_opaque,
        is_vague=is_vague,
        size=walk.size,
    )


def global_names(code: types.CodeType) -> set[str]:
    """Names that the code, and what it defines, looks up or sets as globals."""
    found = {
        str(instruction.argval)
        for instruction in dis.get_instructions(code)
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL")
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= global_names(constant)
    return found


class _TooMuch(Exception):
    pass


class _Walk:
    def __init__(self, namespace: Mapping[str, object]) -> None:
        self.hash = hashlib.blake2b(digest_size=16)
        self.marks: set[int] = set()
        self.uses: set[str] = set()
        self.names: set[str] = set()
        self.changes: set[str] = set()
        self.is_opaque = False
        self.is_plain = True
        self.size = 0
        self._namespace = namespace
        self._limit = BUDGET
        self._seen: dict[int, int] = {}
        self.kept: list[object] = []  # so that an id stays its object's

    def feed(self, *parts: object) -> None:
        for part in parts:
            if isinstance(part, bytes | bytearray | memoryview):
                self.size += len(part)
                self.hash.update(len(part).to_bytes(8, "little"))
                self.hash.update(part)
            else:
                data = (part if type(part) is str else str(part)).encode("utf-8", "surrogatepass")
                self.size += len(data)
                self.hash.update(len(data).to_bytes(8, "little") + data)

    def visit(self, value: Any) -> None:
        kind = type(value)
        if kind in _ATOMS:
            self.feed(kind.__name__, value if kind is bytes else repr(value) if kind is not str else value)
            return
        known = self._seen.get(id(value))
        if known is not None:
            self.feed("again", known)
            return
        if len(self._seen) >= self._limit:
            raise _TooMuch
        self._seen[id(value)] = len(self._seen)
        self.kept.append(value)
        self.feed(kind.__module__, kind.__qualname__)
        if kind in _WRITTEN:
            self.feed(repr(value))
            return
        for test, visit in _VISITORS:
            if isinstance(value, test):
                visit(self, value)
                return
        if visit_library(self, value, kind):
            return
        self._instance(value, kind)

    def each(self, values: Iterable[Any]) -> None:
        for value in values:
            self.visit(value)

    def can_change(self, value: object) -> None:
        self.marks.add(id(value))

    # -- containers and atoms ---------------------------------------------------------------------

    def sequence(self, value: Any) -> None:
        if not isinstance(value, tuple):
            self.can_change(value)
        self.feed(len(value))
        self.each(iter(value))
        self.more(value, (list, tuple, deque))

    def mapping(self, value: Any) -> None:
        self.can_change(value)
        self.feed(len(value))
        for key, item in dict.items(value):
            self.visit(key)
            self.visit(item)
        if hasattr(value, "default_factory"):
            self.visit(value.default_factory)
        self.more(value, (dict,))

    def unordered(self, value: Any) -> None:
        if not isinstance(value, frozenset):
            self.can_change(value)
        self.is_plain = False  # another process may have another order
        self.feed(len(value))
        self.each(value)

    def more(self, value: Any, plain: tuple[type, ...]) -> None:
        """Visit what a value of a class of its own has besides its items."""
        if type(value) not in plain:
            self.is_plain = False
            self._attributes(value)

    def buffer(self, value: Any) -> None:
        self.can_change(value.obj if isinstance(value, memoryview) and value.obj is not None else value)
        self.is_plain = self.is_plain and type(value) is bytearray
        self.feed(memoryview(value).cast("B") if memoryview(value).c_contiguous else bytes(value))

    def empty(self, value: Any) -> None:
        self.is_plain = False

    def member(self, value: Any) -> None:
        self.is_plain = False
        self.feed(value._name_)

    # -- code -------------------------------------------------------------------------------------

    def module(self, value: Any) -> None:
        self.is_plain = False
        self.feed(value.__name__)
        if not is_users(value):
            return
        self.can_change(value)
        limit, was_opaque = self._limit, self.is_opaque
        self._limit = min(limit, len(self._seen) + MODULE_BUDGET)
        try:
            for name, member in list(vars(value).items()):
                if not name.startswith("__"):
                    self.feed(name)
                    self.visit(member)
        except _TooMuch:
            # A library in the making: it counts as one that is installed.
            self.is_opaque = was_opaque
        finally:
            self._limit = limit

    def function(self, value: Any) -> None:
        self.is_plain = False
        module = sys.modules.get(value.__module__ or "")
        if value.__globals__ is self._namespace or (module is not None and is_users(module)):
            self.can_change(value)
            self.code(value.__code__)
            self.visit(value.__defaults__)
            self.visit(value.__kwdefaults__)
            self.changes |= set(changes_by(calls_in_code(value.__code__), value.__globals__))
            if value.__globals__ is self._namespace:
                self.uses |= global_names(value.__code__)
            else:
                self.names |= all_names(value.__code__)
                self.visit(module)
        else:
            self.feed(value.__module__, value.__qualname__)
        for cell in value.__closure__ or ():
            self.can_change(cell)
            try:
                self.visit(cell.cell_contents)
            except ValueError:
                self.feed("empty")
        self.visit(dict(vars(value)))

    def code(self, code: types.CodeType) -> None:
        self.feed(code.co_code, *code.co_names, *code.co_varnames)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self.code(constant)
            else:
                self.feed(repr(constant))

    def bound(self, value: Any) -> None:
        self.is_plain = False
        self.feed(value.__name__)
        self.visit(getattr(value, "__func__", None))
        if not isinstance(value.__self__, types.ModuleType):
            self.visit(value.__self__)

    def partial(self, value: Any) -> None:
        self.is_plain = False
        self.can_change(value)
        self.each((value.func, value.args, value.keywords))

    def wrapped(self, value: Any) -> None:
        """`staticmethod`, `classmethod`, `property`."""
        self.is_plain = False
        self.each(getattr(value, name, None) for name in ("__func__", "fget", "fset", "fdel"))

    def kind(self, value: Any) -> None:
        self.is_plain = False
        module = sys.modules.get(value.__module__)
        if value.__module__ != "__main__" and (module is None or not is_users(module)):
            self.feed(value.__module__, value.__qualname__)
            return
        self.can_change(value)
        if "_abc_impl" in vars(value):
            self.feed(*sorted(repr(known()) for known in abc._get_dump(value)[0]))
        self.each(value.__bases__)
        for name, member in list(vars(value).items()):
            if name not in ("__dict__", "__weakref__", "__doc__", "_abc_impl", "__annotations__"):
                self.feed(name)
                self.visit(member)

    def running(self, value: Any) -> None:
        """A generator: where it stands cannot be told."""
        code = next(getattr(value, name) for name in ("gi_code", "cr_code", "ag_code") if hasattr(value, name))
        self.uses |= global_names(code)
        self.opaque(value)

    def opaque(self, value: Any) -> None:
        self.is_opaque = True
        self.is_plain = False
        self.can_change(value)
        for inner in gc.get_referents(value):
            if inner is not self._namespace and not isinstance(inner, type | types.ModuleType | types.FrameType):
                self.visit(inner)

    # -- objects ----------------------------------------------------------------------------------

    def _instance(self, value: Any, kind: Any) -> None:
        self.is_plain = False
        self.can_change(value)
        self.visit(kind)
        if _has_native_state(kind):
            self.opaque(value)
        self._attributes(value)

    def _attributes(self, value: Any) -> None:
        kind: Any = type(value)
        members = getattr(value, "__dict__", None)
        for name, member in list(members.items()) if isinstance(members, dict) else ():
            if name in _CACHES or _is_cached(kind, name):
                continue  # filled when it is read first
            self.feed(name)
            self.visit(member)
        for name, slot in _slots_of(kind):
            try:
                member = slot.__get__(value)
            except AttributeError:
                continue
            self.feed(name)
            self.visit(member)


@lru_cache(maxsize=4096)
def _has_native_state(kind: Any) -> bool:
    return not all(base is object or (base.__flags__ & _HEAP_TYPE and not _is_native(base)) for base in kind.__mro__)


@lru_cache(maxsize=4096)
def _slots_of(kind: Any) -> tuple[tuple[str, Any], ...]:
    found = []
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            slot = vars(base).get(name)
            if isinstance(slot, types.MemberDescriptorType):
                found.append((name, slot))
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


@lru_cache(maxsize=16_384)
def _is_cached(kind: Any, name: str) -> bool:
    for base in kind.__mro__:
        found = vars(base).get(name)
        if found is not None:
            return not isinstance(found, types.FunctionType) and "cache" in type(found).__name__.lower()
    return False


_VISITORS: tuple[tuple[Any, Callable[[_Walk, Any], None]], ...] = (
    (enum.Enum, _Walk.member),
    (list | tuple | deque, _Walk.sequence),
    (dict, _Walk.mapping),
    (set | frozenset, _Walk.unordered),
    (types.ModuleType, _Walk.module),
    (logging.Logger | logging.Handler, lambda walk, value: walk.feed(value.name)),  # looked at as settings
    (type, _Walk.kind),
    (types.FunctionType, _Walk.function),
    (types.MethodType | types.BuiltinMethodType | types.MethodWrapperType, _Walk.bound),
    (functools.partial, _Walk.partial),
    (staticmethod | classmethod | property, _Walk.wrapped),
    (types.GeneratorType | types.CoroutineType | types.AsyncGeneratorType, _Walk.running),
    (bytearray | memoryview, _Walk.buffer),
    (re.Pattern, lambda walk, value: walk.feed(value.pattern, value.flags)),
    (_EMPTY, _Walk.empty),
)
