"""Does a value fit an annotation? Used on a workflow's inputs, where a mistake is cheap to tell.

The check is for people, not a type system: it finds the `5` given for `list[str]`, accepts what
works in practice (numpy's numbers, an int for a float, a tuple or an array for a list), and lets
everything pass that it does not understand.
"""

from __future__ import annotations

import collections.abc
import numbers
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NewType, TypeVar, Union, get_args, get_origin

from wf_jupyter.model.draft import NodeRef
from wf_jupyter.model.secrecy import is_secret
from wf_jupyter.values.preview import text_of
from wf_jupyter.values.secret import Secret

#: Entries of one container that are looked at; the rest is taken on trust.
_LOOKED_AT = 10_000

_NUMBERS: Mapping[type, type] = {int: numbers.Integral, float: numbers.Real, complex: numbers.Complex}
_LISTS = (
    list,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Iterable,
    collections.abc.Collection,
)
_SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def mismatch(value: object, annotation: object, where: str) -> str | None:
    """None when `value` fits, else a text like `cities[1] must be str, not int`."""
    if annotation is Any or annotation is object or isinstance(value, NodeRef) or isinstance(annotation, TypeVar):
        return None
    if isinstance(annotation, NewType):
        return mismatch(value, annotation.__supertype__, where)
    if annotation is None or annotation is type(None):
        return None if value is None else _describe_mismatch(value, "None", where)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return mismatch(value, arguments[0], where)
    if origin is Union or origin is types.UnionType:
        fits = any(mismatch(value, choice, where) is None for choice in arguments)
        return None if fits else _describe_mismatch(value, describe_annotation(annotation), where)
    if origin is Literal:
        allowed = any(value is choice or (type(value) is type(choice) and value == choice) for choice in arguments)
        return None if allowed else f"{where} must be one of {', '.join(map(repr, arguments))}, not {_short(value)}"
    kind = origin or annotation
    if kind is Secret:
        return mismatch(value, arguments[0], where) if arguments else None
    if not isinstance(kind, type):
        return None
    return _class_mismatch(value, kind, annotation, where) or _entry_mismatch(value, kind, arguments, where)


def describe_annotation(annotation: object) -> str:
    """The annotation as people write it."""
    if isinstance(annotation, type) and not get_args(annotation):
        return "None" if annotation is type(None) else annotation.__name__
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join(describe_annotation(choice) for choice in get_args(annotation))
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")


def _class_mismatch(value: object, kind: type, annotation: object, where: str) -> str | None:
    try:
        fits = _is(value, kind)
    except TypeError:  # a protocol that does not support isinstance
        return None
    return None if fits else _describe_mismatch(value, describe_annotation(annotation), where)


def _is(value: object, kind: type) -> bool:
    if kind in _NUMBERS:
        wants_truth = isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")
        return isinstance(value, _NUMBERS[kind]) and not wants_truth
    if kind is bool:
        return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")
    if kind in _LISTS and not isinstance(value, str | bytes | Mapping):
        shape = getattr(value, "shape", None)
        return isinstance(value, (kind, tuple, range)) or (isinstance(shape, tuple) and len(shape) == 1)
    if kind is collections.abc.Iterable:
        return isinstance(value, kind)
    if kind in _LISTS:
        return False
    return isinstance(value, kind)


def _entry_mismatch(value: Any, kind: type, arguments: tuple[object, ...], where: str) -> str | None:
    if not arguments or isinstance(value, str | bytes):
        return None
    if kind in _MAPPINGS and len(arguments) == 2:
        for key, entry in _some(value.items()):
            if found := mismatch(key, arguments[0], f"a key of {where}"):
                return found
            if found := mismatch(entry, arguments[1], f"{where}[{text_of(key)}]"):
                hides = isinstance(key, str) and is_secret(key)
                return f"{where}[{text_of(key)}] must be {describe_annotation(arguments[1])}" if hides else found
    elif kind is tuple and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            return f"{where} must have {len(arguments)} entries, not {len(value)}"
        for index, (entry, wanted) in enumerate(zip(value, arguments, strict=True)):
            if found := mismatch(entry, wanted, f"{where}[{index}]"):
                return found
    elif kind in (tuple, *_LISTS, *_SETS) and isinstance(value, collections.abc.Collection):
        for index, entry in _some(enumerate(value)):
            name = f"an entry of {where}" if kind in _SETS else f"{where}[{index}]"
            if found := mismatch(entry, arguments[0], name):
                return found
    return None


def _some(entries: Any) -> Any:
    for _, entry in zip(range(_LOOKED_AT), entries):  # noqa: B905
        yield entry


def _describe_mismatch(value: object, wanted: str, where: str) -> str:
    return f"{where} must be {wanted}, not {_short(value)}"


def _short(value: object) -> str:
    kind = type(value).__name__
    if value is None:
        return "None"
    if not isinstance(value, str | int | float):
        return f"a {kind}"
    text = text_of(value)
    return f"the {kind} {text}" if len(text) <= 60 else f"a {kind}"
