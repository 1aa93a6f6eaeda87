"""Whether the user's modules that this process has loaded are still those on disk.

A process cannot take an import back, so a worker with an outdated module is replaced. Looked at when
an execution that is new to the worker begins: within one execution the code stays what it was.
"""

from __future__ import annotations

import importlib
import linecache
import os
import sys
import sysconfig
import time
from pathlib import Path

_EXECUTIONS = 1000


class Freshness:
    """The source files of this process's modules, as far as they can change under its feet."""

    def __init__(self) -> None:
        paths = sysconfig.get_paths()
        own = str(Path(__file__).parent.parent)
        roots = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], own]
        self._fixed = tuple(os.path.join(root, "") for root in roots)
        self._seen: dict[str, None] = {}
        self._known = 0
        self._files: dict[str, tuple[str, tuple[int, int]]] = {}

    def is_stale_for(self, execution: str) -> bool:
        """Whether a module has changed, for the first attempt of an execution; False for its later ones."""
        if execution in self._seen:
            return False
        if any(_stamp(path) != stamp for path, stamp in self._files.values()):
            return True
        self._seen[execution] = None
        if len(self._seen) > _EXECUTIONS:
            del self._seen[next(iter(self._seen))]
        return False

    def forget_modules(self) -> None:
        """Let the next import of any user module read it anew, for a process that cannot be replaced.

        All of them: one that has not changed may hold names from one that has.
        """
        for name in self._files:
            if name != "__main__":
                sys.modules.pop(name, None)
        self._files.clear()
        self._known = 0
        importlib.invalidate_caches()
        linecache.checkcache()

    def note(self, since: float) -> None:
        """Remember modules imported meanwhile. `since`: the time (of `time.time`) when the attempt began."""
        if len(sys.modules) == self._known:
            return
        self._known = len(sys.modules)
        for name, module in list(sys.modules.items()):
            if name in self._files:
                continue
            path = getattr(module, "__file__", None)
            if not isinstance(path, str) or path.startswith(self._fixed):
                continue
            stamp = _stamp(path)
            # Edited while the attempt ran: nobody knows which version was loaded.
            unknown = stamp[0] > since * 1e9
            self._files[name] = (path, (0, 0) if unknown else stamp)


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = Path(path).stat()
    except OSError:
        return (-1, -1)
    return (found.st_mtime_ns, found.st_size)


def now() -> float:
    """The clock that file times are compared with."""
    return time.time()
