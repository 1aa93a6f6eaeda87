"""Functions, classes and modules, each described once, and all that can be reached from them.

What a worker gets by name, it imports: that is known by the files of the user's modules. What it gets by
value (all that a notebook defines, and functions that no import finds) is described as it is here: byte
code, defaults, closures, the globals that it reads, attributes, bases, decorators. With `inline` the
functions run in this process, so what is in memory counts as well.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from wf_jupyter.values.fingerprint.bytecode import reads
from wf_jupyter.values.fingerprint.codes import code_digest
from wf_jupyter.values.fingerprint.content import Description, Key
from wf_jupyter.values.fingerprint.hashing import Unknown, hash_all, hash_parts, text
from wf_jupyter.values.fingerprint.modules import Modules

_HEAP_TYPE = 1 << 9
#: Members of a class that say nothing about what it does, or that differ between processes.
_UNTOLD = frozenset(
    {"__dict__", "__weakref__", "__module__", "__firstlineno__", "__static_attributes__", "__annotations_cache__"}
)


class Reach(NamedTuple):
    """Some definitions with all that they can reach: one digest for it, and the definitions by their keys."""

    digest: bytes
    keys: frozenset[Key]
    is_open: bool


class _Record(NamedTuple):
    digest: bytes
    refs: tuple[Key, ...]
    also: frozenset[Key] = frozenset()
    is_open: bool = False


class Registry:
    """The definitions of one submission."""

    def __init__(self, *, inline: bool = False) -> None:
        self.modules = Modules()
        self._inline = inline
        self._objects: dict[int, Any] = {}
        self._records: dict[Key, _Record] = {}
        self._reached: dict[tuple[Key, ...], Reach] = {}
        self._leaves: dict[int, tuple[object, bytes]] = {}
        self._independent: set[int] = set()
        self._cuts = 0

    # -- what descriptions ask for ----------------------------------------------------------------

    def refer(self, thing: Any, of: Description) -> bytes:
        """Bytes that stand for a definition (`content.Definitions.refer`)."""
        if isinstance(thing, ModuleType):
            name = thing.__name__
            if self._comes_by_name(thing, name, ""):
                return hash_parts(b"module", of.refer(name))
            return hash_parts(b"dynamic module", of.refer(self._keep(thing)))
        home, qualname = getattr(thing, "__module__", None), thing.__qualname__
        if isinstance(home, str) and self._comes_by_name(thing, home, qualname):
            seen = of.refer(self._keep(thing)) if self._inline and self.modules.is_users(home) else b""
            return hash_parts(b"named", text(qualname), of.refer(home), seen)
        if isinstance(thing, functools._lru_cache_wrapper):
            return of.digest(thing.__wrapped__)
        return hash_parts(b"defined", of.refer(self._keep(thing)))

    def leaf(self, thing: object, compute: Callable[[], bytes]) -> bytes:
        """The cached digest of a part that refers to nothing (`content.Definitions.leaf`)."""
        known = self._leaves.get(id(thing))
        if known is None:
            known = self._leaves[id(thing)] = thing, compute()
        return known[1]

    def independent(self, thing: object) -> tuple[bytes, Iterable[Key]]:
        """Describe a part on its own (`content.Definitions.independent`)."""
        if id(thing) in self._independent:
            # A set inside of what one of its members reaches: its members are described further out.
            self._cuts += 1
            return b"further out", ()
        self._independent.add(id(thing))
        try:
            of = Description(self)
            digest = of.digest(thing)
            reach = self.reach(of.refs)
            return hash_parts(digest, reach.digest), reach.keys | of.also
        finally:
            self._independent.discard(id(thing))

    # -- what they lead to ------------------------------------------------------------------------

    def reach(self, refs: Iterable[Key], also: Iterable[Key] = ()) -> Reach:
        """Everything that can be reached from some definitions, in the order in which it comes up.

        `also` are definitions, with all that they reach, whose digests are known to be elsewhere.
        """
        start, extra = tuple(refs), set(also)
        known = None if extra else self._reached.get(start)
        if known is not None:
            return known
        cuts = self._cuts
        numbers = {key: number for number, key in enumerate(start)}
        order, parts = list(start), []
        for key in order:
            record = self._record(key)
            parts.append(record.digest)
            for ref in record.refs:
                if ref not in numbers:
                    numbers[ref] = len(order)
                    order.append(ref)
                parts.append(b"%d" % numbers[ref])
            extra |= record.also
        keys = frozenset(order) | extra
        found = Reach(hash_all(parts), keys, any(self._record(key).is_open for key in keys))
        if cuts == self._cuts and not also:
            self._reached[start] = found
        return found

    def _record(self, key: Key) -> _Record:
        known = self._records.get(key)
        if known is not None:
            return known
        cuts = self._cuts
        if isinstance(key, str):
            found = self.modules.describe(key)
            if found.runs:
                raise Unknown(f"module {key!r}, which runs code by {found.runs}")
            record = _Record(found.digest, found.imports, is_open=found.is_open)
        else:
            record = self._describe(self._objects[key])
        if cuts == self._cuts:
            self._records[key] = record
        return record

    def _describe(self, thing: Any) -> _Record:
        of = Description(self)
        is_open = False
        if isinstance(thing, FunctionType):
            parts = list(self._function(thing, of))
            is_open = reads(thing.__code__).is_open
        elif isinstance(thing, type):
            parts = list(self._class(thing, of))
        elif isinstance(thing, ModuleType):
            members = {name: value for name, value in vars(thing).items() if not name.startswith("__")}
            parts = [b"module", text(thing.__name__), of.describe_named(members.items())]
        else:
            parts = [b"wrapper", of.digest(thing.__wrapped__)]
        return _Record(hash_all(parts), tuple(of.refs), frozenset(of.also), is_open)

    def _keep(self, thing: object) -> int:
        self._objects[id(thing)] = thing
        return id(thing)

    def _comes_by_name(self, thing: Any, name: str, qualname: str) -> bool:
        """Whether a worker imports it, as cloudpickle decides."""
        if isinstance(thing, type) and not thing.__flags__ & _HEAP_TYPE:
            return True
        if name in ("__main__", "__mp_main__") or name in _modules_sent_by_value():
            return False
        found: Any = sys.modules.get(name)
        for part in qualname.split(".") if qualname else ():
            found = getattr(found, part, None)
        return found is thing

    # -- functions --------------------------------------------------------------------------------

    def _function(self, function: FunctionType, of: Description) -> Iterator[bytes]:
        if function.__globals__ is vars(functools) and hasattr(function, "registry"):
            # Around it stand weak references and what it remembers; this is all that it does.
            registry: Any = function.registry
            yield from (b"singledispatch", of.digest(function.__wrapped__), of.digest(dict(registry)))  # type: ignore[attr-defined]
            return
        yield from (b"function", text(function.__qualname__), code_digest(function.__code__))
        yield of.digest(function.__defaults__)
        yield of.describe_named((function.__kwdefaults__ or {}).items())
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with _Inside(f"the variable {name!r} around {function.__qualname__!r}"):
                yield of.digest(cell)
        home = function.__globals__.get("__name__")
        yield of.describe_named(vars(function).items())
        if isinstance(home, str) and home not in ("__main__", "__mp_main__") and self.modules.is_installed(home):
            yield of.refer(home)
            return
        yield _annotations(function, of)
        yield from self._reads(function, of)

    def _reads(self, function: FunctionType, of: Description) -> Iterator[bytes]:
        found = reads(function.__code__)
        space = function.__globals__
        if found.looks or found.runs:
            raise Unknown(f"{function.__qualname__!r}, which uses {found.looks or found.runs}")
        for name in found.globals:
            if name not in space:
                continue
            value = space[name]
            with _Inside(f"the global {name!r} of {function.__qualname__!r}"):
                yield hash_parts(b"global", text(name), of.digest(value))
                if isinstance(value, ModuleType):
                    yield from self._attributes(value, found.attributes, of)
        package = space.get("__package__") or str(space.get("__name__", "")).rpartition(".")[0]
        for needed in sorted(self.modules.find_needed(found, package)):
            yield of.refer(needed)
            module = sys.modules.get(needed)
            if module is not None:
                yield from self._attributes(module, found.attributes, of)

    def _attributes(self, module: ModuleType, attributes: frozenset[str], of: Description) -> Iterator[bytes]:
        """Describe what code that names these attributes may read of a module of the user's."""
        if self.modules.is_installed(module.__name__):
            return
        for inner in self.modules.inside(module.__name__, attributes):
            yield of.refer(inner)
        if self._inline:
            # Nothing is imported anew, so what the module holds now is what is read.
            members = {name: value for name, value in vars(module).items() if name in attributes}
            yield of.describe_named(members.items())

    # -- classes ----------------------------------------------------------------------------------

    def _class(self, kind: type, of: Description) -> Iterator[bytes]:
        yield from (b"class", text(kind.__qualname__), of.digest(type(kind)))
        yield from of.digests(kind.__bases__)
        for name, value in sorted(vars(kind).items()):
            if name in _UNTOLD or name.startswith("__pydantic_") or (name == "__doc__" and _is_made(kind, value)):
                continue
            with _Inside(f"{name!r} of class {kind.__qualname__!r}"):
                if name == "_abc_impl":
                    yield from sorted(text(one.__qualname__) for one in _registered_types(kind))
                else:
                    yield hash_parts(text(name), _member(value, of))
        fields = vars(kind).get("__pydantic_fields__")
        if isinstance(fields, dict):
            # Its validators and serializers are compiled from the members, the annotations and this.
            yield of.describe_named(fields.items())


