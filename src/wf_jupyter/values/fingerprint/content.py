"""A value by its content: equal values have equal digests, in every process.

The pickled bytes of a value will not do: they tell one object used twice from two equal ones, interned
text from other text, and hold sets in whatever order the process gave them. Here every object is digested
from its parts, unknown types from what `__reduce_ex__` says of them. What counts as equal:

* types count: `1`, `1.0` and `True` differ, and so do `0.0` and `-0.0`; an unpickled `nan` equals itself;
* the order of a dict counts, since a task can see it; that of a set does not;
* attributes of an object count by name, in no order; whether two parts are the same object does not.

Functions, classes and modules are not described here but referred to; `definitions` describes each once.
"""

from __future__ import annotations

import copyreg
import functools
import marshal
import sys
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, Protocol, TypeVar

from wf_jupyter.model.draft import NodeRef
from wf_jupyter.model.graph import NeedKind
from wf_jupyter.model.keys import TaskKey
from wf_jupyter.values.fingerprint import arrays
from wf_jupyter.values.fingerprint.codes import code_digest
from wf_jupyter.values.fingerprint.hashing import Unknown, hash_all, hash_memory, hash_parts, text

#: A definition: a module by its name, anything else by the id of an object that is kept.
Key = str | int

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
_SINGLETONS = {type(Ellipsis): b"...", type(NotImplemented): b"NotImplemented"}
#: The format of marshal that knows neither shared objects nor interned text.
_PLAIN = 2
#: Parts of circles may be walked once per way into them; beyond this many the value is given up.
_MOST_AGAIN = 100_000
_LARGE = 1 << 20


class Definitions(Protocol):
    """Functions, classes and modules that descriptions refer to."""

    def refer(self, thing: object, of: Description) -> bytes:
        """The digest that stands for a function, class or module in the description `of`."""
        ...

    def leaf(self, thing: object, compute: Callable[[], bytes]) -> bytes:
        """The digest of something large without references, computed once."""
        ...

    def independent(self, thing: object) -> tuple[bytes, Iterable[Key]]:
        """The digest of a thing with everything that it can reach, and the definitions among that."""
        ...


