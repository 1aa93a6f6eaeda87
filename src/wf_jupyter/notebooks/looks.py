"""A look at a value: a digest of its content, what of it can change, and which of the notebook's names it uses.

Two looks before and after a cell tell whether the cell changed the value, whatever it called; two values that share
an object that can change are changed together. Nothing here calls code of the user's: no `repr`, no `==`.
What cannot be looked into is opaque, and counts as changed by every cell that reads it.
"""

from __future__ import annotations

import _abc as abc  # type: ignore[import-not-found]
import enum
import functools
import gc
import io
import itertools
import logging
import math
import random
import re
import sys
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wf_jupyter.notebooks.arrays import visit_library
from wf_jupyter.notebooks.content import Content, Look
from wf_jupyter.notebooks.kinds import (
    ATOMS,
    EMPTY,
    WRITTEN,
    has_native_state,
    is_cached,
    is_closed,
    is_own,
    shallow,
    slots_of,
)
from wf_jupyter.notebooks.libraries import all_names, calls_in_code, changes_by, global_names, is_users

#: Objects that a look visits at most; of a figure or a model that has more, not all is seen.
BUDGET = 20_000
#: And so many items of lists, dicts and sets in all.
ITEMS = 5_000_000
#: And of what belongs to the modules of the user's that it reaches.
MODULE_BUDGET = 1_500
_OF_LOGGERS = frozenset(
    ["name", "_name", "level", "parent", "propagate", "handlers", "disabled", "filters", "manager", "_cache", "root",
     "lock", "formatter", "stream", "_closed", "terminator"]
)  # fmt: skip
_GLOBAL_RANDOM: Any = vars(random)["_inst"]
_CACHES = ("_cache", "_item_cache", "_cached", "__pydantic_private__")


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
        digest=walk.digest(),
        marks=frozenset(walk.marks),
        uses=frozenset(walk.uses),
        names=frozenset(walk.names),
        changes=frozenset(walk.changes),
        is_opaque=is_opaque,
        is_plain=walk.is_plain and not is_opaque,
        is_vague=is_vague,
        size=walk.size,
        count=len(walk.kept),
        is_borrowing=walk.is_borrowing,
    )


class _TooMuch(Exception):
    pass


