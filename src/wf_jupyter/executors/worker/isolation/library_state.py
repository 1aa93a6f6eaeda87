"""State of libraries that keep settings for the whole process, for `process_state`.

Each entry exists once its module is imported, and costs nothing before.
"""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any

from wf_jupyter.executors.worker.isolation.aspects import noticing, seeds
from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.executors.worker.isolation.process_state import Aspect, CannotRestore, names_aspect, put_back

#: Modules whose functions and classes people replace: to count calls, to skip a check, to test.
_REPLACED = ("logging", "posixpath", "datetime", "json", "subprocess", "ssl", "urllib.request", "requests", "pandas")


def table(watch: ImportWatch, add: Callable[[Aspect], None]) -> list[Aspect]:
    """All entries; `add` is given one that can be made only when its library is there."""
    watch.on_import("numpy.random", lambda module: add(seeds(module, ("seed", "set_state"))))
    watch.on_import("torch", lambda module: add(seeds(module, ("manual_seed", "set_rng_state"))))
    return [
        _limits(),
        Aspect("loggers", _read_loggers, _set_loggers),
        _dict_of("logging", lambda m: m._levelToName, put_back),
        _dict_of("logging", lambda m: m._nameToLevel, put_back),
        _of("socket", lambda m: m.getdefaulttimeout(), lambda m, kept: m.setdefaulttimeout(kept)),
        _of("locale", lambda m: m._setlocale(m.LC_ALL, None), lambda m, kept: m.setlocale(m.LC_ALL, kept)),
        _name_of("tempfile", "tempdir"),
        _of(
            "multiprocessing.context",
            lambda m: m._default_context._actual_context,
            lambda m, kept: setattr(m._default_context, "_actual_context", kept),
        ),
        _name_of("asyncio.events", "_event_loop_policy"),
        _of("decimal", lambda m: m.DefaultContext.__reduce__(), lambda m, kept: _set_context(m.DefaultContext, kept)),
        _of("csv", lambda m: m.field_size_limit(), lambda m, kept: m.field_size_limit(kept)),
        _dict_of("copyreg", lambda m: m.dispatch_table, put_back),
        _dict_of("sqlite3.dbapi2", lambda m: m.adapters, put_back),
        _dict_of("sqlite3.dbapi2", lambda m: m.converters, put_back),
        *(names_aspect(name) for name in _REPLACED),
        _of("numpy", _read_numpy, _set_numpy),
        Aspect(
            *("pandas", _pandas_options, _set_pandas),
            module="pandas",
            dicts=lambda: [group for _, group in _pandas_groups()],
        ),
        _dict_of("matplotlib", lambda m: m.rcParams, put_back),
        _dict_of("matplotlib.units", lambda m: m.registry, put_back),
    ]


def _of(name: str, read: Callable[[Any], Any], restore: Callable[[Any, Any], object]) -> Aspect:
    return Aspect(name, lambda: read(sys.modules[name]), lambda kept: restore(sys.modules[name], kept), module=name)


def _dict_of(name: str, find: Callable[[Any], Any], restore: Callable[[Any, Any], object]) -> Aspect:
    def live() -> Any:
        return find(sys.modules[name])

    return Aspect(name, live, lambda kept: restore(live(), kept), dict, name, dicts=lambda: [live()])


def _name_of(name: str, attribute: str) -> Aspect:
    """A single name of a module."""

    def restore(kept: Any) -> None:
        setattr(sys.modules[name], attribute, kept)

    return Aspect(
        *(f"{name}.{attribute}", lambda: getattr(sys.modules[name], attribute, None), restore),
        module=name,
        dicts=lambda: [vars(sys.modules[name])],
    )


# -- logging ------------------------------------------------------------------------------------------


_FRESH = (logging.NOTSET, True, False)


def _read_loggers() -> list[Any]:
    manager = logging.root.manager
    found: list[Any] = [manager.disable, logging.raiseExceptions, logging.lastResort, logging.getLoggerClass()]
    for logger in (logging.root, *manager.loggerDict.values()):
        # One that was only asked for is as one that was not.
        if isinstance(logger, logging.Logger) and (
            logger.level or logger.handlers or logger.filters or logger.disabled or not logger.propagate
        ):
            handlers = [(h, h.level, h.formatter, *h.filters) for h in logger.handlers]
            found.append((logger, (logger.level, logger.propagate, logger.disabled), handlers, logger.filters[:]))
    return found


def _set_loggers(kept: list[Any]) -> None:
    logging.disable(kept[0])
    logging.raiseExceptions, logging.lastResort = kept[1], kept[2]
    logging.setLoggerClass(kept[3])
    states = {entry[0]: entry for entry in kept[4:]}
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        if isinstance(logger, logging.Logger):
            _, state, handlers, filters = states.get(logger, (logger, _FRESH, [], []))
            logger.setLevel(state[0])
            logger.propagate, logger.disabled = state[1], state[2]
            for handler, level, formatter, *its_filters in handlers:
                handler.level, handler.formatter, handler.filters[:] = level, formatter, its_filters
            logger.handlers[:], logger.filters[:] = [handler[0] for handler in handlers], filters


# -- other modules of the standard library ------------------------------------------------------------


def _limits() -> Aspect:
    """The limits of the process, which are compared when somebody has set one: there are fifteen."""
    count = [0]
    numbers = sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})
    limits = {number: resource.getrlimit(number) for number in numbers}
    set_limit = resource.setrlimit

    def restore(kept: int) -> None:
        for number, limit in limits.items():
            if resource.getrlimit(number) != limit:
                try:
                    set_limit(number, limit)
                except (ValueError, OSError) as error:  # a hard limit that was lowered stays low
                    raise CannotRestore(str(error)) from error
        count[0] = kept

    for name in ("setrlimit", "prlimit"):
        if hasattr(resource, name):
            setattr(resource, name, noticing(getattr(resource, name), count))
    return Aspect("the limits of resources", lambda: count[0], restore)


_CONTEXT = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


def _set_context(context: Any, kept: tuple[Any, tuple[Any, ...]]) -> None:
    *values, flags, traps = kept[1]
    for name, value in zip(_CONTEXT, values, strict=True):
        setattr(context, name, value)
    context.flags = {signal: signal in flags for signal in context.flags}
    context.traps = {signal: signal in traps for signal in context.traps}


# -- installed libraries ------------------------------------------------------------------------------


def _read_numpy(numpy: Any) -> tuple[Any, ...]:
    return (numpy.get_printoptions(), numpy.geterr(), numpy.geterrcall(), numpy.getbufsize())


def _set_numpy(numpy: Any, kept: tuple[Any, ...]) -> None:
    numpy.set_printoptions(**kept[0])
    numpy.seterr(**kept[1])
    numpy.seterrcall(kept[2])
    numpy.setbufsize(kept[3])


def _set_pandas(kept: list[Any]) -> None:
    for (name, value), (_, was) in zip(_pandas_options(), kept, strict=False):
        if value is not was and value != was:
            sys.modules["pandas"].set_option(name, was)


def _pandas_options() -> list[tuple[str, Any]]:
    found = [(prefix + name, value) for prefix, group in _pandas_groups() for name, value in group.items()]
    return [(name, value) for name, value in found if not isinstance(value, dict)]


def _pandas_groups(group: Any = None, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The nested dicts that hold the options, each with the beginning of its options' names."""
    group = sys.modules["pandas._config.config"]._global_config if group is None else group
    yield prefix, group
    for name, value in group.items():
        if isinstance(value, dict):
            yield from _pandas_groups(value, f"{prefix}{name}.")
