"""The process that goes down a notebook: an IPython kernel as any other, which knows when it is not needed any more.

It belongs to no worker, as those come and go between two cells. It ends when the process that owns the execution
ends, when a cell runs for which nobody waits, and after a while without work.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

from wf_jupyter.notebooks.exchange import CONNECTION, LOCK, LOG, ORDER_OF_SETS, PROCESS

#: How long it waits for work: for a `retry()` after a failure, and for people who look what failed.
KEEP_SECONDS = 900.0
_LOOK_SECONDS = 0.5
_OF_INSTANCES = ("__dict__", "__weakref__")


def main(folder: str, owner: int) -> None:
    """Leave the process that started this, and serve as a kernel until nobody needs it."""
    os.environ.pop(ORDER_OF_SETS, None)  # what the notebook starts has an order of its own, as ever
    if os.fork():
        os._exit(0)
    os.setsid()
    log = os.open(Path(folder, LOG), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    _write_json(Path(folder, PROCESS), {"pid": os.getpid(), "started": start_time(os.getpid()), "owner": owner})
    _serve(folder, owner)


def start_time(pid: int) -> str:
    """When the process started, as the system counts; empty when there is none, or none that does anything."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if Path("/proc/self").is_dir() or not _exists(pid) else "?"
    fields = stat[stat.rindex(")") + 2 :].split()
    return "" if fields[0] in "ZX" else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write_json(path: Path, content: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content))
    new.replace(path)


def _serve(folder: str, owner: int) -> None:
    from ipykernel.kernelapp import IPKernelApp

    # A notebook may patch `json` itself; the kernel's messages must not depend on that, or nobody hears of it.
    from jupyter_client import session as messages

    members = {name: member for name, member in vars(json.JSONEncoder).items() if name not in _OF_INSTANCES}
    dumps = functools.partial(json.dumps, cls=type("JSONEncoder", (), members))
    vars(messages)["json"] = types.SimpleNamespace(**{**vars(json), "dumps": dumps})

    sys.argv[1:] = []
    app: Any = IPKernelApp.instance()
    app.initialize(
        ["-f", str(Path(folder, CONNECTION)), "--IPKernelApp.log_level=ERROR", "--HistoryManager.hist_file=:memory:"]
    )
    watch = _Watch(Path(folder), owner)
    from wf_jupyter.notebooks.observer import Observer

    Observer(app.shell, Path(folder)).install()
    app.shell.events.register("pre_run_cell", watch.begin)
    app.shell.events.register("post_run_cell", watch.end)
    threading.Thread(target=watch.run, name="wf-trunk", daemon=True).start()
    app.start()


class _Watch:
    """Ends the process. It is a thread: a cell may keep the main one busy for ever."""

    def __init__(self, folder: Path, owner: int) -> None:
        self._lock = folder / LOCK
        self._owner = owner
        self._owner_started = start_time(owner)
        self._is_busy = False
        self._used = time.monotonic()

    def begin(self, info: object) -> None:
        self._is_busy = True

    def end(self, result: object) -> None:
        self._is_busy = False
        self._used = time.monotonic()

    def run(self) -> None:
        while self._is_needed():
            time.sleep(_LOOK_SECONDS)
        os._exit(0)

    def _is_needed(self) -> bool:
        if not self._owner_started or start_time(self._owner) != self._owner_started:
            return False  # it may have gone while this process started
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False  # the session is over
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True  # somebody waits for what it does
        finally:
            os.close(descriptor)
        return not self._is_busy and time.monotonic() - self._used < KEEP_SECONDS
