"""`wf.Secret`: a value that is shown as `•••`, stored sealed, and plain in the task that gets it.

As an annotation (`password: wf.Secret[str]`) it says that an input or parameter is secret, whatever its name.
To a type checker `Secret[str]` is `str`, as that is what bodies are given and tasks get.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from types import FunctionType, MappingProxyType, MemberDescriptorType, ModuleType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, Union, cast, get_args, get_origin

from wf_jupyter.model.draft import NodeRef
from wf_jupyter.model.secrecy import MASK, holds_credentials, is_secret
from wf_jupyter.values.known_secrets import KnownSecrets, note, texts_in

T = TypeVar("T")
_DEEPEST = 5
#: Members that are looked at of an object and of what it holds.
_LOOKED_AT = 500
#: What is not looked into.
_NO_HOLDERS = (str, bytes, int, float, type, ModuleType, FunctionType)
_SECRET_CLASSES = {"SecretStr", "SecretBytes", "Secret"}

if TYPE_CHECKING:
    Secret = Annotated[T, "secret"]
else:

    class Secret(Generic[T]):
        """A secret value; `Secret("hunter2")` as an argument or a result. `reveal()` gives the value."""

        __slots__ = ("_value",)

        def __init__(self, value):
            self._value = value._value if isinstance(value, Secret) else value

        def reveal(self):
            """The value itself."""
            return self._value

        def __repr__(self):
            return MASK

        __str__ = __repr__

        def __format__(self, spec):
            return format(MASK, spec)

        def __eq__(self, other):
            return isinstance(other, Secret) and self._value == other._value

        def __hash__(self):
            return hash(("wf_jupyter.Secret", self._value))

        def __reduce__(self):
            return _secret, (_seal_value(self._value),)


class Hidden:
    """Stands for a value in an argument: sealed in bytes, plain again where they are read.

    `texts` are those that must not be seen: by default all that are in the value.
    """

    __slots__ = ("_texts", "_value")

    def __init__(self, value: object, texts: Iterable[str] | None = None) -> None:
        self._value = value
        self._texts = tuple(texts_in(value) if texts is None else texts)

    def __repr__(self) -> str:
        return MASK

    def __reduce__(self) -> tuple[Callable[[bytes], object], tuple[bytes]]:
        return _opened, (_seal_value((self._texts, self._value)),)


def secret(value: object) -> Any:
    """The value as a `Secret`."""
    make: Any = Secret
    return make(value)


def hide_secrets(name: str, value: object, is_marked: bool = False, known: KnownSecrets | None = None) -> object:
    """`value` as it is packed for a parameter of that name: what is secret in it is `Hidden`.

    Secret is what a name, an annotation or a class says to be, what holds a password in an address, and what holds
    a secret that is `known`; those that are found become known.
    """
    return _Hiding(known or KnownSecrets(), is_marked).hide(name, value, 0)


def reveal(value: Any) -> Any:
    """The value itself, of a `Secret`; a list of them, as a mapped task gives it, becomes one of values."""
    if type(value) is Secret:
        return value.reveal()
    if type(value) is list and any(type(entry) is Secret for entry in value):
        return [entry.reveal() if type(entry) is Secret else entry for entry in value]
    return value


class _Hiding:
    """Goes through one value."""

    def __init__(self, known: KnownSecrets, is_marked: bool) -> None:
        self._known = known
        self._is_marked = is_marked

    def hide(self, name: str, value: Any, depth: int) -> object:
        kind = type(value)
        if kind is Secret:
            return self._whole(value._value)
        if value is None or isinstance(value, bool | NodeRef) or depth > _DEEPEST:
            return value
        if isinstance(value, int | float) and not self._is_secret(name):
            return value
        if kind is dict:
            entries = {key: self.hide(_key(key, name), entry, depth + 1) for key, entry in value.items()}
            return value if all(entries[key] is entry for key, entry in value.items()) else entries
        if kind in (list, tuple):
            names = [name] * len(value)
            if kind is tuple and len(value) == 2 and isinstance(value[0], str) and is_secret(value[0]):
                names[1] = value[0]
            found = [self.hide(each, entry, depth + 1) for each, entry in zip(names, value, strict=True)]
            return value if all(a is b for a, b in zip(value, found, strict=True)) else kind(found)
        if self._is_secret(name) or (isinstance(value, str) and holds_credentials(value)):
            return self._whole(value)
        if isinstance(value, str):
            held = [text for text in self._known.texts if text in value] if self._known.are_in(value) else []
            return Hidden(value, held) if held else value
        inside = list(secrets_of(value))
        if not inside:
            return value
        self._known.add(inside)
        return Hidden(value, inside)

    def _whole(self, value: object) -> Hidden:
        self._known.add(texts_in(value))
        return Hidden(value)

    def _is_secret(self, name: str) -> bool:
        return self._is_marked or is_secret(name)


def secrets_of(value: object) -> Iterator[str]:
    """The texts of what is secret inside an object of a class of the user's: by its class, or by an attribute's name.

    A secret that has no text gives an empty one.
    """
    pending = [(value, 0)]
    left = _LOOKED_AT
    while pending and left > 0:
        held, depth = pending.pop()
        if type(held).__name__ in _SECRET_CLASSES and hasattr(held, "get_secret_value"):
            yield from texts_in(held)
            continue
        for name, entry in islice(_members(held), left):
            left -= 1
            if entry is None or isinstance(entry, bool | NodeRef):
                continue
            if is_secret(name):
                yield from [*texts_in(entry)] or [""]
            elif depth < _DEEPEST and not isinstance(
                entry, str | bytes | int | float | type | ModuleType | FunctionType
            ):
                pending.append((entry, depth + 1))


def _members(value: object) -> Iterator[tuple[str, object]]:
    """Attributes, and entries of dicts and lists, by their names. Nothing of the object's own runs."""
    kind = type(value)
    if isinstance(value, dict | MappingProxyType | type(os.environ)):
        yield from ((str(key), entry) for key, entry in value.items())
    elif kind in (list, tuple, set, frozenset):
        yield from (("", entry) for entry in value)  # type: ignore[attr-defined]
    elif not isinstance(value, _NO_HOLDERS):
        own = getattr(value, "__dict__", None)
        yield from own.items() if isinstance(own, dict) else ()
        for base in kind.__mro__[:-1]:
            for name, member in vars(base).items():
                if isinstance(member, MemberDescriptorType) or (name in getattr(kind, "_fields", ())):
                    with suppress(Exception):  # a slot that was never set
                        yield name, getattr(value, name)


