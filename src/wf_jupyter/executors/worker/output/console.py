"""A worker's console, at which nobody sits; warnings and tracebacks name cells as IPython does.

Somebody who asks for input in a worker would wait for ever, or read an end of file that explains nothing
(`BdbQuit` from a debugger). So reading fails at once and says where the same works.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import traceback
import warnings
from typing import Any, NoReturn, TextIO

from wf_jupyter import context
from wf_jupyter.executors.worker.attempt.tracebacks import format_traceback
from wf_jupyter.executors.worker.output import stream as output
from wf_jupyter.values.sources import label_of

_format = warnings.formatwarning
_format_frame = traceback.StackSummary.format_frame_summary
_ASKING = {"cmd": "the debugger", "getpass": "getpass()"}
_DEFAULT_HOOKS = ("", "pdb.set_trace")


def install() -> None:
    """Put these in place, before each attempt, as the one before may have left others there."""
    if not isinstance(sys.stdin, Keyboard):
        sys.stdin = Keyboard(sys.stdin)
    if not isinstance(sys.breakpointhook, Breakpoint):
        sys.breakpointhook = Breakpoint(sys.breakpointhook)
    # Where they are in place already, setting them would look like a change.
    if warnings.formatwarning is not format_warning:
        warnings.formatwarning = format_warning
    if traceback.StackSummary.format_frame_summary is not format_frame:
        traceback.StackSummary.format_frame_summary = format_frame  # type: ignore[method-assign, assignment]
    if threading.excepthook is not report_thread:
        threading.excepthook = report_thread


class Keyboard(io.TextIOBase):
    """`sys.stdin` for tasks: reading it is an error. Whoever is no task reads from `through`."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, through: TextIO | None) -> None:
        super().__init__()
        self._through = through

    @property
    def name(self) -> str:
        return "<stdin>"

    @property
    def buffer(self) -> Any:
        """Bytes are not to be had either."""
        if self._through is None or output.current() is not None:
            return self
        return self._through.buffer

    def read(self, size: int | None = -1, /) -> str:
        return self._source("reading sys.stdin").read(-1 if size is None else size)

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        asking = sys._getframe(1).f_globals.get("__name__", "")
        return self._source(_ASKING.get(asking, "input()")).readline(size)

    def readlines(self, hint: int = -1, /) -> list[str]:  # type: ignore[override]
        return self._source("reading sys.stdin").readlines(hint)

    def __next__(self) -> str:  # type: ignore[override]
        return next(self._source("reading sys.stdin"))

    def fileno(self) -> int:
        return 0 if self._through is None else self._through.fileno()

    def isatty(self) -> bool:
        return False

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Stays open: the next task asks here too."""

    def _source(self, what: str) -> TextIO:
        if self._through is None or output.current() is not None:
            refuse(what)
        return self._through


class Breakpoint:
    """`sys.breakpointhook` for tasks; a debugger that `PYTHONBREAKPOINT` names is left to its user."""

    def __init__(self, through: Any) -> None:
        self._through = through

    def __call__(self, *args: object, **options: object) -> object:
        if output.current() is not None and os.environ.get("PYTHONBREAKPOINT", "") in _DEFAULT_HOOKS:
            refuse("breakpoint()")
        return self._through(*args, **options)


def refuse(what: str) -> NoReturn:
    """Raise the error that says where `what` works."""
    running = context.active.get()
    task = f'execution.tasks["{running.key}"]' if running is not None else "execution.tasks[...]"
    raise RuntimeError(
        f"{what} needs somebody at a keyboard, and a task runs in a worker, which has none. Run the workflow in this "
        f'process, where it works: workflow.with_options(executor="inline"); or look at a task that failed with '
        f"{task}.debug(). What a task is to know can be an argument."
    )


def format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """The text of a warning, as `warnings.formatwarning`, with cells by their numbers."""
    text, label = _format(message, category, filename, lineno, line), label_of(filename)
    if label == filename:
        return text
    place = f"{label}, line {lineno}" if label.startswith("Cell ") else f"{label}:{lineno}"
    return place + text.removeprefix(f"{filename}:{lineno}")


def format_frame(
    stack: traceback.StackSummary, frame_summary: traceback.FrameSummary, /, *args: Any, **options: Any
) -> str:
    """The text of a frame, as `StackSummary.format_frame_summary`, with cells by their numbers.

    All that formats a traceback goes through here: `logging.exception`, `traceback.print_exc`, pools.
    """
    text, name = _format_frame(stack, frame_summary, *args, **options), frame_summary.filename
    label = label_of(name)
    if label == name:
        return text
    place = f"{label}, line" if label.startswith("Cell ") else f'File "{label}", line'
    return text.replace(f'File "{name}", line', place, 1)


def report_thread(args: threading.ExceptHookArgs) -> None:
    """Print the traceback of a thread's exception, as `threading.excepthook`, which reads no lines of cells."""
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        name = "?" if args.thread is None else args.thread.name
        sys.stderr.write(f"Exception in thread {name}:\n{format_traceback(args.exc_value)}")
