"""Classes of a notebook that cloudpickle makes anew without what their instances need: slots, and fields of a Struct.

It makes a class with an empty body and fills it afterwards, as methods may refer to their class. But slots and the
fields of a `msgspec.Struct` count only while a class is made, so these are given to it then.
"""

from __future__ import annotations

import inspect
import types
from typing import Any

import msgspec

_STRUCT = type(msgspec.Struct)
_CONFIG = ("frozen", "eq", "order", "array_like", "gc", "repr_omit_defaults", "omit_defaults", "forbid_unknown_fields")
_MORE_CONFIG = ("weakref", "dict", "cache_hash", "tag", "tag_field")
_FILLED = (types.FunctionType, classmethod, staticmethod, property)


def reduce_class(kind: Any, reduced: Any) -> Any:
    """Complete cloudpickle's reduction of a class that goes by value."""
    if not isinstance(reduced, tuple) or len(reduced) != 6:
        return reduced
    make, given, state, _, _, fill = reduced
    if isinstance(kind, _STRUCT):
        own = {name: value for name, value in state[0].items() if isinstance(value, _FILLED)}
        return make_struct, _struct_arguments(kind, given), (own, {}), None, None, fill
    slots = vars(kind).get("__slots__")
    # Empty ones add nothing, and a NamedTuple refuses to be given them.
    if not slots or len(given) < 4 or "__slots__" in given[3]:
        return reduced
    body = {name: value for name, value in state[0].items() if not isinstance(value, types.MemberDescriptorType)}
    body.pop("__slots__", None)
    namespace = {**given[3], "__slots__": slots}
    return make, (*given[:3], namespace, *given[4:]), (body, *state[1:]), None, None, fill


def _struct_arguments(kind: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    names = kind.__struct_fields__
    defaults: dict[str, Any] = {}
    given_defaults = kind.__struct_defaults__
    for name, default in zip(names[len(names) - len(given_defaults) :], given_defaults, strict=True):
        if type(default).__name__ == "Factory":
            defaults[name] = ("factory", default.factory)
        elif default is not msgspec.NODEFAULT:
            defaults[name] = ("value", default)
    own = inspect.get_annotations(kind)
    config = kind.__struct_config__
    options = {name: getattr(config, name) for name in (*_CONFIG, *_MORE_CONFIG) if hasattr(config, name)}
    parameters = inspect.signature(kind).parameters
    kinds = {parameters[name].kind for name in own if name in parameters}
    options["kw_only"] = inspect.Parameter.KEYWORD_ONLY in kinds
    renamed = zip(names, kind.__struct_encode_fields__, strict=True)
    options["rename"] = {name: there for name, there in renamed if name in own}
    body = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return kind.__name__, kind.__bases__, body, own, {n: d for n, d in defaults.items() if n in own}, options, given[4]


def make_struct(
    name: str,
    bases: tuple[type, ...],
    body: dict[str, Any],
    annotations: dict[str, Any],
    defaults: dict[str, Any],
    options: dict[str, Any],
    identity: str | None,
) -> Any:
    """A Struct with these fields, or the one that this process made of it, or knows it as, before."""
    from cloudpickle import cloudpickle

    fields = {
        field: msgspec.field(default_factory=value) if how == "factory" else value
        for field, (how, value) in defaults.items()
    }
    metaclass: Any = _STRUCT
    made = metaclass(name, bases, {**body, "__annotations__": annotations, **fields}, **options)
    return cloudpickle._lookup_class_or_track(identity, made)
