"""State of the user's modules that a task can change: names, and what stands behind them, three levels deep.

A module is imported once in a process, so a counter, a list or a class attribute in it would carry on from
one attempt to the next. Looked at are the names of the module, containers, the attributes of its classes, of its
functions and of instances of the user's classes, closures, and objects of libraries (`object_state`). Not seen is
what is deeper, and what is in containers of more than `_LARGE` items. The contents of `functools.cache` stay: that
is how a module says what may be kept from one task to the next.
"""

from __future__ import annotations

import gc
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import CellType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.executors.worker.isolation.leftovers import is_users
from wf_jupyter.executors.worker.isolation.object_state import Objects
from wf_jupyter.executors.worker.isolation.process_state import Aspect, differ, put_back

_DEPTH = 3
_LARGE = 1000
_MOST = 5000
_CONTAINERS = (list, dict, set, deque, OrderedDict, defaultdict, Counter, bytearray)
_HOLDERS = (type, FunctionType, *_CONTAINERS)


class UserModules:
    """The mutable things behind the user's modules of this process, by their ids."""

    def __init__(self, watch: ImportWatch) -> None:
        self._executed = watch.executed
        self._names: dict[int, Any] = {}
        self._dicts: list[dict[Any, Any]] = []
        self._classes: dict[int, type] = {}
        self._held: dict[int, Any] = {}
        self._objects = Objects()

    def aspects(self) -> tuple[Aspect, ...]:
        """For the table; to be read in this order."""
        names = Aspect("modules of the user's", self._find, self._restore, _keep, dicts=lambda: self._dicts)
        held = Aspect("what modules of the user's hold", lambda: self._held, self._restore, _keep)
        return names, held, self._objects.aspect()

    def _find(self) -> dict[int, Any]:
        """The namespaces of modules, classes and functions; with those of modules that came since the last look."""
        while self._executed:
            module = self._executed.pop()
            if is_users(module.__name__) and module.__name__ != "__main__":
                self._add_names(vars(module), vars(module), module, _DEPTH)
        return self._names

    def _restore(self, kept: dict[int, Any]) -> None:
        for key, was in kept.items():
            live = self._names[key] if key in self._names else self._held[key]
            if differ(partial(_identity, live), was):
                owner = self._classes.get(key)
                if owner is not None:
                    _put_back_attributes(owner, was)
                else:
                    _put_back(live, was)
                kept[key] = live.copy()  # names that Python itself adds stay

    def _add_names(self, holder: object, names: Any, module: ModuleType, depth: int) -> None:
        if id(holder) not in self._names and len(self._names) < _MOST:
            self._names[id(holder)] = names
            # Of a class it is a dict behind a proxy.
            self._dicts += [names] if isinstance(names, dict) else gc.get_referents(names)
            self._look(names, module, depth)

    def _add(self, holder: Any, module: ModuleType, depth: int) -> None:
        if isinstance(holder, type):
            self._classes[id(holder)] = holder
            self._add_names(holder, vars(holder), module, depth)
        elif isinstance(holder, FunctionType):
            self._add_names(holder.__dict__, holder.__dict__, module, depth)
        elif id(holder) not in self._held and len(self._held) < _MOST:
            self._held[id(holder)] = holder
            self._look(holder, module, depth)

    def _look(self, holder: Any, module: ModuleType, depth: int) -> None:
        for value in tuple(_values(holder)) if depth else ():
            for behind in _behind(value, module):
                if isinstance(behind, _HOLDERS):
                    self._add(behind, module, depth - 1)
                else:
                    self._objects.add(behind)


def _identity(value: Any) -> Any:
    return value


def _keep(live: dict[int, Any]) -> dict[int, Any]:
    return {key: holder.copy() for key, holder in live.items()}


def _values(holder: Any) -> Iterable[Any]:
    if isinstance(holder, Mapping):
        return [value for name, value in holder.items() if not _is_pythons(name)]
    return () if isinstance(holder, bytearray) else holder


def _behind(value: Any, module: ModuleType) -> Iterator[Any]:
    """Mutable parts of a value: containers, classes, cells, and objects of libraries."""
    kind = type(value)
    if kind in _CONTAINERS:
        if len(value) <= _LARGE:
            yield value
    elif kind in (staticmethod, classmethod):
        yield from _behind(value.__func__, module)
    elif kind is FunctionType:
        if is_users(value.__module__):
            yield value
            for default in value.__defaults__ or ():
                yield from _behind(default, module)
            yield from [value.__kwdefaults__] if value.__kwdefaults__ else []
            yield from value.__closure__ or ()
    elif isinstance(value, type):
        if value.__module__ == module.__name__:
            yield value
    elif kind is CellType or kind.__module__ == "builtins" or isinstance(value, ModuleType):
        return
    elif isinstance(getattr(value, "__dict__", None), dict) and (kind is SimpleNamespace or is_users(kind.__module__)):
        yield value.__dict__
    else:
        yield value


def _put_back(holder: Any, was: Any) -> None:
    if isinstance(holder, dict) and "__spec__" in was:  # a module, to whose names Python adds some of its own
        put_back(holder, {**{key: value for key, value in holder.items() if _is_pythons(key)}, **was})
    elif isinstance(holder, list | bytearray):
        holder[:] = was
    else:
        holder.clear()
        (holder.extend if isinstance(holder, deque) else holder.update)(was)


def _put_back_attributes(kind: type, was: Mapping[str, Any]) -> None:
    for name, value in dict(vars(kind)).items():
        if _is_pythons(name):
            continue
        if name not in was:
            delattr(kind, name)
        elif was[name] is not value:
            setattr(kind, name, was[name])
    for name in was:
        if name not in vars(kind) and not _is_pythons(name):
            setattr(kind, name, was[name])


def _is_pythons(name: object) -> bool:
    return isinstance(name, str) and name.startswith("__") and name.endswith("__")
