"""The parent's side of one worker process: start it, talk to it, read its pipes, know when it is gone.

No policy: which attempt goes where is decided in `local`. All methods and callbacks run on the loop.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

from wf_jupyter.executors.wire.frames import FrameReader, FrameTooLarge
from wf_jupyter.executors.wire.messages import LOST, FromWorker, ToWorker, decode_from_worker, pack
from wf_jupyter.model.submission import Environment
from wf_jupyter.model.texts import storable
from wf_jupyter.version import FOLDER

#: Lets the worker's own imports come from libraries, whatever stands beside the notebook; `main` sets the module
#: path as it is in the kernel. Before the first import the path is cut down to the standard library.
_BOOTSTRAP = """
import os, sys
library, present = os.path.dirname(os.__file__), sys.path[:]
sys.path[:] = [p for p in present if p.startswith(library) or p.endswith(".zip")]
import json
o = json.loads(sys.argv[1])
o["path"] = o["path"] or present[1:] + o["fallback"]
sys.path[:] = sorted(o["path"], key=lambda p: not (p.startswith(library) or p.endswith("-packages")))
from wf_jupyter.executors.worker.main import main
main(o)
"""
#: Shows what tasks plot; for the environment of whoever runs them.
MPL_BACKEND = "module://wf_jupyter.executors.worker.output.mpl_backend"
_READ = 1 << 18
_PIPE_READ = 1 << 16
_HANG_UP_SECONDS = 0.2


class CannotStart(Exception):
    """The process could not be started; the text is for the user whose tasks should have run in it."""


class Listener(Protocol):
    """The owner of the process, as it is called back."""

    def on_messages(self, messages: Sequence[FromWorker]) -> None:
        """Messages came, in order."""
        ...

    def on_text(self, stream: str, text: str) -> None:
        """Something was written to descriptor 1 or 2."""
        ...

    def on_gone(self, returncode: int | None) -> None:
        """The process ended (once; all it had said was passed on before), or broke the protocol and was killed."""
        ...


class WorkerProcess:
    """One running process. It leads a process group of its own, which dies with it."""

    def __init__(self, environment: Environment, role: str, listener: Listener) -> None:
        """Start the process; `CannotStart`. Call on the loop's thread: the child is bound to that thread's life."""
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._frames = FrameReader()
        self._out: list[bytes] = []
        self._left: memoryview | None = None
        self._flushing = False
        self._gone = False
        self._has_hung_up = False
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._sock, child = socket.socketpair()
        try:
            self._popen = _start(environment, role, child)
        except CannotStart:
            self._sock.close()
            raise
        finally:
            child.close()
        self._sock.setblocking(False)
        self._loop.add_reader(self._sock, self._read)
        self._pipes: dict[str, IO[bytes]] = {}
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")}
        for name, pipe in (("stdout", self._popen.stdout), ("stderr", self._popen.stderr)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._pipes[name] = pipe
            self._loop.add_reader(pipe.fileno(), self._read_pipe, name)
        self._exit: int | None = None
        with contextlib.suppress(OSError, AttributeError):
            # Where the system has no such descriptor, the end of the connection tells the same a little later.
            self._exit = os.pidfd_open(self._popen.pid)
            self._loop.add_reader(self._exit, self._on_ended)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def send(self, message: ToWorker) -> None:
        """Send a message, together with all others of this turn of the loop; `FrameTooLarge`."""
        self._out.append(pack(message))
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def drain(self) -> None:
        """Pass on what stands in the pipes right now."""
        for name in list(self._pipes):
            # A pipe holds 64 KiB unless someone enlarged it; more than that came while we were reading.
            for _ in range(16):
                if not self._read_pipe(name):
                    break

    def kill(self) -> None:
        """Kill the process and everything in its group; `on_gone` follows."""
        if self._gone:
            return
        # The group's id cannot have been reused: its leader is reaped in `_ended` only.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    async def wait(self) -> None:
        """Return when the process is gone and `on_gone` was called."""
        await asyncio.shield(self._end)

    # -- the connection ---------------------------------------------------------------------------

    def _flush(self) -> None:
        self._flushing = False
        if self._gone:
            return
        data = memoryview(b"".join(self._out)) if self._left is None else self._left
        if self._left is None:
            self._out.clear()
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            return  # the process is ending, which is told by its end
        if sent < len(data):
            self._left = data[sent:]
            self._flushing = True
            self._loop.add_writer(self._sock, self._flush)
            return
        if self._left is not None:
            self._left = None
            self._loop.remove_writer(self._sock)
            if self._out:
                self._flushing = True
                self._loop.call_soon(self._flush)

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._sock)
            # Most likely the process is about to end, and its exit code says why.
            self._loop.call_later(_HANG_UP_SECONDS, self._hang_up)
            if self._exit is None:
                self._poll()
            return
        self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            messages = [decode_from_worker(payload) for payload in self._frames.feed(data)]
        except (FrameTooLarge, ValueError):
            self._loop.remove_reader(self._sock)
            self.kill()
            return
        if messages:
            self._listener.on_messages(messages)

    # -- the pipes --------------------------------------------------------------------------------

    def _read_pipe(self, name: str) -> bool:
        pipe = self._pipes.get(name)
        if pipe is None:
            return False
        try:
            data = os.read(pipe.fileno(), _PIPE_READ)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        text = self._decoders[name].decode(data, final=not data)
        if text:
            self._listener.on_text(name, text)
        if not data:
            self._close_pipe(name)
        return bool(data)

    def _close_pipe(self, name: str) -> None:
        pipe = self._pipes.pop(name, None)
        if pipe is not None:
            self._loop.remove_reader(pipe.fileno())
            pipe.close()

    # -- the end ----------------------------------------------------------------------------------

    def _hang_up(self) -> None:
        """End a process that closed its connection and lives on."""
        if not self._gone:
            self._has_hung_up = True
            self.kill()

    def _poll(self) -> None:
        if self._popen.poll() is None:
            self._loop.call_later(0.01, self._poll)
        else:
            self._on_ended()

    def _on_ended(self) -> None:
        if self._gone:
            return
        self.kill()  # what the process left behind in its group; its id is still taken by the unreaped leader
        returncode = self._popen.wait()
        self._gone = True
        if self._exit is not None:
            self._loop.remove_reader(self._exit)
            os.close(self._exit)
        self._loop.remove_writer(self._sock)
        self._loop.remove_reader(self._sock)
        # What it said last still counts: an attempt that had ended before must not run again.
        with contextlib.suppress(OSError):
            while data := self._sock.recv(_READ):
                self._take(data)
        self._sock.close()
        self.drain()
        for name in list(self._pipes):
            self._close_pipe(name)
        self._end.set_result(None)
        self._listener.on_gone(LOST if self._has_hung_up else returncode)


def _start(environment: Environment, role: str, channel: socket.socket) -> subprocess.Popen[bytes]:
    options = {
        "path": list(environment.path),
        "fallback": [str(FOLDER.parent)],
        "channel": channel.fileno(),
        "parent": os.getpid(),
        "role": role,
        "hidden": list(environment.hidden),
    }
    variables = dict(environment.variables or os.environ)
    variables["MPLBACKEND"] = MPL_BACKEND
    executable = environment.executable or sys.executable
    try:
        return subprocess.Popen(
            [executable, *environment.flags, "-c", _BOOTSTRAP, json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=environment.directory or None,
            env=variables,
            pass_fds=[channel.fileno()],
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        if environment.directory and not Path(environment.directory).is_dir():
            raise CannotStart(
                f"the working directory {storable(environment.directory)} does not exist any more"
            ) from error
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotStart(
            f"a worker cannot be started with the interpreter {storable(executable)}: {reason}"
        ) from error
