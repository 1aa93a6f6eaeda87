"""`__main__` of a worker stands for the notebook's: what a task defines or uses from there is found in it by name.

Functions and classes of a notebook come by value. `pickle` sends them by name, though, and looks them up in
`__main__`; so this module answers with those of the attempt that runs. To another process nothing goes by
name: a child of `multiprocessing` that is not forked has a `__main__` of its own, so its pickler sends them by
value, and the child installs the same as it receives the first one.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from types import FunctionType, ModuleType
from typing import Any

from wf_jupyter.executors.worker.attempt.codes import scopes
from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.values.code import Code
from wf_jupyter.values.codec import decode, encode_bytes

_functions: ContextVar[list[Any]] = ContextVar("wf_jupyter_main")
#: For threads, which have a context of their own: those that were entered last.
_latest: list[Any] = []


def enter(code: Code, arguments: Iterable[object]) -> None:
    """Let `__main__` answer with the names that a task's function sees, and with functions that it is given."""
    global _latest
    _latest = [code.function, *[given for given in arguments if type(given) is FunctionType]]
    _functions.set(_latest)


def install(watch: ImportWatch) -> None:
    """Take over the `__main__` of this process and the pickler of `multiprocessing`."""
    sys.modules["__main__"].__getattr__ = _find  # type: ignore[method-assign]
    watch.on_import("multiprocessing.reduction", send_by_value)


def _find(name: str) -> Any:
    # Not its `__file__`: a child that is not forked would run the user's script again.
    if not name.startswith("__"):
        functions = _functions.get(_latest)
        for scope in (scope for function in functions for scope in scopes(function)):
            if name in scope:
                return scope[name]
        for function in functions:
            if getattr(function, "__name__", "") == name:
                return function
        for kind in _classes():
            if kind.__module__ == "__main__" and kind.__qualname__ == name:
                return kind
    raise AttributeError(f"module '__main__' has no attribute {name!r}")


def _classes() -> list[type]:
    """The classes that came by value, newest first."""
    module = sys.modules.get("cloudpickle.cloudpickle")
    found = list(getattr(module, "_DYNAMIC_CLASS_TRACKER_BY_ID", {}).values())
    return found[::-1]


def send_by_value(reduction: ModuleType) -> None:
    """Let what `multiprocessing` pickles carry functions and classes of `__main__` by value."""
    if getattr(reduction.ForkingPickler, "reducer_override", None) is None:
        reduction.ForkingPickler.reducer_override = _reduce


def _reduce(pickler: pickle.Pickler, obj: Any) -> Any:
    if isinstance(obj, type | FunctionType) and obj.__module__ == "__main__":
        return receive, (encode_bytes(obj),)
    return NotImplemented


def receive(data: bytes) -> Any:
    """The object that was sent by value; what this process sends back goes the same way."""
    from multiprocessing import reduction

    send_by_value(reduction)
    main = sys.modules["__main__"]
    if not hasattr(main, "__getattr__"):
        main.__getattr__ = _find  # type: ignore[method-assign]
    return decode(data)
