"""Functions that a task registers with `atexit` run at the end of its attempt, as if its process ended there."""

from __future__ import annotations

import atexit
import sys
import traceback
from collections.abc import Callable
from typing import Any

from wf_jupyter.executors.worker.isolation.leftovers import is_users
from wf_jupyter.executors.worker.output import stream as output

_Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class ExitFunctions:
    """Exit functions of the attempts of this process. What libraries register stays with `atexit`."""

    def __init__(self) -> None:
        self._registered: dict[int, list[_Call]] = {}

    def install(self) -> None:
        """Take over `atexit.register` and `unregister`."""
        register, unregister = atexit.register, atexit.unregister

        def register_for_attempt(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Callable[..., Any]:
            sink = output.current()
            module = getattr(func, "__module__", None)
            if sink is None or not (module in (None, "builtins") or is_users(module)):
                return register(func, *args, **kwargs)
            self._registered.setdefault(id(sink), []).append((func, args, kwargs))
            return func

        def unregister_for_attempt(func: Callable[..., Any], /) -> None:
            unregister(func)
            for calls in self._registered.values():
                calls[:] = [call for call in calls if call[0] != func]

        for name, function in (("register", register_for_attempt), ("unregister", unregister_for_attempt)):
            function.__name__ = function.__qualname__ = name
            function.__module__ = "atexit"
            setattr(atexit, name, function)

    def run(self, sink: output.Output) -> None:
        """Call those of one attempt, the last one first; an error is printed, as Python does at its exit."""
        calls = self._registered.pop(id(sink), None)
        if calls is None:
            return
        speaking = output.speak_for(sink)
        try:
            for func, args, kwargs in reversed(calls):
                try:
                    func(*args, **kwargs)
                except BaseException:  # of users' making; SystemExit included, as at the exit of Python
                    sys.stderr.write("Error in a function called at exit:\n" + traceback.format_exc())
        finally:
            output.speak_no_more(speaking)
