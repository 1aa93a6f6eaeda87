"""Which Jupyter server a terminal means: the one that announced itself last, of this user, on this host."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from pathlib import Path

import msgspec

from wf_jupyter.client.discovery import Announcement, boot_id


def announce(environ: MutableMapping[str, str]) -> None:
    """Point `environ` at that server, unless it says already where to look."""
    if any(environ.get(f"WF_JUPYTER_{name}") for name in ("MODE", "URL", "CONNECTION_FILE")):
        return
    from jupyter_core.paths import jupyter_runtime_dir

    if found := newest(Path(jupyter_runtime_dir())):
        environ["WF_JUPYTER_CONNECTION_FILE"] = str(found)


def newest(directory: Path) -> Path | None:
    """The youngest connection file of a server that lives."""
    alive = [(_age(path), path) for path in directory.glob("wf_jupyter-*.json") if _is_alive(path)]
    return max(alive)[1] if alive else None


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_alive(path: Path) -> bool:
    try:
        announced = msgspec.json.decode(path.read_bytes(), type=Announcement)
    except (OSError, msgspec.MsgspecError):
        return False
    if (announced.hostname, announced.boot_id) != (socket.gethostname(), boot_id()):
        return False
    if os.name != "posix":
        return True  # os.kill(pid, 0) would end the process there
    try:
        os.kill(announced.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
