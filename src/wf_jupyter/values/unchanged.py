"""Whether a function is still what it was a moment ago, without pickling it again.

A task that is called a thousand times in a loop is pickled once, unless something that would be
pickled with it may have changed in between. Where everything that a function refers to is immutable
or travels by name, comparing identities tells; anything else (a list, an object, a frame) may change
in place, and then only its bytes tell.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from types import BuiltinFunctionType, CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType

#: Functions, classes and values looked at; what refers to more is pickled each time.
_MOST = 500
_ATOMS = (type(None), bool, int, float, complex, str, bytes, range, type(Ellipsis), CodeType)
_BY_NAME = (ModuleType, BuiltinFunctionType, GetSetDescriptorType, MemberDescriptorType)
#: Members of a class that Python or the standard library put there, and that nobody changes.
_MADE = frozenset({"__dict__", "__weakref__", "__annotations__", "__dataclass_fields__", "__dataclass_params__"})
_MISSING = object()
_CONSTANT = (*_ATOMS, *_BY_NAME)

#: All that a function refers to, in a fixed order. Holding the objects keeps their identities unique.
Parts = tuple[object, ...]


class CannotTell(Exception):
    """The function refers to something that may change in place."""


def parts_of(function: Callable[..., object]) -> Parts | None:
    """Parts that `function` refers to, to be compared by `same`; None when that cannot tell whether it changed."""
    import cloudpickle  # here, because `import wf_jupyter` must stay light

    if cloudpickle.list_registry_pickle_by_value():
        return None
    walk = _Walk()
    try:
        walk.add(function)
    except CannotTell:
        return None
    return tuple(walk.parts)


def same(one: Parts, other: Parts) -> bool:
    """Whether both consist of the very same objects."""
    return len(one) == len(other) and all(map(operator.is_, one, other))


class _Walk:
    def __init__(self) -> None:
        self.parts: list[object] = []
        self._seen: set[int] = set()

    def add(self, thing: object) -> None:
        self.parts.append(thing)
        if isinstance(thing, _CONSTANT) or thing is _MISSING or id(thing) in self._seen:
            return
        if len(self.parts) > _MOST:
            raise CannotTell
        self._seen.add(id(thing))
        if type(thing) in (tuple, frozenset):
            for item in thing:  # type: ignore[attr-defined]
                self.add(item)
        elif isinstance(thing, FunctionType):
            if not _is_importable(thing):
                self._function(thing)
        elif isinstance(thing, type):
            if not _is_importable(thing):
                self._class(thing)
        elif type(thing) in (staticmethod, classmethod):
            self.add(thing.__func__)  # type: ignore[attr-defined]
        elif type(thing) is property:
            for part in (thing.fget, thing.fset, thing.fdel):
                self.add(part)
        else:
            raise CannotTell

    def _function(self, function: FunctionType) -> None:
        self.add(function.__code__)
        self.add(function.__defaults__)
        for mapping in (function.__kwdefaults__, function.__dict__):
            for name, value in (mapping or {}).items():
                self.add(name)
                self.add(value)
        for cell in function.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:
                content = _MISSING
            self.add(content)
        scope = function.__globals__
        for name in _names(function.__code__):
            self.add(scope.get(name, _MISSING))

    def _class(self, kind: type) -> None:
        if type(kind) is not type:
            raise CannotTell
        for base in kind.__bases__:
            self.add(base)
        for name, value in vars(kind).items():
            self.parts.append(name)
            if name in _MADE:
                self.parts.append(value)
            else:
                self.add(value)


def _names(code: CodeType) -> tuple[str, ...]:
    """Names that the code, or code inside it, may look up among the globals."""
    inner = [name for constant in code.co_consts if isinstance(constant, CodeType) for name in _names(constant)]
    return (*code.co_names, *inner)


def _is_importable(thing: FunctionType | type) -> bool:
    """Whether it travels as a name, so that what it is made of is not sent at all."""
    if thing.__module__ == "__main__":
        return False
    found: object = sys.modules.get(thing.__module__)
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is thing
