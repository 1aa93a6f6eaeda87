"""A Dask cluster of our own: a process with scheduler and workers, in the submitting kernel's environment.

It is not part of the orchestrator's process, because a scheduler with a thousand tasks would hold up
whatever else runs there, and because tasks need the kernel's interpreter and modules.

Whoever reaches a Dask scheduler runs code as its user, and its ports are open to every user of the machine. So
all connections are TLS, with a certificate on both sides that is made for this cluster, kept in memory, and told
through a pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import IO

import msgspec

from wf_jupyter.executors.local.process import MPL_BACKEND
from wf_jupyter.model.submission import Environment
from wf_jupyter.model.texts import storable
from wf_jupyter.version import FOLDER

_BOOTSTRAP = (
    "import sys, json; o = json.loads(sys.argv[1]); sys.path[:] = o['path'] or sys.path[1:] + o['fallback']; "
    "from wf_jupyter.executors.dask.cluster import main; main(o)"
)
#: Seconds until a cluster that does not come up is given up.
_STARTING = 60.0
_TAIL = 4000


class CannotConnect(Exception):
    """Raised when there is no cluster to run on; the text is for the user whose tasks should have run there."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where the scheduler listens, and what opens it; the texts of a certificate and its key are never stored."""

    address: str
    certificate: str
    key: str

    def __repr__(self) -> str:
        """Without the key: this may end in a log."""
        return f"Endpoint({self.address!r})"


class Cluster:
    """The process. It ends with this one, and takes its workers with it."""

    def __init__(self, process: subprocess.Popen[bytes], endpoint: Endpoint) -> None:
        self._process = process
        self.endpoint = endpoint

    @classmethod
    async def start(cls, environment: Environment, workers: int) -> Cluster:
        """Start scheduler and workers; `CannotConnect`."""
        read, write = os.pipe()
        with tempfile.TemporaryFile() as errors:
            try:
                process = _popen(environment, workers, write, errors)
            except (OSError, ValueError) as error:
                os.close(read)
                line = f"a Dask cluster cannot be started with {storable(environment.executable)}: {error}"
                raise CannotConnect(line) from error
            finally:
                os.close(write)
            try:
                async with asyncio.timeout(_STARTING):
                    line = await asyncio.to_thread(_read_line, read)
            except BaseException as error:
                _kill(process)
                if isinstance(error, TimeoutError):
                    raise CannotConnect(f"the Dask cluster did not come up within {_STARTING:g} s") from error
                raise
            if not line:
                _kill(process)
                await _end_of(process)
                errors.seek(0)
                line = errors.read()[-_TAIL:].decode(errors="replace").strip()
                raise CannotConnect(f"a Dask cluster could not start with {storable(environment.executable)}\n{line}")
        return cls(process, msgspec.json.decode(line, type=Endpoint))

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    async def close(self) -> None:
        """Kill everything and wait until it is gone."""
        _kill(self._process)
        await _end_of(self._process)


def main(options: Mapping[str, object]) -> None:
    """Entry point of the process: run a cluster until standard input ends."""
    import dask

    dask.config.set(
        {
            # A task that kills its worker is the engine's to retry, not Dask's.
            "distributed.scheduler.allowed-failures": 0,
            # Tasks may start processes of their own.
            "distributed.worker.daemon": False,
            "distributed.scheduler.work-stealing": False,
        }
    )
    from wf_jupyter.executors.dask import closed as dask_closed

    try:
        endpoint = Endpoint(*dask_closed.start(int(str(options["workers"]))))
    except ImportError as error:
        sys.exit(f"executor='dask' needs more packages: pip install 'wf-jupyter[dask]' ({error})")
    with os.fdopen(int(str(options["channel"])), "wb") as channel:
        channel.write(msgspec.json.encode(endpoint) + b"\n")
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    # At once and all together: workers may be deep in C code and must not outlive who they work for.
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _popen(environment: Environment, workers: int, channel: int, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    options = {
        "path": list(environment.path),
        "fallback": [str(FOLDER.parent)],
        "channel": channel,
        "workers": workers,
    }
    variables = dict(environment.variables or os.environ)
    variables["MPLBACKEND"] = MPL_BACKEND
    return subprocess.Popen(
        [environment.executable or sys.executable, "-c", _BOOTSTRAP, json.dumps(options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        cwd=environment.directory or None,
        env=variables,
        pass_fds=[channel],
        start_new_session=True,
    )


def _read_line(descriptor: int) -> str:
    with os.fdopen(descriptor) as pipe:
        return pipe.readline().strip()


async def _end_of(process: subprocess.Popen[bytes]) -> None:
    # No thread for this: at the end of the interpreter there are none to be had.
    while process.poll() is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    # The group's id cannot have been reused before its leader is waited for.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
