"""The connection of this process: found at first use, shared from then on, replaced by `connect`."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wf_jupyter import unsupported
from wf_jupyter.client.connection import Connection
from wf_jupyter.client.discovery import Choice, NoServer, NotUsable, choose, endpoint
from wf_jupyter.client.remote import RemoteConnection
from wf_jupyter.errors import NotPermitted, ProtocolMismatch, ServerUnavailable, WorkflowError

if TYPE_CHECKING:
    from wf_jupyter.client.embedded import EmbeddedConnection

_log = logging.getLogger("wf_jupyter")
_log.addHandler(logging.NullHandler())

#: A server writes its connection file a moment after it began to listen; that long it is waited for.
_PATIENCE = 2.0
#: Executions that are named when the process ends before them.
_NAMED = 5

_lock = threading.RLock()
_connection: Connection | None = None
_embedded: EmbeddedConnection | None = None
_is_observer = False
_has_warned = False


def current() -> Connection:
    """The connection that everything uses unless told otherwise."""
    global _connection
    with _lock:
        if _connection is None:
            _connection = _open_connection(choose(os.environ))
        return _connection


def connect(url: str | None = None, token: str | None = None, mode: str | None = None) -> Connection:
    """Settle where workflows of this process run from now on; executions already held keep their place."""
    global _connection
    choice = choose(os.environ, url=url, token=token, mode=mode)
    with _lock:
        _connection = _open_connection(choice)
        return _connection


def observe() -> None:
    """An orchestrator inside this process, if one is needed, only looks: it goes on with nothing that others left."""
    global _is_observer
    _is_observer = True


def embedded() -> EmbeddedConnection:
    """The orchestrator inside this process, started at the first call.

    Raises `ServerUnavailable` on a system where it cannot run.
    """
    global _embedded
    if reason := unsupported.reason():
        raise ServerUnavailable(reason)
    with _lock:
        if _embedded is None:
            from wf_jupyter.client.embedded import EmbeddedConnection

            _embedded = EmbeddedConnection.open(is_observer=_is_observer)
        return _embedded


def close() -> None:
    """Let go of every connection; the next use finds one anew."""
    global _connection, _embedded
    with _lock:
        held: tuple[Connection | None, ...] = (_connection, _embedded)
        ending = {id(connection): connection for connection in held if connection is not None}
        _connection = _embedded = None
    for connection in ending.values():
        connection.close()


def _open_connection(choice: Choice) -> Connection:
    if choice.mode == "embedded":
        return embedded()
    try:
        return _remote(choice)
    except WorkflowError as error:
        if choice.mode == "server":
            raise
        if isinstance(error, NoServer):
            _log.info("running workflows inside this process: %s", error)
        else:
            _warn(error)
        return embedded()


def _warn(error: WorkflowError) -> None:
    """Say, once, that things do not run where people expect it: on the server that announced itself."""
    global _has_warned
    if not _has_warned:
        _has_warned = True
        print(  # noqa: T201 - a line in the notebook is what is meant
            "wf_jupyter: the Jupyter server of this kernel cannot be used, so workflows run in this process and end "
            f"with it. The reason: {error}",
            file=sys.stderr,
        )


def _remote(choice: Choice) -> Connection:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            endpoint(choice, os.environ)
            return RemoteConnection.open(lambda: endpoint(choice, os.environ))
        except (NoServer, NotUsable, ProtocolMismatch):
            raise
        except NotPermitted as error:
            raise ServerUnavailable(str(error)) from error
        except ServerUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _forget() -> None:
    # A forked child has neither the threads nor the sockets of its parent: it starts over.
    global _lock, _connection, _embedded
    _lock = threading.RLock()
    _connection = _embedded = None


def _end() -> None:
    """At the end of the process: say what ends with it, as nobody sees it otherwise."""
    if (
        _embedded is not None
        and (message := _describe_unfinished(_embedded.unfinished()))
        and sys.__stderr__ is not None
    ):
        with contextlib.suppress(OSError, ValueError):
            print(message, file=sys.__stderr__, flush=True)
    close()


def _describe_unfinished(left: Sequence[tuple[str, str]]) -> str:
    if not left:
        return ""
    named = ", ".join(f"{workflow!r} ({execution})" for execution, workflow in left[:_NAMED])
    if len(left) > _NAMED:
        named += f" and {len(left) - _NAMED} more"
    verb, pronoun = ("execution", "it") if len(left) == 1 else (f"{len(left)} executions", "they")
    return (
        f"wf_jupyter: this process ends before its {verb}: {named}. What runs is stopped, and {pronoun} "
        f"{'goes' if len(left) == 1 else 'go'} on in the next process or Jupyter server with the same data directory; "
        "to wait for the end, write execution.result() or execution.wait()"
    )


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
