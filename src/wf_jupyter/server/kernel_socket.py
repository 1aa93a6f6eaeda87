"""A unix socket for the kernels of this server, beside the address that people use.

A kernel need not mind how that address is served: TLS with whatever certificate, a name that does not
resolve here, an address of another interface or family, a unix socket of the server's own. The socket
lies in a directory that only this user may enter, and every request still brings the kernels' secret.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import tempfile
from pathlib import Path

from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

_log = logging.getLogger("wf_jupyter")

#: How the directory of a server's socket begins.
PREFIX = "wf_jupyter-socket-"
#: `sun_path` holds 104 bytes on macOS and 108 on Linux, with the zero at the end.
_LONGEST = 103


class KernelSocket:
    """Serves the Jupyter server's own application on a unix socket. `path` is empty while it does not."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: HTTPServer | None = None
        self.path = ""

    def open(self, serverapp: ServerApp) -> None:
        """Listen, on the running loop. Where no such socket can be made, kernels use the server's address."""
        # Not every file system takes sockets, and not every path is short enough.
        for parent in (self._directory, Path(tempfile.gettempdir())):
            try:
                path, listening = _bound(parent)
                break
            except OSError as error:
                _log.debug("no unix socket could be made in %s: %s", parent, error)
                failure = error
        else:
            _log.warning("kernels use the server's address, because no unix socket could be made: %s", failure)
            return
        self._server = HTTPServer(
            serverapp.web_app,
            max_body_size=serverapp.max_body_size,
            max_buffer_size=serverapp.max_buffer_size,
        )
        self._server.add_socket(listening)
        self.path = path

    def close(self) -> None:
        """Listen no more and remove the socket. Idempotent; safe at interpreter exit."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        remove(self.path)
        self.path = ""


def remove(path: str) -> None:
    """Remove the socket of a server that is gone, with its directory."""
    directory = Path(path).parent
    if directory.name.startswith(PREFIX):
        with contextlib.suppress(OSError):
            shutil.rmtree(directory)


def _bound(parent: Path) -> tuple[str, socket.socket]:
    # mkdtemp gives a directory of mode 0700, whatever the umask.
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    path = str(made / "s")
    try:
        if len(os.fsencode(path)) > _LONGEST:
            raise OSError(f"the path of {path} is too long")
        return path, bind_unix_socket(path, mode=0o600)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        raise