class Description:
    """One value, or one definition, described as far as other definitions.

    `refs` numbers the definitions that it refers to, in the order in which they come up: so the same
    description has the same digest wherever it stands. `also` are definitions whose digest is inside
    already. `reads` numbers the results that arguments refer to.
    """

    def __init__(self, definitions: Definitions) -> None:
        self.refs: dict[Key, int] = {}
        self.also: set[Key] = set()
        self.reads: dict[tuple[TaskKey, NeedKind], int] = {}
        self._definitions = definitions
        self._known: dict[int, bytes] = {}
        self._kept: list[object] = []
        self._open: dict[int, int] = {}
        self._lowest = sys.maxsize
        self._seen: set[int] = set()
        self._again = 0

    def refer(self, key: Key) -> bytes:
        """Bytes that stand for a definition."""
        return b"#%d" % self.refs.setdefault(key, len(self.refs))

    def digest(self, value: object) -> bytes:
        """The digest of a part; `Unknown` when it cannot be compared."""
        kind = type(value)
        if kind in _ATOMS:
            return _atom(value)
        name = id(value)
        known = self._known.get(name)
        if known is not None:
            return known
        level = len(self._open)
        if name in self._open:
            # As far up as the circle goes: the same in every process, unlike a name.
            self._lowest = min(self._lowest, self._open[name])
            return hash_parts(b"circle", b"%d" % (level - self._open[name]))
        self._note_visit(name)
        outer, self._lowest = self._lowest, sys.maxsize
        self._open[name] = level
        try:
            found = self._describe(value, kind)
        finally:
            del self._open[name]
        if self._lowest >= level:
            # No circle leads out of it, so it is the same wherever it comes up again.
            self._known[name] = found
            self._kept.append(value)
        else:
            outer = min(outer, self._lowest)
        self._lowest = outer
        return found

    def digests(self, values: Iterable[object]) -> list[bytes]:
        """The digests of some parts, in order."""
        return [self.digest(value) for value in values]

    def describe_named(self, values: Iterable[tuple[str, object]]) -> bytes:
        """Values under names, in the order of the names."""
        parts: list[bytes] = []
        for name, value in sorted(values, key=lambda pair: pair[0]):
            parts += [text(name), self.digest(value)]
        return hash_all(parts)

    def leaf(self, value: object, compute: Callable[[], bytes]) -> bytes:
        """Something large that refers to nothing: digested once for all descriptions."""
        return self._definitions.leaf(value, compute)

    def _note_visit(self, name: int) -> None:
        if name in self._seen:
            self._again += 1
            if self._again > _MOST_AGAIN:
                raise Unknown("an object whose parts refer to each other in too many ways")
        self._seen.add(name)

    def _describe(self, value: Any, kind: type) -> bytes:
        describe = _DESCRIBED.get(kind)
        if describe is not None:
            return describe(self, value)
        if isinstance(value, type | FunctionType | ModuleType):
            return self._definitions.refer(value, self)
        if isinstance(value, NodeRef):
            return self._read(value)
        if kind in _SINGLETONS:
            return hash_parts(b"single", _SINGLETONS[kind])
        if isinstance(value, set | frozenset):
            parts = hash_parts(*self._sort_members(value))
            return hash_parts(b"set like", self.digest(kind), parts, self._state(getattr(value, "__dict__", None)))
        described = arrays.describe(value, self)
        return self._describe_reduced(value, kind) if described is None else described

    def _read(self, ref: NodeRef) -> bytes:
        number = self.reads.setdefault((ref.source, ref.kind), len(self.reads))
        return hash_parts(b"result", b"%d" % number, self.digest(ref.path))

    def _sort_members(self, values: Iterable[object]) -> list[bytes]:
        """Members of a set, in an order that does not depend on the process."""
        members: list[bytes] = []
        for value in values:
            if type(value) in _ATOMS:
                members.append(_atom(value))
            else:
                found, reached = self._definitions.independent(value)
                self.also.update(reached)
                members.append(found)
        return sorted(members)

    def _describe_reduced(self, value: Any, kind: type) -> bytes:
        try:
            reducer = copyreg.dispatch_table.get(kind)
            reduced = reducer(value) if reducer is not None else value.__reduce_ex__(5)
        except Unknown:
            raise
        except RecursionError:
            raise
        except Exception as error:  # any object may refuse in its own way
            raise Unknown(f"an object of type {kind.__qualname__!r} ({error})") from error
        if isinstance(reduced, str):
            module = sys.modules.get(getattr(value, "__module__", None) or kind.__module__)
            return hash_parts(b"global", text(reduced), b"" if module is None else self.digest(module))
        whole: tuple[Any, ...] = (*reduced, *[None] * (6 - len(reduced)))
        made, args, state, items, pairs, setter = whole
        parts = [b"object", self.digest(kind), self.digest(made), *self.digests(args), self._state(state)]
        if items is not None:
            parts += [b"items", *self.digests(items)]
        if pairs is not None:
            parts += [b"pairs", *(self.digest(part) for pair in pairs for part in pair)]
        if setter is not None:
            parts += [b"setter", self.digest(setter)]
        return hash_all(parts)

    def _state(self, state: object) -> bytes:
        match state:
            case None:
                return b""
            case (inner, slots) if isinstance(slots, dict):
                return hash_parts(b"slots", self._state(inner), self._state(slots))
            case dict() if all(type(name) is str for name in state):
                return self.describe_named(state.items())
            case _:
                return self.digest(state)


def _atom(value: Any) -> bytes:
    if type(value) is str and len(value) > _LARGE:
        return hash_parts(b"large str", hash_memory(text(value)))
    if type(value) is bytes and len(value) > _LARGE:
        return hash_parts(b"large bytes", hash_memory(value))
    return hash_parts(b"atom", marshal.dumps(value, _PLAIN))


def _flat(values: Iterable[object], whole: Any) -> bytes | None:
    """A list, tuple or dict of nothing but atoms, in one go; None when it holds anything else."""
    if not _ATOMS.issuperset(set(map(type, values))):
        return None
    try:
        return hash_parts(b"flat", marshal.dumps(whole, _PLAIN))
    except ValueError:  # more than 2 GiB in one atom
        return None


