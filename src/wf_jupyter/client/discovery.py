"""Which orchestrator this process should talk to, decided from its environment.

In this order: what the caller of `connect` said, `WF_JUPYTER_MODE`, `WF_JUPYTER_URL` with
`WF_JUPYTER_TOKEN`, the connection file that the Jupyter server announces to its kernels, the address that
it tells kernels behind a gateway, and in the end an orchestrator inside this very process. A server that
somebody named is insisted on.

The announcement is an environment variable, and those are inherited: a notebook runner started in a
Jupyter terminal has it too, and so have its kernels. A kernel therefore believes it only when its
parent is the process that wrote the file.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec

from wf_jupyter.errors import InputError, ServerUnavailable

Mode = Literal["auto", "server", "embedded"]
MODES = ("auto", "server", "embedded")

#: The protocol version that this client speaks.
PROTOCOL = 1


class NoServer(ServerUnavailable):
    """Nothing here names a server of ours: waiting a moment longer would not help."""


class NotUsable(ServerUnavailable):
    """A server announced itself, and this process has no way to use it."""


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """The connection file that the server extension writes for its kernels."""

    protocol: int
    server_id: str
    pid: int
    url: str
    secret: str
    hostname: str = ""
    boot_id: str = ""
    sock: str = ""
    base_url: str = "/"


@dataclass(frozen=True)
class Endpoint:
    """Where a server is and what it wants to see.

    `url` is where requests go, with a slash at the end; on a unix socket it is a Host header only, and
    `public_url` is the server's own address. `same_host` is True when files that the server names can be read here.
    """

    url: str
    authorization: str = field(default="", repr=False)
    sock: str = ""
    same_host: bool = False
    public_url: str = ""

    @property
    def name(self) -> str:
        """The address by which people know the server."""
        return self.public_url or self.url

    def api(self, path: str) -> str:
        """The address of a REST resource."""
        return f"{self.url}wf-jupyter/api/v1/{path}"


@dataclass(frozen=True)
class Choice:
    """Mode and endpoint that the environment asks for. Without a source of an endpoint only `embedded` is left."""

    mode: Mode
    url: str = ""
    token: str = field(default="", repr=False)
    file: Path | None = None
    #: Whether `url` is what the server told its kernels, and not what somebody named.
    is_from_kernel: bool = False


def choose(
    environ: Mapping[str, str], *, url: str | None = None, token: str | None = None, mode: str | None = None
) -> Choice:
    """Settle the mode and where to look. An explicit `url` means that server and no other."""
    wanted = mode or ("server" if url else environ.get("WF_JUPYTER_MODE", "").strip().lower()) or "auto"
    if wanted not in MODES:
        raise InputError(f"mode={wanted!r} is not allowed: it must be one of {', '.join(MODES)}", "mode")
    settled: Mode = "auto" if wanted == "auto" else "server" if wanted == "server" else "embedded"
    if settled == "embedded":
        if url:
            raise InputError("url= and mode='embedded' contradict each other: leave one out", "url")
        return Choice(settled)
    address = url or environ.get("WF_JUPYTER_URL", "").strip()
    if address:
        if not address.startswith(("http://", "https://")):
            raise InputError(f"url={address!r} is not allowed: it must start with http:// or https://", "url")
        if "?" in address or "#" in address:
            # What follows is not repeated: it may hold a token.
            bare = re.split("[?#]", address)[0]
            raise InputError(
                f"url={bare!r} is followed by '?' or '#': give the server's address alone, and its token as token= or "
                "in WF_JUPYTER_TOKEN",
                "url",
            )
        # A prefix may be copied as people see it: with blanks, or letters beyond ASCII.
        address = quote(address, safe="%/:@[]!$&'()*+,;=~")
        return Choice("server", url=address, token=token or _token(environ))
    announced = environ.get("WF_JUPYTER_CONNECTION_FILE", "").strip()
    if announced:
        return Choice(settled, file=Path(announced))
    # Gateways hand on what begins with KERNEL_, and no file of the server's machine.
    return Choice(
        settled, url=environ.get("KERNEL_WF_JUPYTER_URL", ""), token=token or _token(environ), is_from_kernel=True
    )


def endpoint(choice: Choice, environ: Mapping[str, str]) -> Endpoint:
    """The server that `choice` names; `ServerUnavailable` says why there is none.

    Reads the connection file anew at each call: after a restart of the server it says something else.
    """
    if choice.url:
        if choice.is_from_kernel and not choice.token:
            raise NotUsable(
                f"the server at {choice.url} started this kernel through a gateway, which hands no credential on: set "
                "WF_JUPYTER_TOKEN where kernels start to one that the server accepts"
            )
        authorization = f"token {choice.token}" if choice.token else ""
        # A URL tells nothing of file systems: a forwarded port looks local and is not.
        return Endpoint(choice.url.rstrip("/") + "/", authorization)
    if choice.file is None:
        raise NoServer(
            "no Jupyter server announced itself to this process (WF_JUPYTER_CONNECTION_FILE is not set); "
            "set WF_JUPYTER_URL and WF_JUPYTER_TOKEN to name one"
        )
    announced = _read(choice.file)
    if announced.protocol != PROTOCOL:
        raise ServerUnavailable(
            f"the server speaks version {announced.protocol} of the protocol and this client version {PROTOCOL}: "
            "install the same version of wf_jupyter for both"
        )
    _check_parent(announced, environ)
    # A kernel of another machine, or in a container, may see the file and not the socket.
    sock = announced.sock if Path(announced.sock).exists() or announced.url.startswith("http+unix") else ""
    # On a unix socket the address is only a Host header: the path in `sock` decides where it goes. A number, since
    # Jupyter may be told that `localhost` is not its name (`local_hostnames`).
    address = f"http://127.0.0.1{announced.base_url}" if sock else announced.url
    return Endpoint(
        address.rstrip("/") + "/",
        f"wf-jupyter {announced.secret}",
        sock,
        _is_this_host(announced),
        announced.url,
    )


def _read(file: Path) -> Announcement:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Announcement)
    except OSError as error:
        raise ServerUnavailable(f"the connection file {file} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ServerUnavailable(f"the connection file {file} is not valid: {error}") from error


def _check_parent(announced: Announcement, environ: Mapping[str, str]) -> None:
    parent = environ.get("JPY_PARENT_PID", "")
    # On Windows the variable holds a handle instead; without it this is no kernel but a script,
    # which somebody started on purpose where the announcement is visible.
    if sys.platform == "win32" or not parent.isdigit():
        return
    if int(parent) != announced.pid:
        raise NoServer("the announced Jupyter server did not start this kernel")


def _is_this_host(announced: Announcement) -> bool:
    return bool(announced.hostname) and (announced.hostname, announced.boot_id) == (socket.gethostname(), boot_id())


def boot_id() -> str:
    """The identity of this start of this machine, as names are used twice; empty where unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _token(environ: Mapping[str, str]) -> str:
    if token := environ.get("WF_JUPYTER_TOKEN", "").strip():
        return token
    if file := environ.get("WF_JUPYTER_TOKEN_FILE", "").strip():
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise InputError(
                f"WF_JUPYTER_TOKEN_FILE={file!r} cannot be read: {error.strerror}", "WF_JUPYTER_TOKEN_FILE"
            ) from error
    return ""
