"""`wf.Secret`: a value that is shown as `•••`, stored sealed, and plain in the task that gets it.

As an annotation (`password: wf.Secret[str]`) it says that an input or parameter is secret, whatever its name.
To a type checker `Secret[str]` is `str`, as that is what bodies are given and tasks get.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, get_args, get_origin

from wf_jupyter.model.draft import NodeRef
from wf_jupyter.model.secrecy import MASK, is_secret

T = TypeVar("T")
_DEEPEST = 5

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
            return _secret, (_sealed(self._value),)


class Hidden:
    """Stands for a value in an argument: sealed in bytes, plain again where they are read."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __repr__(self) -> str:
        return MASK

    def __reduce__(self) -> tuple[Callable[[bytes], object], tuple[bytes]]:
        return _plain, (_sealed(self._value),)


def secret(value: object) -> Any:
    """The value as a `Secret`."""
    make: Any = Secret
    return make(value)


def hidden(name: str, value: object, is_marked: bool = False) -> object:
    """`value` as it is packed for a parameter of that name: what is secret in it by name or class is `Hidden`."""
    return _hidden(name, value, is_marked, 0)


def revealed(value: Any) -> Any:
    """The value itself, of a `Secret`; a list of them, as a mapped task gives it, becomes one of values."""
    if type(value) is Secret:
        return value.reveal()
    if type(value) is list and any(type(entry) is Secret for entry in value):
        return [entry.reveal() if type(entry) is Secret else entry for entry in value]
    return value


def _hidden(name: str, value: Any, is_marked: bool, depth: int) -> object:
    kind = type(value)
    if kind is Secret:
        return Hidden(value._value)
    if value is None or isinstance(value, bool | NodeRef) or depth > _DEEPEST:
        return value
    if kind is dict:
        return _changed(
            value,
            {
                key: _hidden(key if isinstance(key, str) else name, entry, is_marked, depth + 1)
                for key, entry in value.items()
            },
        )
    if kind in (list, tuple):
        entries = [_hidden(name, entry, is_marked, depth + 1) for entry in value]
        return value if all(a is b for a, b in zip(value, entries, strict=True)) else kind(entries)
    return Hidden(value) if is_marked or is_secret(name) or _has_secret_fields(value) else value


def _has_secret_fields(value: object) -> bool:
    """Whether an object of a class of the user's has an attribute that is secret by its name."""
    if isinstance(value, type | ModuleType | FunctionType):
        return False
    names: Iterable[object] = getattr(value, "__dict__", ()) or getattr(value, "__dataclass_fields__", ())
    return any(isinstance(each, str) and is_secret(each) for each in names)


def _changed(value: dict[Any, Any], entries: dict[Any, Any]) -> dict[Any, Any]:
    return value if all(entries[key] is entry for key, entry in value.items()) else entries


def marks_secret(annotation: object) -> bool:
    """Whether an annotation says that the value is secret: `Secret`, `Secret[str]`, `Secret[str] | None`."""
    if annotation is Secret or get_origin(annotation) is Secret:
        return True
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2].partition("[")[0].strip() == "Secret"
    return any(marks_secret(part) for part in get_args(annotation))


def unmarked(annotation: object) -> object:
    """What a secret is without that: `str` for `Secret[str]`."""
    if annotation is Secret or get_origin(annotation) is Secret:
        return (*get_args(annotation), Any)[0]
    return annotation


def secret_parameters(function: Callable[..., object]) -> frozenset[str]:
    """The parameters that are annotated as secret."""
    found: Mapping[str, object] = getattr(inspect.unwrap(function), "__annotations__", {})
    return frozenset(name for name, annotation in found.items() if marks_secret(annotation))


def _sealed(value: object) -> bytes:
    from wf_jupyter.values.codec import encode_bytes
    from wf_jupyter.values.sealing import seal

    return seal(encode_bytes(value))


def _plain(sealed: bytes) -> object:
    from wf_jupyter.values.codec import decode
    from wf_jupyter.values.sealing import unseal

    return decode(unseal(sealed))


def _secret(sealed: bytes) -> object:
    return secret(_plain(sealed))
