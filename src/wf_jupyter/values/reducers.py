"""Reducers for objects of a notebook that `cloudpickle` pickles by a name, which a worker does not have, or not at all.

Generators of random numbers that belong to a module are pickled by name: a copy of their state would give each
task the same numbers. Locks are left alone: one that is copied protects nothing, and the error says so.
"""

from __future__ import annotations

import contextvars
import functools
import gc
import random
import sys
import types
import typing
import weakref
from collections.abc import Callable
from typing import Any
from uuid import uuid4

_NOTHING = "nothing"  # what stands for a default or a value that is not there


def reducers() -> dict[type, Callable[[Any], object]]:
    """For the dispatch table of a pickler."""
    numpy = sys.modules.get("numpy.random.mtrand")
    if numpy is not None and numpy.RandomState not in _REDUCERS:
        _REDUCERS[numpy.RandomState] = _reduce_numpy
    return _REDUCERS


def is_importable(obj: Any) -> bool:
    """Whether another process finds the object by its module and name."""
    name = getattr(obj, "__module__", None)
    if name is None or name == "__main__" or name in _by_value():
        return False
    found: Any = sys.modules.get(name)
    for part in getattr(obj, "__qualname__", obj.__name__).split("."):
        found = getattr(found, part, None)
    return found is obj


def _by_value() -> set[str]:
    import cloudpickle

    modules: set[str] = cloudpickle.list_registry_pickle_by_value()
    return modules


# -- functions with a cache ---------------------------------------------------------------------------


def _reduce_cached(function: Any) -> object:
    if is_importable(function):
        return function.__reduce__()
    # In two steps, as a recursive function holds itself.
    parameters = function.cache_parameters()
    return _make_cached, (parameters["maxsize"], parameters["typed"]), function.__wrapped__, None, None, _fill_cached


def _make_cached(maxsize: int | None, typed: bool) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return cached.__wrapped__(*args, **kwargs)

    cached = functools.lru_cache(maxsize, typed)(call)
    return cached


def _fill_cached(cached: Any, function: Callable[..., object]) -> None:
    functools.update_wrapper(cached, function)


def _reduce_property(found: Any) -> object:
    state = {name: value for name, value in vars(found).items() if name != "lock"}
    return type(found).__new__, (type(found),), state, None, None, _fill_property


def _fill_property(found: Any, state: dict[str, Any]) -> None:
    fresh = functools.cached_property(state["func"])
    vars(found).update({**vars(fresh), **state})


# -- variables and types ------------------------------------------------------------------------------

_identities: dict[contextvars.ContextVar[Any], str] = {}
_variables: dict[str, contextvars.ContextVar[Any]] = {}


def _reduce_variable(variable: contextvars.ContextVar[Any]) -> object:
    place = _place_of(variable)
    if place is not None:
        return getattr, place
    identity = _identities.setdefault(variable, uuid4().hex)
    _variables[identity] = variable
    try:
        default = contextvars.Context().run(variable.get)
    except LookupError:
        default = _NOTHING
    return _make_variable, (identity, variable.name, default, variable.get(_NOTHING))


def _place_of(obj: object) -> tuple[types.ModuleType, str] | None:
    """A module that can be imported, and the name under which it holds the object."""
    for name, module in list(sys.modules.items()):
        if module is not sys.modules["__main__"] and isinstance(module, types.ModuleType) and name not in _by_value():
            for key, value in list(vars(module).items()):
                if value is obj:
                    return module, key
    return None


def _make_variable(identity: str, name: str, default: Any, value: Any) -> contextvars.ContextVar[Any]:
    """The variable of that identity in this process, with the value that it had where it was pickled."""
    variable = _variables.get(identity)
    if variable is None:
        variable = (
            contextvars.ContextVar(name) if _is_nothing(default) else contextvars.ContextVar(name, default=default)
        )
        _variables[identity] = variable
        _identities[variable] = identity
    if not _is_nothing(value) and value is not default:
        variable.set(value)
    return variable


def _is_nothing(value: object) -> bool:
    return isinstance(value, str) and value == _NOTHING


def _reduce_new_type(kind: Any) -> object:
    if is_importable(kind):
        return kind.__reduce__()
    return _make_new_type, (kind.__name__, kind.__supertype__, kind.__module__, kind.__qualname__)


def _make_new_type(name: str, supertype: Any, module: str, qualname: str) -> Any:
    make: Any = typing.NewType
    kind = make(name, supertype)
    kind.__module__, kind.__qualname__ = module, qualname
    return kind


def _reduce_parameter(parameter: Any) -> object:
    if is_importable(parameter):
        return parameter.__reduce__()
    return type(parameter), (parameter.__name__,)


# -- containers ---------------------------------------------------------------------------------------


def _reduce_proxy(proxy: types.MappingProxyType[Any, Any]) -> object:
    (behind,) = gc.get_referents(proxy)  # as a proxy that follows its mapping, not as one of a copy
    return types.MappingProxyType, (behind,)


def _reduce_weak(container: Any) -> object:
    # In two steps, as the items may hold the container.
    items = list(container.items()) if hasattr(container, "items") else list(container)
    return type(container), (), items, None, None, _fill_weak


def _fill_weak(container: Any, items: list[Any]) -> None:
    container.update(items)


# -- random numbers -----------------------------------------------------------------------------------


def _reduce_random(generator: random.Random) -> object:
    if generator is random._inst:
        return getattr, (random, "_inst")
    return generator.__reduce_ex__(4)


def _reduce_numpy(generator: Any) -> object:
    mtrand = sys.modules["numpy.random.mtrand"]
    if generator is mtrand._rand:
        return getattr, (mtrand, "_rand")
    return generator.__reduce__()


_REDUCERS: dict[type, Callable[[Any], object]] = {
    functools._lru_cache_wrapper: _reduce_cached,
    functools.cached_property: _reduce_property,
    contextvars.ContextVar: _reduce_variable,
    typing.NewType: _reduce_new_type,
    typing.ParamSpec: _reduce_parameter,
    typing.TypeVarTuple: _reduce_parameter,
    types.MappingProxyType: _reduce_proxy,
    weakref.WeakKeyDictionary: _reduce_weak,
    weakref.WeakValueDictionary: _reduce_weak,
    weakref.WeakSet: _reduce_weak,
    random.Random: _reduce_random,
}