def _sequence(of: Description, values: list[object] | tuple[object, ...]) -> bytes:
    return _flat(values, values) or hash_all([type(values).__name__.encode(), *of.digests(values)])


def _dict(of: Description, values: dict[object, object]) -> bytes:
    flat = _flat(values.values(), values) if _ATOMS.issuperset(set(map(type, values))) else None
    return flat or hash_all([b"dict", *(of.digest(part) for pair in values.items() for part in pair)])


def _set(of: Description, values: set[object] | frozenset[object]) -> bytes:
    return hash_all([type(values).__name__.encode(), *of._sort_members(values)])


def _buffer(of: Description, value: bytearray) -> bytes:
    return hash_parts(b"bytearray", hash_memory(value))


def _view(of: Description, value: memoryview) -> bytes:
    return hash_parts(b"memoryview", text(value.format), of.digest(value.shape), hash_memory(value.tobytes()))


def _mapping(of: Description, value: Mapping[object, object]) -> bytes:
    return hash_parts(b"proxy", of.digest(dict(value)))


def _method(of: Description, value: MethodType) -> bytes:
    return hash_parts(b"method", of.digest(value.__func__), of.digest(value.__self__))


def _builtin(of: Description, value: BuiltinFunctionType) -> bytes:
    owner = value.__self__
    home = owner if not isinstance(owner, ModuleType) and owner is not None else sys.modules.get(value.__module__ or "")
    return hash_parts(b"builtin", text(value.__qualname__), b"" if home is None else of.digest(home))


def _descriptor(of: Description, value: Any) -> bytes:
    return hash_parts(b"descriptor", text(value.__name__), of.digest(value.__objclass__))


def _partial(of: Description, value: functools.partial[object]) -> bytes:
    more = of.describe_named(vars(value).items())
    return hash_parts(
        b"partial", of.digest(value.func), of.digest(value.args), of.describe_named(value.keywords.items()), more
    )


def _property(of: Description, value: property) -> bytes:
    return hash_all([b"property", *of.digests((value.fget, value.fset, value.fdel, value.__doc__))])


def _describe_wrapped(of: Description, value: staticmethod[..., object] | classmethod[Any, ..., object]) -> bytes:
    return hash_parts(type(value).__name__.encode(), of.digest(value.__func__))


def _describe_cached_property(of: Description, value: functools.cached_property[object]) -> bytes:
    return hash_parts(b"cached", of.digest(value.func))


def _cell(of: Description, value: CellType) -> bytes:
    try:
        return hash_parts(b"cell", of.digest(value.cell_contents))
    except ValueError:
        return hash_parts(b"empty cell")


def _lru_cache(of: Description, value: Any) -> bytes:
    # What it remembers is no part of it: each process begins with nothing.
    return hash_parts(b"lru", of.digest(value.cache_parameters()), of._definitions.refer(value, of))


def _context(of: Description, value: ContextVar[object]) -> bytes:
    missing = object()
    now = value.get(missing)
    return hash_parts(b"context", text(value.name), b"" if now is missing else of.digest(now))


def _type_variable(of: Description, value: TypeVar) -> bytes:
    return hash_parts(b"typevar", text(value.__name__), of.digest(value.__constraints__), of.digest(value.__bound__))


_DESCRIBED: dict[type, Callable[[Description, Any], bytes]] = {
    list: _sequence,
    tuple: _sequence,
    dict: _dict,
    set: _set,
    frozenset: _set,
    bytearray: _buffer,
    memoryview: _view,
    MappingProxyType: _mapping,
    MethodType: _method,
    BuiltinFunctionType: _builtin,
    MethodDescriptorType: _descriptor,
    WrapperDescriptorType: _descriptor,
    GetSetDescriptorType: _descriptor,
    MemberDescriptorType: _descriptor,
    functools.partial: _partial,
    functools.cached_property: _describe_cached_property,
    type(functools.lru_cache(lambda: None)): _lru_cache,
    property: _property,
    staticmethod: _describe_wrapped,
    classmethod: _describe_wrapped,
    CellType: _cell,
    CodeType: lambda of, value: code_digest(value),
    ContextVar: _context,
    TypeVar: _type_variable,
}
