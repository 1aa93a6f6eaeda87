"""Exceptions as bytes, with their causes, contexts, notes, attributes and members of groups, and back.

Pickle alone keeps little of that. It builds an exception as `Class(*args)`, which fails for `def __init__(self, code,
url): super().__init__(text)`; it drops `__cause__`, `__context__` and `__slots__`; and one thing inside that
cannot be pickled, or a class that the reader lacks, costs all the rest. So each exception that is reached is
encoded by itself, and refers to the others by number. One that is lost has a stand-in of the same name and text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any, NamedTuple

from wf_jupyter.values.codec import Reference, decode, encode_bytes
from wf_jupyter.values.known_secrets import KnownSecrets
from wf_jupyter.values.preview import shorten
from wf_jupyter.values.secret import Hidden

LIMIT = 1 << 20
_COUNT = 50
_MEMBER_LIMIT = 100_000
_TEXT = 2_000
_LINKS = ("__cause__", "__context__")
#: Kept by other ways, or of no use elsewhere; `obj` is what an attribute was looked for at, which may be large.
_NO_MEMBERS = {*_LINKS, "__traceback__", "__suppress_context__", "__dict__", "__weakref__", "args", "obj"}
_LOST = "A stand-in: the exception itself could not be brought here."


class _Entry(NamedTuple):
    """One exception: how to build it, or None; its name and text for a stand-in; numbers of cause and context."""

    data: bytes | None
    module: str
    name: str
    text: str
    links: tuple[int | None, ...]
    is_context_hidden: bool


class _Parts(NamedTuple):
    """Parts to build an exception from: `build(*args)`, or without `__init__` when `build` is None; and its members."""

    kind: type[BaseException]
    build: Callable[..., object] | None
    args: tuple[object, ...]
    state: object
    members: Mapping[str, object]


def encode_exception(error: BaseException, known: KnownSecrets | None = None) -> bytes | None:
    """The exception as bytes, or None when it cannot be rebuilt from them or is larger than 1 MiB.

    What cannot be pickled is left out of the exception's attributes, unless its class has an `__init__` of its
    own: then it may not do without. It is sealed when it holds a secret that is `known`. Never raises anything but
    `KeyboardInterrupt`.
    """
    try:
        data = _Writer().write(error)
        if data is None or type(decode_exception(data)) is not type(error):
            return None
        if known is not None and known.are_within([data]):
            data = encode_bytes(Hidden(decode(data), known.texts))
        return data
    except KeyboardInterrupt:
        raise
    except BaseException:  # exceptions of users may do anything when they are taken apart
        return None


def decode_exception(data: bytes) -> BaseException | None:
    """The exception behind the bytes, or None when its class is not to be had or fails to build it."""
    try:
        entries: Any = decode(data)
        if isinstance(entries, BaseException):
            return entries  # as stored by earlier versions
        return _Reader([_Entry(*entry) for entry in entries]).read()
    except Exception:
        return None


class _Writer:
    """Numbers the exceptions as they are met; the first one is the one that counts."""

    def __init__(self) -> None:
        self._found: list[BaseException] = []
        self._numbers: dict[int, int] = {}

    def write(self, error: BaseException) -> bytes | None:
        self._number(error)
        entries: list[_Entry] = []
        room = LIMIT
        for found in self._found:  # grows meanwhile
            data = self._encode(found, is_strict=found is error)
            if data is not None and len(data) > room:
                data = None
            if data is None and found is error:
                return None
            room -= len(data or b"")
            links = tuple(self._number(getattr(found, link)) for link in _LINKS)
            kind = type(found)
            entries.append(
                _Entry(data, kind.__module__, kind.__qualname__, _text(found), links, found.__suppress_context__)
            )
        return encode_bytes([tuple(entry) for entry in entries])

    def _number(self, error: BaseException | None) -> int | None:
        if error is None:
            return None
        if id(error) not in self._numbers:
            if len(self._found) >= _COUNT:
                return None
            self._numbers[id(error)] = len(self._found)
            self._found.append(error)
        return self._numbers[id(error)]

    def _refer(self, thing: object) -> Reference | None:
        number = self._number(thing) if isinstance(thing, BaseException) else None
        return None if number is None else (number, ())

    def _encode(self, error: BaseException, *, is_strict: bool) -> bytes | None:
        kind = type(error)
        try:
            own = _own_parts(error)
        except Exception:  # it refuses to be taken apart
            return None
        for parts in (own, _plain_parts(error)):
            data = None if parts is None else self._encode_parts(parts)
            if data is not None:
                return data
        if is_strict and isinstance(kind.__init__, FunctionType):
            return None
        parts = _plain_parts(error)
        members = {name: value for name, value in parts.members.items() if self._can_be_sent(value, _MEMBER_LIMIT)}
        args = tuple(arg if self._can_be_sent(arg) else _show(arg) for arg in parts.args)
        return self._encode_parts(parts._replace(args=args, members=members))

    def _encode_parts(self, parts: _Parts) -> bytes | None:
        """The bytes, if the same class comes out of them."""
        try:
            data = encode_bytes(tuple(parts), self._refer)
            built = _build(data, lambda number, path: self._found[number])
        except Exception:  # anything may refuse to be pickled, or to be built, in its own way
            return None
        return data if len(data) <= LIMIT and type(built) is parts.kind else None

    def _can_be_sent(self, value: object, limit: float = math.inf) -> bool:
        try:
            return len(encode_bytes(value, self._refer)) <= limit
        except Exception:
            return False


class _Reader:
    """Builds exceptions by their numbers, each once."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self._entries = entries
        self._built: dict[int, BaseException | None] = {}

    def read(self) -> BaseException | None:
        error = self._error(0)
        if error is None:
            return None
        for number, entry in enumerate(self._entries):
            found = self._member(number)
            for name, other in zip(_LINKS, entry.links, strict=True):
                setattr(found, name, None if other is None else self._member(other))
            found.__suppress_context__ = entry.is_context_hidden
        return error

    def _error(self, number: int) -> BaseException | None:
        if number not in self._built:
            entry = self._entries[number]
            self._built[number] = None  # an exception that holds itself
            try:
                self._built[number] = None if entry.data is None else _build(entry.data, self._member)
            except Exception:  # the class is not here, or does not build
                self._built[number] = None
        return self._built[number]

    def _member(self, number: int, path: tuple[object, ...] = ()) -> BaseException:
        error = self._error(number)
        if error is None:
            error = self._built[number] = _stand_in(self._entries[number])
        return error


