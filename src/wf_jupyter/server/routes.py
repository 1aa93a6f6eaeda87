"""Which handler answers where: from the table of operations. Patterns are relative to the server's base URL."""

from __future__ import annotations

import re
from typing import Any

from wf_jupyter.protocol.operations import OPERATIONS, Operation, Verb
from wf_jupyter.protocol.rest import PREFIX
from wf_jupyter.server.api import UnknownResource
from wf_jupyter.server.pages import ComparePage, ExecutionPage, ListPage
from wf_jupyter.server.resource import Resource
from wf_jupyter.server.ws.socket import EventSocket

Route = tuple[str, type[Any]] | tuple[str, type[Any], dict[str, Any]]

_ID = "([^/]+)"
# A task key may hold slashes, and some proxies decode %2F on the way: the last word decides.
_KEY = "(.+)"


def routes() -> list[Route]:
    """All of them; the first that matches wins."""
    return [
        *((_pattern(path), Resource, {"operations": found}) for path, found in _by_path().items()),
        (f"/{PREFIX}/ws", EventSocket),
        ("/wf-jupyter/api(?:/.*)?", UnknownResource),
        (f"/wf-jupyter/executions/{_ID}/compare/{_ID}", ComparePage),
        (f"/wf-jupyter/executions/{_ID}", ExecutionPage),
        ("/wf-jupyter/?", ListPage),
    ]


def _by_path() -> dict[str, dict[Verb, Operation[Any]]]:
    found: dict[str, dict[Verb, Operation[Any]]] = {}
    for operation in OPERATIONS:
        if operation.path:
            found.setdefault(operation.path, {})[operation.verb] = operation
    return found


def _pattern(path: str) -> str:
    parts = [
        part if not part.startswith("{") else _KEY if part == "{key}" else _ID for part in map(_escape, path.split("/"))
    ]
    # A collection may be asked for with a slash at its end.
    return f"/{PREFIX}/{'/'.join(parts)}" + ("/?" if len(parts) == 1 else "")


def _escape(part: str) -> str:
    return part if part.startswith("{") else re.escape(part)
