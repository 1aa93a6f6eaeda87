"""A task called again where its author is: its code and its values as objects, and the debugger at its failure.

One of the places that unpickle values, in the user's own process.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from wf_jupyter import context
from wf_jupyter.dsl.calls import AdaptedCall
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.draft import ABSENT
from wf_jupyter.protocol.task_call import TaskCall
from wf_jupyter.values.code import decode_code
from wf_jupyter.values.coroutines import complete
from wf_jupyter.values.inputs import load_arguments
from wf_jupyter.values.sources import label_of

#: Where frames come from that stand between `debug` and the author's function.
_BETWEEN = (str(Path(__file__).parents[1]), str(Path(asyncio.__file__).parent))


@dataclass(frozen=True)
class LoadedCall:
    """A task's function with the arguments that it was called with."""

    execution: str
    task_call: TaskCall
    function: Callable[..., object]
    args: tuple[object, ...]
    kwargs: dict[str, object]

    def arguments(self) -> dict[str, Any]:
        """The values by parameter name; `*args` is one tuple, `**kwargs` one dict."""
        function, args, kwargs = self.function, self.args, dict(self.kwargs)
        if isinstance(function, AdaptedCall):
            args = (*args, *(kwargs.pop(name) for name in function.positional))
            function = function.function
        try:
            bound = inspect.signature(function).bind(*args, **kwargs)
        except (TypeError, ValueError):  # no signature, as some functions of C
            return {"args": args, "kwargs": kwargs}
        return {name: None if value is ABSENT else value for name, value in bound.arguments.items()}

    def call(self) -> Any:
        """Call the function, an `async def` one to its end; returns and raises what it does."""
        return contextvars.copy_context().run(self._call)

    def _call(self) -> object:
        task_call = self.task_call
        running = context.TaskContext(
            self.execution, task_call.task, task_call.name, max(1, task_call.attempt), task_call.index
        )
        context.active.set(running)
        value = self.function(*self.args, **self.kwargs)
        return complete(value) if inspect.iscoroutine(value) else value


def load_call(execution: str, task_call: TaskCall) -> LoadedCall:
    """The objects behind a call; `StateConflict` names what cannot be loaded in this process."""
    try:
        function = decode_code(task_call.code).function
    except Exception as error:  # unpickling runs any code
        raise _unusable(f"the code of task {task_call.task!r} cannot be loaded here", error) from error
    try:
        args, kwargs = load_arguments(task_call.call, task_call.inputs, task_call.over)
    except Exception as error:
        raise _unusable(f"an input of task {task_call.task!r} cannot be loaded here", error) from error
    return LoadedCall(execution, task_call, function, tuple(args), kwargs)


def debug(loaded: LoadedCall) -> Any:
    """Call, and when that raises, print the traceback and open the debugger at the line that raised.

    Returns what the call returned, or None when the debugger was left.
    """
    try:
        return loaded.call()
    except (Exception, SystemExit) as error:
        _examine(error, _from_the_author(error.__traceback__))
        return None


def _examine(error: BaseException, where: TracebackType | None) -> None:
    shell = _shell()
    if shell is None:
        import pdb
        import traceback

        traceback.print_exception(type(error), error, where)
        debugger = _naming_cells(pdb.Pdb)()
        debugger.reset()
        debugger.interaction(None, where)
        return
    shell.showtraceback((type(error), error, where))
    debugger = _naming_cells(shell.debugger_cls)()
    debugger.reset()
    debugger.interaction(None, where)


def _naming_cells(kind: Any) -> Any:
    """The debugger with `Cell In[7]` where it would show the name that the cell was compiled under."""

    class Debugger(kind):  # type: ignore[misc]
        def format_stack_entry(self, frame_lineno: Any, *args: Any, **kwargs: Any) -> Any:
            """The line that says where the debugger is, and the code there."""
            name = frame_lineno[0].f_code.co_filename
            return super().format_stack_entry(frame_lineno, *args, **kwargs).replace(name, label_of(name), 1)

    return Debugger


def _shell() -> Any:
    """The IPython that this process is a kernel or a terminal of."""
    module = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()


def _from_the_author(found: TracebackType | None) -> TracebackType | None:
    """The traceback from the author's first frame on."""
    rest = found
    while rest is not None and rest.tb_frame.f_code.co_filename.startswith(_BETWEEN):
        rest = rest.tb_next
    return rest or found


def _unusable(subject: str, error: Exception) -> StateConflict:
    return StateConflict(f"{subject}: {type(error).__name__}: {error}")
