"""Options of pandas and matplotlib that were set in the submitting process: they travel with the code.

Only what differs from the library's own default does, each value by itself, so that one that cannot be pickled
is left out and the others are not.
"""

from __future__ import annotations

import contextlib
import pickle
import sys
from collections.abc import Iterator
from typing import Any

#: Library, name of the option, pickled value.
Option = tuple[str, str, bytes]

#: What a process needs to draw at all, and what decides how it shows what it has drawn.
_OWN = frozenset({"backend", "backend_fallback", "interactive", "toolbar"})
_pandas: list[tuple[dict[str, Any], str, str, Any]] = []


def read_options() -> tuple[Option, ...]:
    """Read the options of this process."""
    if "pandas" not in sys.modules and "matplotlib" not in sys.modules:
        return ()
    found = [("pandas", name, value) for name, value in _of_pandas()]
    found += [("matplotlib", name, value) for name, value in _of_matplotlib()]
    return tuple((library, name, data) for library, name, value in found if (data := _pickle(value)) is not None)


def set_option(option: Option) -> Option | None:
    """Set one in this process, which has imported the library; returns what it was, None when it cannot be set."""
    library, name, data = option
    module = sys.modules[library]
    with contextlib.suppress(Exception):  # of another version, or of a type that only the kernel can load
        value = pickle.loads(data)
        if library == "pandas":
            before = module.get_option(name)
            module.set_option(name, value)
        else:
            before = dict.__getitem__(module.rcParams, name)
            module.rcParams[name] = value
        kept = _pickle(before)
        return None if kept is None else (library, name, kept)
    return None


def _of_pandas() -> Iterator[tuple[str, Any]]:
    config = sys.modules.get("pandas._config.config")
    registered = getattr(config, "_registered_options", {})
    if len(_pandas) != len(registered):
        _pandas[:] = [(*_place(config, name), name, option.defval) for name, option in registered.items()]
    for group, last, name, default in _pandas:
        if _differs(group.get(last, default), default):
            yield name, group[last]


def _place(config: Any, name: str) -> tuple[dict[str, Any], str]:
    group = config._global_config
    *above, last = name.split(".")
    for part in above:
        group = group[part]
    return group, last


def _of_matplotlib() -> Iterator[tuple[str, Any]]:
    library = sys.modules.get("matplotlib")
    defaults = getattr(library, "rcParamsDefault", {})
    for name, value in dict.items(getattr(library, "rcParams", {})):
        # As a plain dict: to ask for the back end would choose one.
        if name not in _OWN and dict.__contains__(defaults, name) and _differs(value, dict.__getitem__(defaults, name)):
            yield name, value


def _differs(value: Any, default: Any) -> bool:
    if value is default:
        return False
    try:
        return bool(value != default)
    except Exception:
        return True


def _pickle(value: object) -> bytes | None:
    import cloudpickle

    with contextlib.suppress(Exception):
        data: bytes = cloudpickle.dumps(value, protocol=5)
        return data
    return None
