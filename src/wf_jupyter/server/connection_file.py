"""The file that tells this server's kernels where it is, with a secret that lives as long as it does.

Only its path is in the environment; the secret is in the file alone, readable by this user only.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import socket
from pathlib import Path

import msgspec
from jupyter_core.paths import secure_write

from wf_jupyter.private_files import make_directory
from wf_jupyter.protocol.messages import PROTOCOL
from wf_jupyter.server import kernel_socket

VARIABLE = "WF_JUPYTER_CONNECTION_FILE"
_log = logging.getLogger("wf_jupyter")


class _Owner(msgspec.Struct):
    pid: int
    hostname: str = ""
    boot_id: str = ""
    sock: str = ""


class ConnectionFile:
    """The file of one server start. `announce` names it, `write` fills it, `remove` undoes both."""

    def __init__(self, directory: Path) -> None:
        # The random part keeps two hosts with one home directory and the same pid apart.
        self.path = directory / f"wf_jupyter-{os.getpid()}-{secrets.token_hex(4)}.json"
        self.secret = secrets.token_urlsafe(32)

    def announce(self) -> None:
        """Let every kernel and terminal started from now on know the path."""
        os.environ[VARIABLE] = str(self.path)

    def write(self, *, server_id: str, url: str, sock: str, base_url: str) -> None:
        """Write the file; readable by this user only from the first moment."""
        make_directory(self.path.parent)
        content = {
            "protocol": PROTOCOL,
            "server_id": server_id,
            "pid": os.getpid(),
            "hostname": socket.gethostname(),
            "boot_id": boot_id(),
            "url": url,
            "sock": sock,
            "base_url": base_url,
            "secret": self.secret,
        }
        # Renamed into place, so that a kernel never reads half of it.
        partial = self.path.with_suffix(".part")
        with secure_write(str(partial)) as file:
            json.dump(content, file, indent=2)
        partial.replace(self.path)

    def remove(self) -> None:
        """Forget path and file. Idempotent; safe at interpreter exit."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        if os.environ.get(VARIABLE) == str(self.path):
            del os.environ[VARIABLE]


def boot_id() -> str:
    """Identity of this boot of this machine; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def prune(directory: Path) -> None:
    """Remove files of servers of this host that were killed; those of other hosts are not ours to judge."""
    for path in directory.glob("wf_jupyter-*-*.json"):
        try:
            owner = msgspec.json.decode(path.read_bytes(), type=_Owner)
        except (OSError, msgspec.DecodeError):
            continue
        if owner.hostname == socket.gethostname() and not _is_alive(owner):
            kernel_socket.remove(owner.sock)
            with contextlib.suppress(OSError):
                path.unlink()
                _log.debug("removed the connection file of a dead server: %s", path.name)


def _is_alive(owner: _Owner) -> bool:
    if owner.boot_id != boot_id():
        return False
    if os.name != "posix":
        return True  # os.kill(pid, 0) would end the process there
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
