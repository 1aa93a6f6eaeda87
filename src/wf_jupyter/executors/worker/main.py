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

from wf_jupyter.executors.worker.channel import Channel
from wf_jupyter.executors.worker.interrupts import Interrupts
from wf_jupyter.executors.worker.loop import Worker


def main(options: Mapping[str, object]) -> None:
    """Entry point of the process; `options` come from the parent's command line."""
    _die_with_parent(int(str(options["parent"])))
    sys.argv[:] = [""]
    faulthandler.enable(file=2, all_threads=False)
    sock = socket.socket(fileno=int(str(options["channel"])))
    sock.set_inheritable(False)
    _import_as_there(options)
    interrupts = Interrupts()
    channel = Channel(sock, interrupts)
    if options.get("role") == "async":
        from wf_jupyter.executors.worker.async_host import AsyncHost  # asyncio is not needed by the others

        AsyncHost(channel, interrupts).serve()
    else:
        Worker(channel, interrupts).serve()


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


def _die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent ends, even while C code holds the interpreter lock."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(0)
