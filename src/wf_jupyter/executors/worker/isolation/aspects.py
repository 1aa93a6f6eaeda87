"""The table of what a task can change in Python's own modules and in the process, for `process_state`.

Not seen: functions replaced in other modules than those named here, `os.putenv`, codecs that are registered,
values of thread-locals, and what C libraries keep.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from wf_jupyter.executors.worker.isolation import leftovers
from wf_jupyter.executors.worker.isolation.process_state import Aspect, CannotRestore, Names, lists_aspect, names_aspect

# The functions behind those of `signal`, which make enumerations of what they return: five times as slow.
_signal: Any = importlib.import_module("_signal")
#: Signals that programs use. SIGINT is ours: `Interrupts` sees to it.
_SIGNALS = tuple(
    number
    for name in ("ALRM", "TERM", "HUP", "USR1", "USR2", "CHLD", "PIPE", "QUIT", "VTALRM", "PROF", "WINCH", "XCPU")
    if (number := getattr(_signal, f"SIG{name}", None)) is not None
)
_TIMERS = tuple(getattr(_signal, f"ITIMER_{name}") for name in ("REAL", "VIRTUAL", "PROF"))
#: Modules whose names people replace for a while (`time.time = ...`) and forget to put back; hooks are such names.
_WATCHED = ("__main__", "sys", "builtins", "os", "warnings", "threading", "time", "random")


def table() -> list[Aspect]:
    """All aspects, in the order in which they are put back: timers first, as they go on running."""
    aspects = [
        Aspect("timers", lambda: [*map(_signal.getitimer, _TIMERS)], _stop_timers),
        Aspect("signal handlers", lambda: [*map(_signal.getsignal, _SIGNALS)], _set_handlers),
        Aspect("the signal mask", _signal_mask, lambda mask: _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)),
        leftovers.standard_descriptors(),
        Aspect("the current directory", os.getcwd, os.chdir),
        Aspect("the environment", _variables, _set_environment, dict, dicts=lambda: [_variables()]),
        Aspect("the umask", _umask, os.umask),
        lists_aspect((sys, "path"), (sys, "meta_path"), (sys, "path_hooks"), (sys, "argv"), (gc, "callbacks")),
        Aspect(
            *("imported modules", lambda: tuple(sys.modules.values()), _set_modules, _keep_modules),
            renews=True,
            dicts=lambda: [sys.modules],
        ),
        Aspect("the warning filters", lambda: warnings.filters, _restore_filters(), list),
        *(names_aspect(name) for name in _WATCHED),
        Aspect("the interpreter's settings", _read_settings, _set_settings),
        seeds(random, ("seed", "setstate")),
        Aspect("the priority", lambda: os.getpriority(os.PRIO_PROCESS, 0), _set_priority),
        Aspect("users", lambda: (os.geteuid(), os.getegid()), _refuse),
        Aspect("open descriptors", leftovers.DescriptorCount().is_high, _refuse),
        Aspect("threads", leftovers.threads, leftovers.wait_for_threads, set),
        Aspect("child processes", leftovers.children, leftovers.spare_children, set),
    ]
    if hasattr(os, "sched_getaffinity"):
        cpus = Aspect("the CPU affinity", lambda: os.sched_getaffinity(0), lambda cpus: os.sched_setaffinity(0, cpus))
        aspects.append(cpus)
    return aspects


def _refuse(_: object) -> None:
    raise CannotRestore


# -- the interpreter ----------------------------------------------------------------------------------


def _read_settings() -> tuple[Any, ...]:
    return (
        sys.getrecursionlimit(),
        sys.getswitchinterval(),
        sys.get_int_max_str_digits(),
        sys.gettrace(),
        sys.getprofile(),
        threading.gettrace(),
        threading.getprofile(),
        gc.isenabled(),
        gc.get_threshold(),
        gc.get_debug(),
        faulthandler.is_enabled(),
    )


def _set_settings(kept: tuple[Any, ...]) -> None:
    sys.settrace(kept[3])
    sys.setprofile(kept[4])
    threading.settrace(kept[5])
    threading.setprofile(kept[6])
    sys.setrecursionlimit(kept[0])
    sys.setswitchinterval(kept[1])
    sys.set_int_max_str_digits(kept[2])
    (gc.enable if kept[7] else gc.disable)()
    gc.set_threshold(*kept[8])
    gc.set_debug(kept[9])
    if kept[10]:
        faulthandler.enable(file=2, all_threads=False)
    else:
        faulthandler.disable()


def _keep_modules(_: object) -> Names:
    kept = Names(sys.modules.values())
    kept.names = dict(sys.modules)
    return kept


def _set_modules(kept: Names) -> Names:
    """Put removed and replaced modules back, and take those away that somebody made up.

    Others that are new stay: libraries add some of their own when they are used, without an import.
    """
    for name, module in list(sys.modules.items()):
        if name not in kept.names and "." not in name and getattr(module, "__spec__", None) is None:
            del sys.modules[name]
    for name, module in kept.names.items():
        if sys.modules.get(name) is not module:
            sys.modules[name] = module
    return _keep_modules(None)


def _restore_filters() -> Callable[[list[Any]], None]:
    filters = warnings.filters

    def restore(kept: list[Any]) -> None:
        filters[:] = kept  # type: ignore[index]
        warnings.filters = filters
        forget_shown_warnings()

    return restore


def forget_shown_warnings() -> None:
    """Forget which warnings were shown: each module remembers for as long as the filters are the same ones."""
    changed = getattr(warnings, "_filters_mutated", None) or getattr(warnings, "_filters_mutated_lock_held", None)
    if changed is not None:
        changed()


def noticing(function: Callable[..., Any], count: list[int]) -> Callable[..., Any]:
    """The function, counting its calls."""

    def noticed(*args: Any, **kwargs: Any) -> Any:
        count[0] += 1
        return function(*args, **kwargs)

    noticed.__name__ = noticed.__qualname__ = function.__name__
    noticed.__module__, noticed.__doc__ = function.__module__, function.__doc__
    return noticed


def seeds(module: Any, names: tuple[str, ...]) -> Aspect:
    """The state of a module of random numbers: after an attempt that seeded it, it gets fresh entropy."""
    count = [0]
    seed = module.seed

    def restore(kept: int) -> None:
        seed()
        count[0] = kept

    for name in names:
        wrapped = noticing(getattr(module, name), count)
        wrapped.__module__ = module.__name__
        setattr(module, name, wrapped)
        if hasattr(module, "_inst"):
            setattr(module._inst, name, wrapped)  # a method that was pickled is looked up there
    return Aspect(f"the state of {module.__name__}", lambda: count[0], restore, module=module.__name__)


# -- the process --------------------------------------------------------------------------------------


def has_timer() -> bool:
    """Whether a timer runs that will send a signal."""
    return any(_signal.getitimer(timer)[0] for timer in _TIMERS)


def _stop_timers(_: object) -> None:
    for timer in _TIMERS:
        _signal.setitimer(timer, 0.0)


def _set_handlers(kept: list[Any]) -> None:
    for number, handler in zip(_SIGNALS, kept, strict=True):
        if _signal.getsignal(number) is not handler:
            if handler is None:
                raise CannotRestore
            _signal.signal(number, handler)


def _signal_mask() -> set[int]:
    mask: set[int] = _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
    return mask


def _variables() -> dict[Any, Any]:
    return os.environ._data  # type: ignore[attr-defined, no-any-return]


def _set_environment(kept: dict[Any, Any]) -> None:
    live = _variables()
    zone = live.get(b"TZ")
    for key in [key for key in live if key not in kept]:
        del os.environ[os.fsdecode(key)]
    for key, value in kept.items():
        if live.get(key) != value:
            os.environ[os.fsdecode(key)] = os.fsdecode(value)
    if live.get(b"TZ") != zone:
        time.tzset()


def _umask() -> int:
    present = os.umask(0o077)
    os.umask(present)
    return present


def _set_priority(kept: int) -> None:
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, kept)