class _Walk(Content):
    def __init__(self, namespace: Mapping[str, object]) -> None:
        super().__init__()
        self.marks: set[int] = set()
        self.uses: set[str] = set()
        self.names: set[str] = set()
        self.changes: set[str] = set()
        self.is_opaque = False
        self.is_plain = True
        self.is_borrowing = False
        self._namespace = namespace
        self._limit = BUDGET
        self._items = ITEMS
        self._seen: dict[int, int] = {}
        self.kept: list[object] = []  # so that an id stays its object's

    def visit(self, value: Any) -> None:
        kind = type(value)
        if kind in ATOMS:
            self.feed(value)
            if kind is float and math.isnan(value):
                self.is_plain = False  # found in a list only by being the same object
            return
        known = self._seen.get(id(value))
        if known is not None:
            self.mark("again", known)
            return
        if len(self._seen) >= self._limit:
            raise _TooMuch
        self._seen[id(value)] = len(self._seen)
        self.kept.append(value)
        self.mark(str(kind.__module__), kind.__qualname__)
        if kind in WRITTEN:
            self.feed(repr(value))
            return
        for test, visit in _VISITORS:
            if isinstance(value, test):
                visit(self, value)
                return
        if value is _GLOBAL_RANDOM:
            return  # its state is looked at by itself
        if kind is itertools.count:
            self.is_plain = False
            self.can_change(value)
            self.feed(repr(value))
            return
        if kind is slice:
            self.each((value.start, value.stop, value.step))
            return
        if kind in _BUFFERS:
            self.text_buffer(value)
            return
        if visit_library(self, value, kind):
            return
        self._instance(value, kind)

    def long(self, length: int) -> None:
        """Feed the length of what is visited next, if its items are not too many to be looked at."""
        self.feed(length)
        self._items -= length
        if self._items < 0:
            raise _TooMuch

    def each(self, values: Iterable[Any]) -> None:
        for value in values:
            self.visit(value)

    def can_change(self, value: object) -> None:
        self.marks.add(id(value))

    # -- containers and atoms ---------------------------------------------------------------------

    def sequence(self, value: Any) -> None:
        if not isinstance(value, tuple):
            self.can_change(value)
        self.long(len(value))
        self.each(iter(value))
        self.more(value, (list, tuple, deque))

    def mapping(self, value: Any) -> None:
        self.can_change(value)
        self.long(len(value))
        for key, item in (OrderedDict if isinstance(value, OrderedDict) else dict).items(value):
            self.visit(key)
            self.visit(item)
        if hasattr(value, "default_factory"):
            self.visit(value.default_factory)
        self.more(value, (dict,))

    def unordered(self, value: Any) -> None:
        if not isinstance(value, frozenset):
            self.can_change(value)
        self.is_plain = False  # another process may have another order
        self.long(len(value))
        self.each(value)
        self.more(value, (set, frozenset))

    def more(self, value: Any, plain: tuple[type, ...]) -> None:
        """Visit what a value of a class of its own has besides its items."""
        if type(value) not in plain:
            self.is_plain = False
            self.visit(type(value))  # its methods look up names, and it has a state of its own
            self._attributes(value)

    def buffer(self, value: Any) -> None:
        self.is_plain = self.is_plain and type(value) is bytearray
        if isinstance(value, memoryview):
            self.visit(value.obj)
        else:
            self.can_change(value)
        self.feed(memoryview(value).cast("B") if memoryview(value).c_contiguous else bytes(value))

    def empty(self, value: Any) -> None:
        self.is_plain = False

    def member(self, value: Any) -> None:
        self.is_plain = False
        self.can_change(value)
        self.feed(value._name_)
        self.visit(type(value))
        for name, more in vars(value).items():
            if not (name.startswith("_") and name.endswith("_")):
                self.feed(name)
                self.visit(more)

    def logger(self, value: Any) -> None:
        """Visit what a logger or a handler keeps; what it does is looked at as a setting."""
        self.is_plain = False
        self.feed(value.name)
        for name, member in list(vars(value).items()):
            if name not in _OF_LOGGERS:
                self.can_change(value)
                self.feed(name)
                self.visit(member)
        self.visit(type(value))

    def text_buffer(self, value: Any) -> None:
        self.is_plain = False
        self.can_change(value)
        if not value.closed:
            self.feed(value.tell())
            self.feed(value.getvalue() if isinstance(value, io.StringIO) else bytes(value.getbuffer()))

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
            # A library in the making: of what it holds, numbers, texts and lengths count.
            self.is_opaque = was_opaque
            for name, member in list(vars(value).items()):
                if not name.startswith("__"):
                    self.feed(name, *shallow(member))
        finally:
            self._limit = limit

    def function(self, value: Any) -> None:
        self.is_plain = False
        module = sys.modules.get(value.__module__ or "")
        if value.__globals__ is self._namespace or (module is not None and is_users(module)):
            self.can_change(value)
            self.code(value.__code__)
            self.feed(value.__name__, value.__doc__)
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
        self.feed(value.__name__, vars(value).get("__doc__"))
        self.visit(type(value))
        if "_abc_impl" in vars(value):
            self.feed(*sorted(repr(known()) for known in abc._get_dump(value)[0]))
        self.each(value.__bases__)
        for name, member in list(vars(value).items()):
            if name not in ("__dict__", "__weakref__", "__doc__", "_abc_impl", "__annotations__"):
                self.feed(name)
                if not isinstance(member, types.MemberDescriptorType | types.GetSetDescriptorType):
                    self.visit(member)

    def running(self, value: Any) -> None:
        """A generator: where it stands cannot be told."""
        code = next(getattr(value, name) for name in ("gi_code", "cr_code", "ag_code") if hasattr(value, name))
        self.uses |= global_names(code)
        self.opaque(value)

    def opaque(self, value: Any) -> None:
        self.is_opaque = True
        self.is_plain = False
        kind: Any = type(value)
        self.is_borrowing |= is_closed(kind)
        self.can_change(value)
        for inner in gc.get_referents(value):
            if inner is not self._namespace and not isinstance(inner, type | types.ModuleType | types.FrameType):
                self.visit(inner)

    # -- objects ----------------------------------------------------------------------------------

    def _instance(self, value: Any, kind: Any) -> None:
        self.is_plain = False
        self.can_change(value)
        self.visit(kind)
        if has_native_state(kind):
            self.opaque(value)
        self._attributes(value)

    def _attributes(self, value: Any) -> None:
        kind: Any = type(value)
        members = getattr(value, "__dict__", None)
        for name, member in list(members.items()) if isinstance(members, dict) else ():
            if (name in _CACHES and not is_own(kind)) or is_cached(kind, name):
                continue  # filled when it is read first
            self.feed(name)
            self.visit(member)
        for name, slot in slots_of(kind):
            try:
                member = slot.__get__(value)
            except AttributeError:
                continue
            self.feed(name)
            self.visit(member)


_VISITORS: tuple[tuple[Any, Callable[[_Walk, Any], None]], ...] = (
    (enum.Enum, _Walk.member),
    (list | tuple | deque, _Walk.sequence),
    (dict, _Walk.mapping),
    (set | frozenset, _Walk.unordered),
    (types.ModuleType, _Walk.module),
    (logging.Logger | logging.Handler, _Walk.logger),
    (type, _Walk.kind),
    (types.FunctionType, _Walk.function),
    (types.MethodType | types.BuiltinMethodType | types.MethodWrapperType, _Walk.bound),
    (functools.partial, _Walk.partial),
    (staticmethod | classmethod | property, _Walk.wrapped),
    (types.GeneratorType | types.CoroutineType | types.AsyncGeneratorType, _Walk.running),
    (bytearray | memoryview, _Walk.buffer),
    (re.Pattern, lambda walk, value: walk.feed(value.pattern, value.flags)),
    (EMPTY, _Walk.empty),
)
_BUFFERS = (io.StringIO, io.BytesIO)
