"""Sets a worker's logging, warning filters, arguments and options up as the submitting process had them."""

from __future__ import annotations

import contextlib
import logging
import pickle
import sys
import warnings
from typing import Any

from wf_jupyter.executors.worker.isolation.aspects import forget_shown_warnings
from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.values.library_options import Option, set_option
from wf_jupyter.values.setup import HandlerSetup, Setup


class SetupKeeper:
    """Applies the set-up of attempts where it differs from that of the one before."""

    def __init__(self, watch: ImportWatch) -> None:
        self.present = Setup()
        self._own_filters = list(warnings.filters)
        self._arguments = list(sys.argv)
        #: What options were before, to be set again when the next attempt does not ask for them.
        self._earlier: list[Option] = []
        for library in ("pandas", "matplotlib"):
            watch.on_import(library, lambda module: self._set_options(module.__name__))

    def apply(self, setup: Setup) -> None:
        """Make this process so; what is not mentioned is as in a process where nothing was set."""
        _set_loggers(setup, self.present)
        logging.disable(setup.disabled)
        logging.captureWarnings(setup.captures_warnings)
        if setup.filters:
            given = [(action, message, _category(*names), *rest) for action, message, names, *rest in setup.filters]
            warnings.filters[:] = given + [one for one in self._own_filters if one not in given]  # type: ignore[index]
            forget_shown_warnings()
        sys.argv[:] = setup.arguments or self._arguments
        for option in reversed(self._earlier):
            set_option(option)
        self._earlier.clear()
        self.present = setup
        for library in ("pandas", "matplotlib"):
            self._set_options(library)

    def _set_options(self, library: str) -> None:
        """Set those of a library; of one that is not imported yet, when it is."""
        if library in sys.modules:
            for option in self.present.options:
                if option[0] == library and (before := set_option(option)) is not None:
                    self._earlier.append(before)


def _set_loggers(setup: Setup, before: Setup) -> None:
    for name in {name for name, _ in before.loggers} - {name for name, _ in setup.loggers}:
        logger = logging.getLogger(name or None)
        logger.setLevel(logging.WARNING if logger is logging.root else logging.NOTSET)
        logger.propagate, logger.disabled = True, False
        logger.handlers[:] = []
    for name, wanted in setup.loggers:
        logger = logging.getLogger(name or None)
        logger.setLevel(wanted.level)
        logger.propagate, logger.disabled = wanted.propagate, wanted.disabled
        logger.handlers[:] = [_handler(handler) for handler in wanted.handlers]


def _handler(wanted: HandlerSetup) -> logging.Handler:
    handler: logging.Handler
    if wanted.target in ("stdout", "stderr"):
        handler = logging.StreamHandler(getattr(sys, wanted.target))
    elif wanted.target:
        handler = logging.FileHandler(wanted.target, mode="a", delay=True)
    else:
        handler = logging.NullHandler()
    handler.setLevel(wanted.level)
    with contextlib.suppress(Exception):  # what a library made and this process cannot load
        if wanted.formatter is not None:
            handler.setFormatter(pickle.loads(wanted.formatter))
        if wanted.filters is not None:
            handler.filters[:] = pickle.loads(wanted.filters)
    return handler


def _category(module: str, name: str) -> type[Warning]:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and issubclass(found, Warning):
        return found
    named: Any = _Named(name, (Warning,), {"__module__": module, "__qualname__": name})
    return named  # type: ignore[no-any-return]


class _Named(type):
    """A class of warnings that is not imported here: subclasses are known by names."""

    def __subclasscheck__(cls, other: type) -> bool:
        return any((kind.__module__, kind.__qualname__) == (cls.__module__, cls.__qualname__) for kind in other.__mro__)
