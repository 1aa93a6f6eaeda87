"""Who may do what: every identity against every route and every method of the WebSocket, on five servers.

Whether a request is let through does not depend on what it asks for: the ids do not exist, so that a
404 means "allowed" and a 403 (or the way to the login page) "refused".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from jupyter_server.auth import Authorizer, IdentityProvider, User
from tornado.httpclient import HTTPClientError

from wf_jupyter.protocol.operations import METHODS, OPERATIONS

EXTENSION = {"jpserver_extensions": {"wf_jupyter": True}}
MSGPACK = {"Content-Type": "application/msgpack"}
#: Method, path, headers of the body, action: one row per kind of body.
ROUTES = [
    (operation.verb.upper(), re.sub(r"\{\w+\}", "unknown", operation.path), kind, action)
    for operation in OPERATIONS
    if operation.path
    for kind, action in (({}, operation.action), (MSGPACK, operation.packed))
    if action is not None
]
PAGES = ["", "executions/unknown", "executions/unknown/compare/other"]


class ReadOnly(Authorizer):
    """Everybody reads."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Only `read`, and only of our resource."""
        return action == "read" and resource == "wf_jupyter"


class StartOnly(Authorizer):
    """Everybody reads, and starts what is published."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Neither code of one's own nor commands to what others started."""
        return action in STARTER and resource == "wf_jupyter"


class HubUser(User):
    """A user as JupyterHub makes them, with more than Jupyter knows of."""

    def __init__(self, name: str) -> None:
        super().__init__(username=name, name=name)
        self.hub_user = {"name": name, "admin": name == "alice"}


class HubIdentity(IdentityProvider):
    """Knows people by a cookie or a token of the Hub, and nobody else."""

    def get_user(self, handler: Any) -> Any:
        """Alice, Bob, or nobody."""
        scheme, _, token = handler.request.headers.get("Authorization", "").partition(" ")
        if scheme == "token" and token in ("hub-alice", "hub-bob"):
            handler._token_authenticated = True
            return HubUser(token.removeprefix("hub-"))
        cookie = handler.get_cookie("hub")
        return HubUser(cookie) if cookie in ("alice", "bob") else None


class HubAuthorizer(Authorizer):
    """Fails for anybody who is no user of the Hub, as real ones do."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Administrators may do everything, others read."""
        return bool(user.hub_user["admin"]) or action == "read"


SERVERS: dict[str, dict[str, Any]] = {
    "default": {"ServerApp": EXTENSION},
    "read-only": {"ServerApp": {**EXTENSION, "authorizer_class": ReadOnly}},
    "start-only": {"ServerApp": {**EXTENSION, "authorizer_class": StartOnly}},
    "hub-like": {"ServerApp": {**EXTENSION, "authorizer_class": HubAuthorizer, "identity_provider_class": HubIdentity}},
    "closed": {"ServerApp": {**EXTENSION, "allow_unauthenticated_access": False}},
}
ALL = frozenset(("read", "execute", "submit", "write"))
STARTER = frozenset(("read", "execute"))
READ = frozenset(("read",))
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Visitor:
    """What an identity may do on a server: over HTTP, over a WebSocket, and with the pages."""

    api: frozenset[str]
    socket: frozenset[str]
    pages: bool

    @staticmethod
    def who_may(actions: frozenset[str]) -> Visitor:
        """The same everywhere."""
        return Visitor(actions, actions, "read" in actions)


NOBODY = Visitor.who_may(NONE)


def expected(server: str, identity: str) -> Visitor:
    """The whole matrix."""
    owner = {"default": ALL, "closed": ALL, "read-only": READ, "start-only": STARTER, "hub-like": NONE}[server]
    match identity:
        case "kernel":
            return Visitor.who_may(ALL)
        case "token" | "cookie":
            return Visitor.who_may(owner)
        case "cookie without XSRF":
            return Visitor(owner & READ, owner, "read" in owner)
        case "cookie from a foreign Origin":
            # A page that another one opens is no leak: that one cannot read it.
            return Visitor(NONE, NONE, "read" in owner)
        case "hub admin" if server == "hub-like":
            return Visitor.who_may(ALL)
        case "hub user" | "hub token" if server == "hub-like":
            return Visitor.who_may(READ)
        case _:
            return NOBODY