def _member(value: Any, of: Description) -> bytes:
    kind = type(value).__name__
    if kind in ("member_descriptor", "getset_descriptor"):
        return kind.encode()
    return of.digest(value)


def _is_made(kind: type, doc: object) -> bool:
    """Whether a dataclass wrote its docstring itself: it shows defaults, and sets among them in any order."""
    return "__dataclass_fields__" in vars(kind) and isinstance(doc, str) and doc.startswith(f"{kind.__name__}(")


def _annotations(function: FunctionType, of: Description) -> bytes:
    """Annotations can be read by whoever is given the function; those that say nothing comparable do not count."""
    try:
        return of.describe_named(function.__annotations__.items())
    except Unknown:
        return b""
    except NameError:  # from Python 3.14 on they are evaluated when somebody looks
        return b""


def _registered_types(kind: type) -> Iterator[type]:
    from _abc import _get_dump  # type: ignore[import-not-found]

    for reference in _get_dump(kind)[0]:
        found = reference()
        if found is not None:
            yield found


def _modules_sent_by_value() -> frozenset[str]:
    """Modules that the user asked cloudpickle to send along."""
    module = sys.modules.get("cloudpickle")
    return frozenset() if module is None else frozenset(module.list_registry_pickle_by_value())


class _Inside:
    """Says in an `Unknown` where it was met."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Unknown) and not error.is_placed:
            raise Unknown(f"{self._place}: {error}", is_placed=True) from error
