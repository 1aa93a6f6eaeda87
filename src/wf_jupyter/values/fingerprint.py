"""What a function does, as a digest that is the same wherever the same function is defined.

The pickled code will not do as a cache key: it holds line numbers, the name of the cell's file and
whatever order a set happened to have. A fingerprint is made of byte code, constants, defaults,
closure, and everything that the code names: functions and classes of the user's own are followed,
the files of the user's own modules are read, installed packages count by name and version.
"""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from wf_jupyter.model.keys import Digest
from wf_jupyter.values.codec import encode_bytes

_INSTALLED = tuple({str(Path(path).resolve()) for path in sysconfig.get_paths().values()})


def fingerprint(function: Callable[..., object]) -> Digest | None:
    """The fingerprint, or None when something that the function uses cannot be compared with later versions."""
    walk = _Walk()
    try:
        walk.add(function)
    except Exception:
        # Any object of a user's may be reached, with any behaviour. No fingerprint: the pickled code decides.
        return None
    return Digest(walk.told.hexdigest())


class _Walk:
    """One pass over everything reachable, each object once."""

    def __init__(self) -> None:
        self.told = blake2b(digest_size=16)
        self._seen: dict[int, int] = {}
        self._kept: list[object] = []
        self._tell("python", *(str(part) for part in sys.version_info[:2]))

    def add(self, thing: object) -> None:
        if id(thing) in self._seen:
            self._tell("again", str(self._seen[id(thing)]))
            return
        match thing:
            case FunctionType():
                self._remember(thing)
                self._function(thing)
            case type():
                self._remember(thing)
                self._class(thing)
            case ModuleType():
                self._remember(thing)
                self._module(thing)
            case functools.partial():
                for part in (thing.func, thing.args, sorted(thing.keywords.items())):
                    self.add(part)
            case MethodType():
                self.add(thing.__func__)
                self.add(thing.__self__)
            case BuiltinFunctionType():
                self._tell("builtin", str(thing.__module__), thing.__qualname__)
            case CodeType():
                self._code(thing)
            case frozenset() | set():
                self._tell("set", *sorted(repr(item) for item in thing))
            case tuple() | list():
                self._tell(type(thing).__name__, str(len(thing)))
                for item in thing:
                    self.add(item)
            case _:
                wrapped = getattr(thing, "__wrapped__", None)
                if isinstance(wrapped, FunctionType):
                    self.add(wrapped)
                else:
                    self._tell("value", type(thing).__qualname__)
                    self.told.update(encode_bytes(thing))

    def _function(self, function: FunctionType) -> None:
        if _is_installed(function.__module__):
            self._tell("installed", *_version(function.__module__), function.__qualname__)
            return
        self._tell("function", function.__qualname__)
        self._code(function.__code__)
        self.add(function.__defaults__ or ())
        self.add(sorted((function.__kwdefaults__ or {}).items()))
        for cell in function.__closure__ or ():
            try:
                self.add(cell.cell_contents)
            except ValueError:
                self._tell("empty cell")
        for name in _globals_of(function.__code__):
            if name in function.__globals__:
                self._tell("global", name)
                self.add(function.__globals__[name])

    def _code(self, code: CodeType) -> None:
        self._tell("code", str(code.co_argcount), str(code.co_kwonlyargcount), str(code.co_flags), *code.co_names)
        self.told.update(code.co_code)
        for constant in code.co_consts:
            self.add(constant)

    def _class(self, kind: type) -> None:
        if _is_installed(kind.__module__):
            self._tell("installed", *_version(kind.__module__), kind.__qualname__)
            return
        self._tell("class", kind.__qualname__)
        for base in kind.__bases__:
            self.add(base)
        for name, value in sorted(vars(kind).items()):
            if name in ("__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__"):
                continue
            self._tell("member", name)
            self.add(inspect.unwrap(value) if callable(value) else getattr(value, "fget", None) or value)

    def _module(self, module: ModuleType) -> None:
        if _is_installed(module.__name__):
            self._tell("installed", *_version(module.__name__))
            return
        self._tell("module", module.__name__)
        source = getattr(module, "__file__", None)
        if source:
            self.told.update(Path(source).read_bytes())
        for name, value in sorted(vars(module).items()):
            # What a module of the user's imports from another of the user's changes what it does, too.
            origin = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(origin, str) and origin != module.__name__ and not _is_installed(origin):
                self._tell("imports", name)
                self.add(sys.modules.get(origin, origin))

    def _remember(self, thing: object) -> None:
        self._seen[id(thing)] = len(self._seen)
        self._kept.append(thing)  # an id is only unique while its object lives

    def _tell(self, *words: str) -> None:
        for word in words:
            data = word.encode(errors="surrogatepass")
            self.told.update(len(data).to_bytes(8, "little"))
            self.told.update(data)


def _globals_of(code: CodeType) -> Iterator[str]:
    yield from sorted(set(code.co_names))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)


@functools.lru_cache(maxsize=1024)
def _is_installed(name: str | None) -> bool:
    """Whether a module belongs to Python or to an installed package, and not to the user."""
    if not name or name in ("__main__", "__mp_main__"):
        return False
    top: Any = sys.modules.get(name.partition(".")[0])
    source = getattr(top, "__file__", None)
    if source is None:
        return not getattr(top, "__path__", None)
    return str(Path(source).resolve()).startswith(_INSTALLED)


@functools.lru_cache(maxsize=256)
def _version(name: str) -> tuple[str, str]:
    top = name.partition(".")[0]
    try:
        return name, importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:
        return name, str(getattr(sys.modules.get(top), "__version__", ""))
