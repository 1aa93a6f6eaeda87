"""Functions that a worker has loaded, and whether the next attempt may use them as they are.

A function that came by value brings its globals, defaults and closures along, and a task that changes them
would be seen by the next one. To load it anew costs some 100 µs, so it is loaded once when all that it
brings along is immutable and each attempt left it alone, which a comparison of a few names shows.
"""

from __future__ import annotations

import dis
import marshal
import mmap
import os
import sys
import tempfile
import types
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from wf_jupyter.model.keys import Digest
from wf_jupyter.values.code import Code, decode_code

_CODES = 512
#: Larger code, which holds data, is mapped from a file: loading it anew copies only what the task changes.
_MAPPED = 1 << 20
#: Plain containers up to this size, marshalled, are compared after each attempt.
_PLAIN_LIMIT = 4096
_MOST = 500

_IMMUTABLE = (
    *(type(None), bool, int, float, complex, str, bytes, range, slice, type(Ellipsis), type(NotImplemented)),
    *(types.ModuleType, types.BuiltinFunctionType, types.GenericAlias, types.UnionType),
    *(types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType),
)
#: Modules whose objects hold nothing that a task could change for another one, or are the process's own anyway.
_HARMLESS = frozenset(
    {"abc", "_abc", "collections.abc", "datetime", "decimal", "fractions", "logging", "pathlib", "re", "types"}
    | {"typing", "typing_extensions", "uuid", "zoneinfo"}
)


class Loaded:
    """A function with what it brings along, as it was when it was loaded."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.is_constant = True
        self._stores = False
        self._names: list[tuple[Mapping[str, Any], dict[str, Any]]] = []
        self._cells: list[tuple[Any, object]] = []
        self._plain: list[tuple[Any, bytes]] = []
        self._defaults: list[tuple[Any, object, object]] = []
        self._seen: set[int] = set()
        for value in (code.function, *code.retry_on):
            self._look(value)

    @property
    def is_shareable(self) -> bool:
        """Whether attempts may use it at the same time: there is nothing that its own code would change."""
        return self.is_constant and not self._plain and not self._stores

    def is_unchanged(self) -> bool:
        """Whether the attempts so far left it as it was."""
        try:
            return (
                all(names == kept for names, kept in self._names)
                and all(cell.cell_contents is kept for cell, kept in self._cells)
                and all(f.__defaults__ is kept and f.__kwdefaults__ is named for f, kept, named in self._defaults)
                and all(marshal.dumps(value, 2) == kept for value, kept in self._plain)
            )
        except Exception:  # whatever cannot be compared has changed
            return False

    def _look(self, value: Any) -> None:
        if not self.is_constant or isinstance(value, _IMMUTABLE) or id(value) in self._seen:
            return
        self._seen.add(id(value))
        kind = type(value)
        if len(self._seen) > _MOST:
            self.is_constant = False
        elif kind in (tuple, frozenset):
            for item in value:
                self._look(item)
        elif kind in (list, dict, set):
            self._look_at_plain(value)
        elif kind is types.FunctionType:
            if not _is_imported(value):
                self._look_at_function(value)
        elif kind in (types.MethodType, staticmethod, classmethod):
            self._look(value.__func__)
            self._look(getattr(value, "__self__", None))
        elif kind is property:
            for function in (value.fget, value.fset, value.fdel):
                self._look(function)
        elif isinstance(value, type):
            if not _is_imported(value):
                self._look_at_names(vars(value))
                for base in value.__bases__:
                    self._look(base)
        elif kind.__module__ in _HARMLESS:
            pass
        elif kind.__module__.startswith("wf_jupyter."):
            self._look(getattr(value, "__wrapped__", None) or getattr(value, "function", None))
        else:
            self.is_constant = False

    def _look_at_plain(self, value: Any) -> None:
        try:
            data = marshal.dumps(value, 2)
        except ValueError:
            data = b""
        if not data or len(data) > _PLAIN_LIMIT:
            self.is_constant = False
        else:
            self._plain.append((value, data))

    def _look_at_function(self, function: Any) -> None:
        self._stores = self._stores or not _STORES.isdisjoint(function.__code__.co_code[::2])
        if id(function.__globals__) not in self._seen:
            self._seen.add(id(function.__globals__))
            self._look_at_names(function.__globals__)
        self._names.append((function.__dict__, dict(function.__dict__)))
        self._defaults.append((function, function.__defaults__, function.__kwdefaults__))
        wrapped = function.__dict__.get("__wrapped__")
        for value in (wrapped, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._look(value)
        for cell in function.__closure__ or ():
            try:
                self._cells.append((cell, cell.cell_contents))
            except ValueError:
                continue
            self._look(cell.cell_contents)

    def _look_at_names(self, names: Mapping[str, Any]) -> None:
        self._names.append((names, dict(names)))
        for name, value in list(names.items()):
            if name not in _UNINTERESTING:
                self._look(value)


_STORES = {dis.opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "STORE_ATTR")}
_UNINTERESTING = frozenset({"__builtins__", "__dict__", "__weakref__", "__doc__", "__annotations__", "__match_args__"})


def _is_imported(value: Any) -> bool:
    """Whether a function or class is that of an imported module, and did not come by value."""
    found: Any = sys.modules.get(value.__module__)
    if found is None or value.__module__ == "__main__":
        return False
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value


class Codes:
    """The functions loaded before, most recently used last."""

    def __init__(self) -> None:
        self._known: OrderedDict[Digest, Loaded] = OrderedDict()
        self._files: dict[Digest, int] = {}

    def load(self, digest: Digest, data: bytes, *, alone: bool = True) -> Code:
        """The code behind a blob, as it would be in a fresh process; `alone`: no other attempt runs meanwhile."""
        known = self._known.pop(digest, None)
        if known is None or not (known.is_constant if alone else known.is_shareable) or not known.is_unchanged():
            known = Loaded(decode_code(self._buffer(digest, data)))
        self._known[digest] = known
        if len(self._known) > _CODES:
            self._forget(next(iter(self._known)))
        return known.code

    def _buffer(self, digest: Digest, data: bytes) -> Any:
        if len(data) < _MAPPED:
            return data
        if digest not in self._files:
            with tempfile.TemporaryFile() as file:
                file.write(data)
                file.flush()
                self._files[digest] = os.dup(file.fileno())
        return memoryview(mmap.mmap(self._files[digest], 0, access=mmap.ACCESS_COPY))

    def _forget(self, digest: Digest) -> None:
        del self._known[digest]
        file = self._files.pop(digest, None)
        if file is not None:
            os.close(file)


def scopes(function: object) -> Iterator[dict[str, Any]]:
    """The globals of the functions of the notebook that a function consists of."""
    pending, seen = [function], 0
    while pending and seen < _MOST:
        value: Any = pending.pop()
        seen += 1
        if isinstance(value, types.MethodType | staticmethod | classmethod):
            pending.append(value.__func__)
        elif isinstance(value, types.FunctionType):
            if value.__module__ == "__main__":
                yield value.__globals__
                return
            pending += [cell.cell_contents for cell in value.__closure__ or () if _is_full(cell)]
            pending += [value.__wrapped__] if hasattr(value, "__wrapped__") else []


def _is_full(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
