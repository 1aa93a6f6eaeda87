"""Modules that this process has and a worker cannot import: named when something is sent, not when it arrives.

What is pickled by reference, such as a function of a module, is imported where it is unpickled. That fails for
a module that was loaded by its path (`spec_from_file_location`), made by hand, or found by an import hook of
the notebook's; or it finds another file of the same name, which is worse.
"""

from __future__ import annotations

import os
import pickletools
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from wf_jupyter.values.plain import HEAD

_STRINGS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
#: The program, and what C extensions share among themselves.
_NO_MODULES = ("__main__", "__mp_main__", "_cython_", "cython_runtime")
_GETS = ("BINGET", "LONG_BINGET")


class _Seen:
    """Findings so far, as long as imports look in the same places."""

    def __init__(self) -> None:
        self.setting: object = None
        self.reasons: dict[str, tuple[int, str | None]] = {}


_seen = _Seen()


def explain_module(blob: bytes, strange: Mapping[str, str]) -> str | None:
    """Explain what is wrong with one of the `strange_modules` in an encoded value, and what to do, or None."""
    if not any(name.encode() in blob for name in strange):
        return None
    try:
        names = set(_find_referred(blob[HEAD.size + 8 * HEAD.unpack_from(blob)[1] :]))
    except Exception:  # bytes that are kept elsewhere
        return None
    for name in sorted(names):
        for found in (name, name.partition(".")[0]):
            if found in strange:
                return f"it refers to the module {found!r}, {strange[found]}"
    return None


def strange_modules() -> dict[str, str]:
    """Modules of this process that are not what an import of their name gives elsewhere, with the reason."""
    setting = (tuple(sys.path), tuple(map(id, sys.meta_path)))
    if _seen.setting != setting:
        _seen.setting, _seen.reasons = setting, {}
    # Only what is new is looked at: a kernel has some 2,000 modules, which take 15 ms.
    for name, module in list(sys.modules.items()):
        if name not in _seen.reasons or _seen.reasons[name][0] != id(module):
            _seen.reasons[name] = id(module), _strangeness(name, module)
    return {name: reason for name, (_, reason) in _seen.reasons.items() if reason is not None}


def _strangeness(name: str, module: Any) -> str | None:
    if name.startswith(_NO_MODULES) or not isinstance(module, ModuleType):
        return None
    path = getattr(module, "__file__", None)
    if isinstance(path, str) and path.startswith(_INSTALLED):
        return None
    parent = sys.modules.get(name.rpartition(".")[0])
    if parent is not None and (path is None or path.startswith(tuple(getattr(parent, "__path__", ())))):
        return None  # a part of its package
    origin = _origin(name, getattr(parent, "__path__", None))
    if origin is None or (isinstance(path, str) and origin and not _is_same(path, origin)):
        return _explain_strangeness(name, path, origin)
    return None


def _origin(name: str, places: Any) -> str | None:
    """Where an import finds the module: a path, "" for one without a file, or None."""
    for finder in sys.meta_path:
        if type(finder).__module__ == "__main__" or getattr(finder, "__module__", None) == "__main__":
            continue  # a worker has no import hooks of the notebook's
        try:
            spec = finder.find_spec(name, places, None)
        except Exception:  # a finder of somebody's may do anything
            return ""
        if spec is not None:
            if not spec.has_location:  # built into the interpreter, or a folder without a file
                return ""
            return None if str(spec.origin).endswith(".ipynb") else spec.origin
    return None


def _is_same(path: str, other: str) -> bool:
    return os.path.realpath(path).removesuffix("c") == os.path.realpath(other).removesuffix("c")


def _explain_strangeness(name: str, path: object, origin: str | None) -> str:
    send = f"or send it along: cloudpickle.register_pickle_by_value(sys.modules[{name!r}])"
    if not isinstance(path, str):
        return f"which exists in this process only. Put it into a file that workers can import, {send}"
    elsewhere = "no module of that name" if origin is None else f"{origin} by that name"
    return (
        f"which was loaded from {path}, where a worker finds {elsewhere}. Put its folder first on sys.path and "
        f"import it, {send}"
    )


def _find_referred(pickled: bytes) -> Iterator[str]:
    """The modules that a pickle names when it refers to something by its name."""
    recent, memo, top = ["", ""], dict[Any, str | object](), None
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "MEMOIZE":
            memo[len(memo)] = top
            continue
        before, top = top, argument if opcode.name in _STRINGS else memo.get(argument) if opcode.name in _GETS else None
        if isinstance(top, str):
            recent = [recent[-1], top]
            if before is _IMPORTER:
                yield top
        elif opcode.name == "STACK_GLOBAL":
            yield recent[0]
            top = _IMPORTER if recent[1] == "subimport" else None


#: Stands for cloudpickle's function that imports a module.
_IMPORTER = object()
_INSTALLED = tuple(os.path.join(folder, "") for folder in sorted(set(sysconfig.get_paths().values())))
