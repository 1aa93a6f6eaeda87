"""GPUs of this machine: which there are, and who has which. Never two attempts on one.

Several servers, kernels and Dask workers of one user may share a machine, and no one process knows of all. So
a device is a lock of the operating system, which goes with the process that holds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

VARIABLE = "CUDA_VISIBLE_DEVICES"
_ASKING_SECONDS = 10.0


def found(variables: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The devices that `variables` leave visible, else all that nvidia-smi lists."""
    if VARIABLE in variables:
        return tuple(name.strip() for name in variables[VARIABLE].split(",") if name.strip() not in ("", "-1"))
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    asked = [tool, "--query-gpu=index", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(asked, capture_output=True, text=True, timeout=_ASKING_SECONDS, check=True).stdout
        return tuple(told.split())
    return ()


class Devices:
    """Devices of this machine, shared by all pools of this process. They are looked for when first wanted."""

    def __init__(self, names: Sequence[str] | None = None) -> None:
        self._names = None if names is None else tuple(names)
        self._held: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, whoever has them."""
        if self._names is None:
            self._names = found()
        return self._names

    def take(self, count: int) -> tuple[str, ...] | None:
        """So many that nobody has, or None."""
        taken: list[str] = []
        for name in self.names:
            if len(taken) == count:
                break
            if name not in self._held and (lock := _lock(name)) is not None:
                self._held[name] = lock
                taken.append(name)
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
    lock = os.open(folder / name.replace("/", "_"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
