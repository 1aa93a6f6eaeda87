"""Set-up of logging, warnings and libraries in the submitting process: it travels with the code, for tasks to find.

A handler is an open file or a stream, so what travels is a description of it. One that writes to standard output
or error becomes one that writes into the task's log; one that writes to a file appends to that file; one of
another kind, such as `RichHandler`, becomes one on standard error. Handlers that keep records in memory do not travel.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from dataclasses import dataclass
from typing import Any

from wf_jupyter.values.library_options import Option, read_options

_STREAMS = ("stdout", "stderr")
#: What `sys.argv` holds in a kernel says nothing about the notebook.
_KERNEL = "ipykernel_launcher"


@dataclass(frozen=True)
class HandlerSetup:
    """A handler: `target` is `stdout`, `stderr`, a file's path, or empty for one that drops everything."""

    target: str
    level: int
    formatter: bytes | None
    filters: bytes | None


@dataclass(frozen=True)
class LoggerSetup:
    """Settings of one logger."""

    level: int
    propagate: bool
    disabled: bool
    handlers: tuple[HandlerSetup, ...]


@dataclass(frozen=True)
class Setup:
    """Logging by name of the logger (empty for the root), filters with the names of their categories, arguments,
    options of libraries."""

    loggers: tuple[tuple[str, LoggerSetup], ...] = ()
    disabled: int = 0
    captures_warnings: bool = False
    filters: tuple[tuple[str, Any, tuple[str, str], Any, int], ...] = ()
    arguments: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()


def read_setup() -> Setup:
    """Read the set-up of this process."""
    manager = logging.root.manager
    named = [(name, logger) for name, logger in manager.loggerDict.items() if isinstance(logger, logging.Logger)]
    known = [("", _logger(logging.root)), *((name, _logger(logger)) for name, logger in sorted(named, key=_first))]
    return Setup(
        loggers=tuple((name, found) for name, found in known if found != _UNSET),
        disabled=manager.disable,
        captures_warnings=getattr(logging, "_warnings_showwarning", None) is not None,
        filters=tuple(
            (action, message, (category.__module__, category.__qualname__), module, line)
            for action, message, category, module, line in _filters()
        ),
        arguments=() if not sys.argv or _KERNEL in sys.argv[0] else tuple(sys.argv),
        options=read_options(),
    )


def _filters() -> list[tuple[str, Any, Any, Any, int]]:
    return list(warnings.filters)


_UNSET = LoggerSetup(logging.NOTSET, True, False, ())


def _first(pair: tuple[str, object]) -> str:
    return pair[0]


def _logger(logger: logging.Logger) -> LoggerSetup:
    handlers = tuple(found for handler in logger.handlers if (found := _handler(handler)) is not None)
    return LoggerSetup(logger.level, logger.propagate, logger.disabled, handlers)


def _handler(handler: logging.Handler) -> HandlerSetup | None:
    if isinstance(handler, logging.NullHandler):
        return None if not handler.filters else HandlerSetup("", handler.level, None, None)
    target = "stderr"
    if isinstance(handler, logging.FileHandler):
        target = handler.baseFilename
    elif isinstance(handler, logging.StreamHandler):
        stream = handler.stream
        target = _name_of(stream)
        if not target:
            return None
    formatter = None if handler.formatter is None else _pickle(handler.formatter)
    return HandlerSetup(target, handler.level, formatter, _pickle(handler.filters) if handler.filters else None)


def _name_of(stream: Any) -> str:
    for name in _STREAMS:
        if stream in (getattr(sys, name), getattr(sys, f"__{name}__")) or getattr(stream, "name", None) == f"<{name}>":
            return name
    # ipykernel replaces its streams when a kernel is started again in the same process.
    return getattr(stream, "name", "") if type(stream).__name__ == "OutStream" else ""


def _pickle(value: object) -> bytes | None:
    import cloudpickle

    with contextlib.suppress(Exception):  # of users' making: then records are shown as logging shows them by itself
        data: bytes = cloudpickle.dumps(value)
        return data
    return None
