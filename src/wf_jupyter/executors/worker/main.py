"""Entry point of a worker process."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from wf_jupyter.executors.worker.connection import WorkerConnection
from wf_jupyter.executors.worker.interrupts import Interrupts
from wf_jupyter.executors.worker.loop import Worker

#: How much rather than others workers are ended (proc(5), `oom_score_adj`): as if each had 70 % of the memory more.
OOM_SCORE = 700


def main(options: Mapping[str, object]) -> None:
    """Entry point of the process; `options` come from the parent's command line."""
    _die_with_parent(int(str(options["parent"])))
    _die_first()
    sys.argv[:] = [""]
    faulthandler.enable(file=2, all_threads=False)
    sock = socket.socket(fileno=int(str(options["channel"])))
    sock.set_inheritable(False)
    _import_as_there(options)
    interrupts = Interrupts()
    connection = WorkerConnection(sock, interrupts)
    if options.get("role") == "async":
        from wf_jupyter.executors.worker.async_worker import AsyncWorker  # asyncio is not needed by the others

        AsyncWorker(connection, interrupts).serve()
    else:
        Worker(connection, interrupts).serve()


def _import_as_there(options: Mapping[str, object]) -> None:
    """Set the module path, after the imports that must not find what stands beside the notebook."""
    hidden, path = options["hidden"], options["path"]
    assert isinstance(hidden, list)
    assert isinstance(path, list)
    for name in ("cloudpickle", "asyncio", *hidden):
        with contextlib.suppress(Exception):  # a module that only the kernel can load
            importlib.import_module(name)
    sys.path[:] = path
    importlib.invalidate_caches()


def _die_first() -> None:
    """When the machine runs out of memory, let the system end this process, and neither the server nor the kernel."""
    with contextlib.suppress(OSError, ValueError):
        file = Path("/proc/self/oom_score_adj")
        # Anybody may raise it, up to 1000; one that somebody else has set higher stays.
        file.write_text(str(max(OOM_SCORE, int(file.read_text()))))


def _die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent ends, even while C code holds the interpreter lock."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(0)
