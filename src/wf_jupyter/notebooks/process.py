"""The trunk as seen from a cell's task: start it, find it again, end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from wf_jupyter.errors import WorkflowError
from wf_jupyter.notebooks.exchange import CONNECTION, LOG, ORDER_OF_SETS, PROCESS
from wf_jupyter.notebooks.trunk import start_time

_START_SECONDS = 120.0
_LOOK_SECONDS = 0.01
_END_SECONDS = 5.0
#: What stands beside the notebook must not be found by the kernel's own imports; IPython adds the directory later.
_BOOTSTRAP = (
    "import sys; sys.path[:1] = [p for p in sys.path[:1] if p]; "
    "from wf_jupyter.notebooks.trunk import main; main(sys.argv[1], int(sys.argv[2]))"
)
#: Variables that tell a process whose child it is, and would tell the trunk something that is not so.
_OTHERS = ("JPY_PARENT_PID", "JPY_INTERRUPT_EVENT", "MPLBACKEND")


class TrunkLost(WorkflowError):
    """The process that runs the cells ended, or could not be started."""


class Trunk:
    """A running trunk."""

    def __init__(self, folder: Path, pid: int, started: str, owner: int) -> None:
        self.folder = folder
        self.pid = pid
        self.owner = owner
        self._started = started

    @classmethod
    def find(cls, folder: Path, owner: int) -> Trunk | None:
        """The one that runs for this session, unless it is about to end with another owner."""
        try:
            record = json.loads((folder / PROCESS).read_text())
            found = cls(folder, int(record["pid"]), str(record["started"]), int(record["owner"]))
        except (OSError, ValueError, KeyError):
            return None
        if found.is_alive and found.owner == owner and found.connection.exists():
            return found
        found.end()
        return None

    @classmethod
    def start(cls, folder: Path, directory: str, owner: int) -> Trunk:
        """Start a new one, in the notebook's directory; `TrunkLost` when it does not come up."""
        for name in (PROCESS, CONNECTION):
            (folder / name).unlink(missing_ok=True)
        home = directory if Path(directory).is_dir() else str(Path.cwd())
        command = [sys.executable, "-c", _BOOTSTRAP, str(folder), str(owner)]
        done = subprocess.run(
            command, cwd=home, env=_environment(os.environ), capture_output=True, check=False, timeout=_START_SECONDS
        )
        if done.returncode:
            raise TrunkLost(f"the kernel for the notebook cannot be started: {_last_line(done.stderr)}")
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            try:
                record = json.loads((folder / PROCESS).read_text())
            except (OSError, ValueError):
                record = None
            if record is not None:
                trunk = cls(folder, record["pid"], record["started"], owner)
                if _is_complete(trunk.connection):
                    return trunk
                if not trunk.is_alive:
                    raise TrunkLost(f"the kernel for the notebook cannot be started: {trunk.last_words}")
            time.sleep(_LOOK_SECONDS)
        raise TrunkLost(f"the kernel for the notebook did not start within {_START_SECONDS:.0f} s")

    @property
    def connection(self) -> Path:
        """The kernel's connection file."""
        return self.folder / CONNECTION

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return bool(self._started) and start_time(self.pid) == self._started

    @property
    def last_words(self) -> str:
        """The last line that the process wrote where nobody listens."""
        with contextlib.suppress(OSError):
            return _last_line((self.folder / LOG).read_bytes())
        return "it says nothing"

    def interrupt(self) -> None:
        """As the stop button of a notebook."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGINT)

    def end(self) -> None:
        """End it, with what its cells started; returns when it is gone."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        until = time.monotonic() + _END_SECONDS
        while self.is_alive and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)


def _is_complete(connection: Path) -> bool:
    try:
        return bool(json.loads(connection.read_text())["iopub_port"])
    except (OSError, ValueError, KeyError):
        return False


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    package = str(Path(__file__).parent.parent.parent)
    path = [entry for entry in variables.get("PYTHONPATH", "").split(os.pathsep) if entry]
    mine = {name: value for name, value in variables.items() if name not in _OTHERS}
    return {ORDER_OF_SETS: "0", **mine, "PYTHONPATH": os.pathsep.join([*path, *([] if package in path else [package])])}


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"
