"""Whether the modules that this process has loaded are still those on disk, and which code they are.

A process cannot take an import back, so a worker with an outdated module is replaced. Looked at when
an execution that is new to the worker begins: within one execution the code stays what it was. The
kernel, though, made the keys of the cache from the files as they were when it submitted. So a cached
result is kept only if what this process loaded are those files, which `differs_from` tells.
"""

from __future__ import annotations

import marshal
import os
import sys
import sysconfig
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from wf_jupyter.model.graph import Coverage
from wf_jupyter.values.fingerprint.modules import file_digest, is_installed, stamps
from wf_jupyter.version import FOLDER

_EXECUTIONS = 1000
#: The clock of file systems runs behind that of processes, by a tick of the kernel.
_TICK = 0.01
_PYC_HEAD = 16
_MAIN = ("__main__", "__mp_main__")


class _Loaded(NamedTuple):
    """A module's file as it was loaded; `digest` is empty when that is not known."""

    path: str
    stamp: tuple[int, int]
    digest: str
    noted: float


class StaleModules:
    """The source files of this process's modules, as far as they can change under its feet."""

    def __init__(self) -> None:
        paths = sysconfig.get_paths()
        own = str(FOLDER)
        roots = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], own]
        self._fixed = tuple(os.path.join(root, "") for root in roots)
        self._seen: dict[str, None] = {}
        self._known = 0
        self._files: dict[str, _Loaded] = {}
        self._began = self._packages = stamps()

    def is_stale_for(self, execution: str) -> bool:
        """Whether a module has changed, for the first attempt of an execution; False for its later ones."""
        if execution in self._seen:
            return False
        if self._packages != stamps() or any(_stamp(file.path) != file.stamp for file in self._files.values()):
            return True
        self._seen[execution] = None
        if len(self._seen) > _EXECUTIONS:
            del self._seen[next(iter(self._seen))]
        return False

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
            digest = file_digest(path)
            # Edited while the attempt ran: nobody knows which version was loaded.
            if _change_time(path) > (since - _TICK) * 1e9 or stamp != _stamp(path):
                stamp, digest = (0, 0), ""
            elif not _runs_its_source(module, path):
                digest = ""
            self._files[name] = _Loaded(path, stamp, digest, time.time())

    def differs_from(self, coverage: Coverage, since: float) -> str:
        """The reason why the result does not belong under a key with this coverage; empty when it does.

        `since` is when the attempt began. Call `note` before.
        """
        if self._began != stamps():
            return "packages were installed or removed since its process began"
        for name, digest in coverage.modules.items():
            loaded = self._files.get(name)
            if loaded is not None and loaded.digest != digest:
                return f"module {name!r} was edited between submitting and running"
        for name, loaded in self._files.items():
            is_new = coverage.is_open or loaded.noted >= since
            if is_new and name not in coverage.modules and name not in _MAIN and not is_installed(name, loaded.path):
                return f"module {name!r} was loaded, which nothing in the task's code names"
        return ""


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = Path(path).stat()
    except OSError:
        return (-1, -1)
    return (found.st_mtime_ns, found.st_size)


def _change_time(path: str) -> int:
    """When the file, or what is known of it, was changed last: copying can bring an older time of its content."""
    try:
        found = Path(path).stat()
    except OSError:
        return 0
    return max(found.st_mtime_ns, found.st_ctime_ns)


def _runs_its_source(module: ModuleType, path: str) -> bool:
    """Whether the byte code that was loaded is that of the file.

    Python takes cached byte code for current when the size and the second of the file agree. If it was
    written before the file was changed last, only a comparison tells.
    """
    cached = getattr(getattr(module, "__spec__", None), "cached", None)
    if not isinstance(cached, str) or not path.endswith(".py"):
        return True
    try:
        source, code = Path(path), Path(cached)
        if code.stat().st_mtime_ns > _change_time(path):
            return True
        data, found = code.read_bytes(), source.stat()
        taken = data[8:16] == (int(found.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little") + (
            found.st_size & 0xFFFFFFFF
        ).to_bytes(4, "little")
        if not taken or data[4:8] != bytes(4):
            return True
        with warnings.catch_warnings(action="ignore"):
            compiled = compile(source.read_bytes(), path, "exec", dont_inherit=True)
        return bool(marshal.loads(data[_PYC_HEAD:]) == compiled)
    except FileNotFoundError:
        return True
    except (OSError, ValueError, EOFError, TypeError, SyntaxError):
        return False


def now() -> float:
    """The clock that file times are compared with."""
    return time.time()
