"""The state of the process that cells share besides their names: settings of libraries and of Python itself.

Each is digested before and after a cell. What changed is one name, `@settings`, which every cell reads: which of them
a cell depends on cannot be seen. Random states are apart: cells that draw from them change them.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import locale
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

#: Variables that differ from kernel to kernel, or that libraries set for themselves.
_OWN_VARIABLES = ("JPY_", "WF_JUPYTER_", "KMP_", "COLUMNS", "LINES", "PYDEVD_", "PWD", "OLDPWD", "SHLVL", "_")

_OWN_BYTES = tuple(name.encode() for name in _OWN_VARIABLES)


def digest(*parts: object) -> str:
    """A short digest of the parts' texts."""
    found = hashlib.blake2b(digest_size=12)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()


def settings_of(namespace: Mapping[str, object], shell: Any) -> dict[str, str]:
    """Every setting that is known, by what people call it."""
    found = {}
    for name, look in _LOOKS.items():
        try:
            value = look(namespace, shell)
        except Exception:  # a library of another version
            continue
        if value is not None:
            found[name] = digest(value)
    return found


def random_states() -> dict[str, str]:
    """The states that random numbers without a generator of their own come from, and counters of libraries."""
    found = {name: state for name, look in COUNTERS.items() if (state := look())}
    if state := python_random_state():
        found["@random"] = state
    if (numpy := sys.modules.get("numpy.random")) is not None and hasattr(numpy, "get_state"):
        state = numpy.get_state(legacy=False)
        found["@numpy.random"] = digest(state["state"]["key"].tobytes(), {**state, "state": state["state"]["pos"]})
    if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "get_rng_state"):
        found["@torch"] = digest(torch.get_rng_state().numpy().tobytes())
    return found


def _sklearn_ids() -> str:
    """Number of estimators that were shown: each has its number in the page."""
    for place in ("sklearn.utils._repr_html.estimator", "sklearn.utils._estimator_html_repr"):
        counter = getattr(sys.modules.get(place), "_CONTAINER_ID_COUNTER", None)
        if counter is not None:
            return str(vars(counter))
    return ""


def _counter(module: str, *path: str) -> str:
    """Where an `itertools.count` stands, or the one whose `__next__` it is."""
    found: Any = sys.modules.get(module)
    for name in path:
        found = getattr(found, name, None)
    found = getattr(found, "__self__", found)
    return repr(found) if isinstance(found, itertools.count) else ""


#: Numbers that libraries count up and show: a run from the beginning begins with the same.
COUNTERS: Mapping[str, Callable[[], str]] = {
    "@sklearn.ids": _sklearn_ids,
    "@threading.names": lambda: _counter("threading", "_counter"),
    "@concurrent.names": lambda: _counter("concurrent.futures.thread", "ThreadPoolExecutor", "_counter"),
    "@multiprocessing.names": lambda: _counter("multiprocessing.process", "_process_counter"),
}


def python_random_state() -> str:
    """The state of `random`."""
    random = sys.modules.get("random")
    return "" if random is None else str(hash(random.getstate()))


def _matplotlib(namespace: Mapping[str, object], shell: Any) -> object:
    library: Any = sys.modules.get("matplotlib")
    return None if library is None else sorted(dict.items(library.rcParams), key=lambda item: str(item[0]))


def _figures(namespace: Mapping[str, object], shell: Any) -> object:
    helpers: Any = sys.modules.get("matplotlib._pylab_helpers")
    return [] if helpers is None else list(helpers.Gcf.figs)


def _pandas(namespace: Mapping[str, object], shell: Any) -> object:
    config: Any = sys.modules.get("pandas._config.config")
    return None if config is None else config._global_config


def _numpy(namespace: Mapping[str, object], shell: Any) -> object:
    numpy: Any = sys.modules.get("numpy")
    return None if numpy is None else (numpy.get_printoptions(), numpy.geterr(), id(numpy.geterrcall()))


def _sklearn(namespace: Mapping[str, object], shell: Any) -> object:
    sklearn: Any = sys.modules.get("sklearn")
    return None if sklearn is None else sklearn.get_config()


def _filters(namespace: Mapping[str, object], shell: Any) -> object:
    warnings: Any = sys.modules["warnings"]
    return [
        (f[0], getattr(f[1], "pattern", f[1]), f[2].__qualname__, getattr(f[3], "pattern", f[3]), f[4])
        for f in warnings.filters
    ]


#: What the loaded modules hold; there are thousands, and this is asked after each cell.
_contents: dict[str, dict[str, Any]] = {}