IDENTITIES = [
    "anonymous",
    "token",
    "cookie",
    "cookie without XSRF",
    "cookie from a foreign Origin",
    "hub admin",
    "hub user",
    "hub token",
    "kernel",
    "wrong secret",
    "kernel with a foreign Host",
    "token with a foreign Host",
]


async def headers_of(wire: Any, identity: str) -> dict[str, str]:
    """What such a visitor sends."""
    match identity:
        case "token" | "kernel":
            return dict(wire.kernel if identity == "kernel" else wire.authorization)
        case "wrong secret":
            return {"Authorization": "wf-jupyter " + "x" * 43}
        case "kernel with a foreign Host":
            return {**wire.kernel, "Host": "evil.example"}
        case "token with a foreign Host":
            return {**wire.authorization, "Host": "evil.example"}
        case "hub admin":
            return await _browser(wire, "hub=alice")
        case "hub user":
            return await _browser(wire, "hub=bob")
        case "hub token":
            return {"Authorization": "token hub-bob"}
        case "cookie":
            return await _browser(wire)
        case "cookie without XSRF":
            return {name: value for name, value in (await _browser(wire)).items() if name != "X-XSRFToken"}
        case "cookie from a foreign Origin":
            return {**await _browser(wire), "Origin": "http://evil.example"}
        case _:
            return {}


async def _browser(wire: Any, cookie: str = "") -> dict[str, str]:
    jar = dict([cookie.split("=")] if cookie else [])
    token = {} if cookie else {"token": wire.app.identity_provider.token or "none"}
    for path, query in (("tree", token), ("login", {})):
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} if jar else {}
        answer = await wire.ask("GET", path, api="", headers=sent, **query)
        for line in answer.headers.get_list("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if value.strip('"'):
                jar[name] = value
    return {
        "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items()),
        "X-XSRFToken": jar.get("_xsrf", ""),
    }


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """The name of one of the five."""
    return str(request.param)


@pytest.fixture
def jp_server_config(server: str) -> dict[str, Any]:
    """Its configuration, without limits: this is about permission."""
    return {**SERVERS[server], "WorkflowExtension": {"execution_rate": 0, "connection_rate": 0, "max_workers": 1}}


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_everybody_may_do_what_the_matrix_says_and_nothing_else(
    wire: Any, server: str, identity: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers = await headers_of(wire, identity)
    may = expected(server, identity)
    found: dict[str, bool] = {}
    wanted: dict[str, bool] = {}

    for method, path, kind, action in ROUTES:
        body = b'{"workflow": "unknown"}' if method in ("POST", "PUT") else None
        answer = await wire.ask(method, path, headers={**headers, **kind}, body=body)
        assert answer.status < 500, (method, path, answer.content)
        assert answer.status not in (401, 302), "an API never sends programs to a login page"
        found[f"{method} {path} {kind}"] = answer.status != 403
        wanted[f"{method} {path} {kind}"] = action in may.api
    for path in PAGES:
        answer = await wire.ask("GET", path, api="wf-jupyter/", headers=headers)
        assert answer.status in (200, 302, 403, 404)
        found[f"page {path}"] = answer.status in (200, 404)
        wanted[f"page {path}"] = may.pages
    try:
        socket = await wire.socket(headers=headers)
    except HTTPClientError as error:
        for name in METHODS:
            found[f"socket {name}"] = error.code != 403
            wanted[f"socket {name}"] = bool(may.socket)
    else:
        for name, operation in METHODS.items():
            reply = await socket.call(name, execution_id="unknown", workflow="unknown")
            found[f"socket {name}"] = reply.get("error", {}).get("code") != -32002
            wanted[f"socket {name}"] = operation.action in may.socket

    assert found == wanted
    assert not [record.getMessage() for record in caplog.records if record.exc_info], "a traceback in the log"
