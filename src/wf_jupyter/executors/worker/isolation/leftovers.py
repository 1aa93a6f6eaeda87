"""Leftovers of a task in its process: threads, child processes, descriptors."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import sysconfig
import threading
import time
from collections.abc import Set
from pathlib import Path
from typing import Any

from wf_jupyter.executors.worker.isolation.process_state import Aspect, CannotRestore
from wf_jupyter.version import FOLDER

#: How long threads that are about to end, as those of a pool that nobody holds any more, are waited for.
JOIN_SECONDS = 0.05
_PATHS = sysconfig.get_paths()
_INSTALLED = tuple(os.path.join(_PATHS[name], "") for name in ("purelib", "platlib"))
_LIBRARY = tuple(os.path.join(_PATHS[name], "") for name in ("stdlib", "platstdlib"))
_OWN = os.path.join(FOLDER, "")


def is_users(module: str | None) -> bool:
    """Whether code of that module is the user's own: neither installed, nor the standard library's, nor ours."""
    found = sys.modules.get(module or "")
    path = getattr(found, "__file__", None)
    if path is None:
        return found is None or module == "__main__"
    return not path.startswith((*_INSTALLED, *_LIBRARY, _OWN))


# -- threads ------------------------------------------------------------------------------------------


def threads() -> Set[int]:
    """The identifiers of the threads that run; without the lock that `threading.enumerate` takes."""
    return threading._active.keys()  # type: ignore[attr-defined, no-any-return]


def wait_for_threads(kept: set[int]) -> None:
    """Wait for a moment for threads that are about to end; `CannotRestore`, as a thread cannot be ended.

    Ours may stay, and those in which an installed library serves itself.
    """
    until = time.monotonic() + JOIN_SECONDS
    for thread in threading.enumerate():
        if thread.ident is None or thread.ident in kept:
            continue
        if not thread.name.startswith("wf-") and not _serves_a_library(thread):
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                raise CannotRestore(thread.name)
    kept.clear()
    kept.update(threads())


def _serves_a_library(thread: threading.Thread) -> bool:
    """Whether it is a daemon thread whose class or function belongs to an installed package (tqdm's monitor)."""
    owner: Any = type(thread)
    if owner.__module__ == "threading":
        owner = getattr(thread, "_target", None)
    module = sys.modules.get(getattr(owner, "__module__", None) or "")
    return thread.daemon and (getattr(module, "__file__", None) or "").startswith(_INSTALLED)


# -- child processes ----------------------------------------------------------------------------------


def children() -> set[int]:
    """Ids of child processes, but for the helpers that libraries keep for all who use them."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return set()  # there are none: the usual case, at the cost of one system call
    return _child_ids() - _helpers()


def spare_children(kept: set[int]) -> None:
    """Forget children that ended; `CannotRestore` when others still run than before."""
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].active_children()
    for pid in _child_ids():
        if not _is_alive(pid):
            # The next attempt would be told of its end, and each look would find it.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    present = children()
    if present - kept:
        raise CannotRestore(", ".join(map(str, present - kept)))
    kept &= present


def _child_ids() -> set[int]:
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            found.update(map(int, (task / "children").read_text().split()))
    return found


def _is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def _helpers() -> set[int]:
    found: set[int | None] = set()
    for module, owner, name in (
        ("multiprocessing.resource_tracker", "_resource_tracker", "_pid"),
        ("multiprocessing.forkserver", "_forkserver", "_forkserver_pid"),
        ("joblib.externals.loky.backend.resource_tracker", "_resource_tracker", "_pid"),
    ):
        found.add(getattr(getattr(sys.modules.get(module), owner, None), name, None))
    pool = getattr(sys.modules.get("joblib.externals.loky.reusable_executor"), "_executor", None)
    found.update(getattr(pool, "_processes", None) or ())
    return {pid for pid in found if pid is not None}


# -- descriptors --------------------------------------------------------------------------------------


def standard_descriptors() -> Aspect:
    """Descriptors 0, 1 and 2, which a task may close or point elsewhere."""
    saved = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10) for number in (0, 1, 2)]
    for number in saved:
        # Marks them, so that a look at the flags, an eighth of the cost of `fstat`, tells other pipes and files.
        fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_APPEND)

    def restore(_: object) -> None:
        for number, copy in enumerate(saved):
            os.dup2(copy, number)

    return Aspect("descriptors 0, 1 and 2", _flags, restore)


def _flags() -> tuple[int, int, int]:
    return fcntl.fcntl(0, fcntl.F_GETFL), fcntl.fcntl(1, fcntl.F_GETFL), fcntl.fcntl(2, fcntl.F_GETFL)


class DescriptorCount:
    """Whether half of the descriptors that the process may have are taken: they were left open."""

    def __init__(self) -> None:
        self._attempts = 0
        self._is_high = False

    def is_high(self) -> bool:
        """Looks each eighth time."""
        self._attempts += 1
        if self._attempts % 8 == 0:
            try:
                lowest = os.dup(2)
            except OSError:
                return True
            os.close(lowest)
            self._is_high = lowest > os.sysconf("SC_OPEN_MAX") // 2
        return self._is_high