def _shown_warnings(namespace: Mapping[str, object], shell: Any) -> object:
    """Warnings that were shown are not shown again."""
    if len(_contents) != len(sys.modules):
        _contents.clear()
        _contents.update((name, getattr(module, "__dict__", {})) for name, module in list(sys.modules.items()))
    found = []
    for name, content in _contents.items():
        if "__warningregistry__" in content:
            seen = content["__warningregistry__"]
            found.append((name, seen.get("version"), len(seen)))
    own = namespace.get("__warningregistry__") or {}
    assert isinstance(own, dict)
    once = getattr(sys.modules["warnings"], "onceregistry", {})
    return found, own.get("version"), len(own), len(once)


def _loggers(namespace: Mapping[str, object], shell: Any) -> object:
    factory = _name(logging.getLogRecordFactory()), logging.lastResort is None
    found: list[object] = [logging.root.manager.disable, sorted(logging.getLevelNamesMapping().items()), factory]
    for name, logger in [("", logging.root), *logging.root.manager.loggerDict.items()]:
        if isinstance(logger, logging.Logger) and not name.startswith(("asyncio", "tornado", "ipykernel", "traitlets")):
            handlers = [_handler(each) for each in logger.handlers if not isinstance(each, logging.NullHandler)]
            filters = [*map(id, logger.filters)]
            if logger.level or handlers or filters or logger.disabled or not logger.propagate:
                found.append((name, logger.level, logger.disabled, logger.propagate, handlers, filters))
    return found


def _handler(handler: logging.Handler) -> object:
    form = handler.formatter
    format_facts = (
        None if form is None else (type(form).__name__, id(form), form._fmt, form.datefmt, form.default_msec_format)
    )
    stream = getattr(handler, "stream", None)
    kept = [
        (name, repr(member) if isinstance(member, int | float | str) else (id(member), length_of(member)))
        for name, member in vars(handler).items()
        if name not in _OF_HANDLERS
    ]
    return (
        type(handler).__name__,
        id(handler),
        handler.level,
        format_facts,
        [*map(id, handler.filters)],
        id(stream),
        kept,
    )


_OF_HANDLERS = ("_name", "level", "formatter", "filters", "lock", "stream", "_closed")


def length_of(value: object) -> int:
    """Length of a container."""
    return len(value) if isinstance(value, list | dict | set | deque | tuple) else 0


def _decimal(namespace: Mapping[str, object], shell: Any) -> object:
    decimal: Any = sys.modules.get("decimal")
    if decimal is None:
        return None
    context = decimal.getcontext()
    traps = [trap.__name__ for trap, is_set in context.traps.items() if is_set]
    flags = [flag.__name__ for flag, is_set in context.flags.items() if is_set]
    return context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp, traps, flags


def _environment(namespace: Mapping[str, object], shell: Any) -> object:
    raw = getattr(os.environ, "_data", None) or {os.fsencode(name): value for name, value in os.environ.items()}
    return sorted((name, value) for name, value in raw.items() if not name.startswith(_OWN_BYTES))


def _python(namespace: Mapping[str, object], shell: Any) -> object:
    hooks = [_name(getattr(sys, name)) for name in ("excepthook", "displayhook", "stdout", "stderr")]
    limits = sys.getrecursionlimit(), sys.getswitchinterval(), gc.isenabled(), sys.get_int_max_str_digits()
    return hooks, limits, locale.setlocale(locale.LC_ALL), sys.gettrace() is None


def _shell(namespace: Mapping[str, object], shell: Any) -> object:
    formatters = [
        (name, len(each.type_printers) + len(each.deferred_printers), getattr(each, "float_precision", ""))
        for name, each in shell.display_formatter.formatters.items()
    ]
    backend = sys.modules.get("matplotlib_inline.config")
    inline = None
    if backend is not None:
        configured: Any = backend
        found = configured.InlineBackend.instance(parent=shell)
        inline = (sorted(found.figure_formats), found.rc, found.print_figure_kwargs, found.close_figures)
    extensions = sorted(shell.extension_manager.loaded)
    events = sorted((name, len(each)) for name, each in shell.events.callbacks.items())
    code = shell.ast_node_interactivity, len(shell.ast_transformers), shell.compile.flags
    return formatters, inline, extensions, events, code


def _name(value: object) -> str:
    kind = type(value)
    return f"{getattr(value, '__module__', kind.__module__)}.{getattr(value, '__qualname__', kind.__qualname__)}"


_LOOKS: Mapping[str, Callable[[Mapping[str, object], Any], object]] = {
    "matplotlib's settings": _matplotlib,
    "figures that are open": _figures,
    "pandas' options": _pandas,
    "numpy's options": _numpy,
    "sklearn's settings": _sklearn,
    "the filters of warnings": _filters,
    "which warnings were shown": _shown_warnings,
    "logging": _loggers,
    "the decimal context": _decimal,
    "the environment": _environment,
    "the working directory": lambda namespace, shell: os.getcwd(),  # noqa: PTH109
    "the module path": lambda namespace, shell: sys.path,
    "Python's own settings": _python,
    "IPython's settings": _shell,
}
