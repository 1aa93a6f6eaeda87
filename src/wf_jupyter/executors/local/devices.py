"""GPUs of this machine: which there are, and who has which. Never two attempts on one.

Several servers, kernels and Dask workers of one user may share a machine, and no one process knows of all. So
a device is a lock of the operating system, which goes with the process that holds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

VARIABLE = "CUDA_VISIBLE_DEVICES"
#: A driver that is broken may not answer at all, and everybody waits meanwhile: it is asked once.
_ASKING_SECONDS = 3.0


def found(variables: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The devices that `variables` leave visible, else all that nvidia-smi lists."""
    if VARIABLE in variables:
        return tuple(name.strip() for name in variables[VARIABLE].split(",") if name.strip() not in ("", "-1"))
    tool = shutil.which("nvidia-smi")
    return () if tool is None else _list_devices(tool)


@functools.cache
def _list_devices(tool: str) -> tuple[str, ...]:
    asked = [tool, "--query-gpu=index", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=_ASKING_SECONDS, check=True).stdout
        return tuple(answer.split())
    return ()


class Devices:
    """Devices of this machine, shared by all pools of this process. They are looked for when first wanted."""

    def __init__(self, names: Sequence[str] | None = None) -> None:
        self._names = None if names is None else tuple(names)
        self._held: dict[str, int] = {}
        #: Why none could be had at the last look, other than that somebody has them.
        self.trouble = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, whoever has them."""
        if self._names is None:
            self._names = found()
        return self._names

    def take(self, count: int) -> tuple[str, ...] | None:
        """Take so many devices that nobody has; None when there are not as many."""
        taken: list[str] = []
        self.trouble = ""
        try:
            for name in self.names:
                if len(taken) == count:
                    break
                if name not in self._held and (lock := _lock(name)) is not None:
                    self._held[name] = lock
                    taken.append(name)
        except OSError as error:
            self.trouble = f"its lock cannot be had: {error}"
        if len(taken) < count:
            self.give_back(taken)
            return None
        return tuple(taken)

    def give_back(self, names: Sequence[str]) -> None:
        """Somebody else may have these."""
        for name in names:
            if (lock := self._held.pop(name, None)) is not None:
                os.close(lock)


def _lock(name: str) -> int | None:
    folder = Path(tempfile.gettempdir()) / f"wf-jupyter-gpu-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Anybody may have made one of that name before, with links in it to files of this user.
    made = folder.lstat()
    if not stat.S_ISDIR(made.st_mode) or made.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(folder / name.replace("/", "_"), flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return lock