def _own_parts(error: BaseException) -> _Parts | None:
    """By the class's own `__reduce__`, if it has one."""
    kind = type(error)
    if not isinstance(kind.__reduce__, FunctionType) and not isinstance(kind.__reduce_ex__, FunctionType):
        return None
    reduced: Any = error.__reduce_ex__(4)
    build, args, *more = reduced
    assert callable(build)
    notes = {"__notes__": error.__notes__} if hasattr(error, "__notes__") else {}
    return _Parts(kind, build, args, more[0] if more else None, notes)


def _plain_parts(error: BaseException) -> _Parts:
    reduced: Any = _builtin(type(error)).__reduce__(error)
    return _Parts(type(error), None, reduced[1], None, dict(_members(error)))


def _members(error: BaseException) -> Iterator[tuple[str, object]]:
    """Attributes, those in `__slots__` and those that a built-in class holds included."""
    for kind in type(error).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, MemberDescriptorType | GetSetDescriptorType) and name not in _NO_MEMBERS:
                value = getattr(error, name, None)
                if value is not None:
                    yield name, value
    yield from vars(error).items()


def _builtin(kind: type[BaseException]) -> type[BaseException]:
    """The nearest base that is not written in Python."""
    return next(base for base in kind.__mro__ if not base.__flags__ & (1 << 9))


def _build(data: bytes, resolve: Callable[[int, tuple[object, ...]], object]) -> BaseException:
    given: Any = decode(data, resolve)
    parts = _Parts(*given)
    kind, args = parts.kind, parts.args
    error: Any
    if parts.build is not None:
        error = parts.build(*args)
        if hasattr(error, "__setstate__") and parts.state is not None:
            error.__setstate__(parts.state)
    else:
        try:
            error = kind.__new__(kind, *args)
        except TypeError:  # a `__new__` of the class's own
            error = _builtin(kind).__new__(kind, *args)
        _builtin(kind).__init__(error, *args)
    for name, value in parts.members.items():
        try:
            if getattr(error, name, None) is not value:
                setattr(error, name, value)
        except (AttributeError, TypeError):  # read-only, as the members of a group
            continue
    if not isinstance(error, BaseException):
        raise TypeError(f"{parts.build} built no exception")
    return error


def _stand_in(entry: _Entry) -> BaseException:
    """An exception that looks like one that is not to be had."""
    kind = type(entry.name.rpartition(".")[2], (Exception,), {"__module__": entry.module, "__qualname__": entry.name})
    error: BaseException = kind(entry.text)
    error.add_note(_LOST)
    return error


def _text(error: BaseException) -> str:
    try:
        return shorten(str(error), _TEXT)
    except Exception as second:  # a user's __str__
        return f"<its text cannot be shown: {type(second).__name__}>"


def _show(value: object) -> str:
    try:
        return shorten(repr(value), _TEXT)
    except Exception:  # a user's __repr__
        return f"<a {type(value).__name__}>"