def _key(key: object, name: str) -> str:
    return key if isinstance(key, str) else name


def marks_secret(annotation: object) -> bool:
    """Whether an annotation says that the value is secret: `Secret`, `Secret[str]`, `Secret[str] | None`."""
    if annotation is Secret or get_origin(annotation) is Secret:
        return True
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2].partition("[")[0].strip() == "Secret"
    return any(marks_secret(part) for part in get_args(annotation))


def unmark(annotation: object) -> object:
    """The annotation without the mark: `str` for `Secret[str]`, `str | None` for `Secret[str] | None`."""
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(unmark(part) for part in get_args(annotation))]  # noqa: UP007 - made of a tuple
    if annotation is Secret or get_origin(annotation) is Secret:
        return (*get_args(annotation), Any)[0]
    return annotation


def secret_parameters(function: Callable[..., object]) -> frozenset[str]:
    """The parameters that are annotated as secret."""
    found: Mapping[str, object] = getattr(inspect.unwrap(function), "__annotations__", {})
    return frozenset(name for name, annotation in found.items() if marks_secret(annotation))


def _seal_value(value: object) -> bytes:
    from wf_jupyter.values.codec import encode_bytes
    from wf_jupyter.values.sealing import seal

    return seal(encode_bytes(value))


def _opened(sealed: bytes) -> object:
    texts, value = cast("tuple[tuple[str, ...], object]", _plain(sealed))
    note(texts)
    return value


def _plain(sealed: bytes) -> object:
    from wf_jupyter.values.codec import decode
    from wf_jupyter.values.sealing import unseal

    return decode(unseal(sealed))


def _secret(sealed: bytes) -> object:
    value = _plain(sealed)
    note(texts_in(value))
    return secret(value)
