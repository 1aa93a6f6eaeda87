"""Authentication and authorization: Jupyter's own identity, or a kernel of this server by its secret.

A kernel runs code with the server's uid and can read the secret's file, so asking the configured
`Authorizer` about it would decide nothing; it also breaks authorizers that expect their own user
class. Requests with the secret therefore take their own decision (`kernel_actions`). All others are
Jupyter's business: identity provider, authorizer, XSRF and Origin checks stay untouched.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from jupyter_core.utils import ensure_async
from jupyter_server.auth import User
from jupyter_server.base.call_context import CallContext
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from wf_jupyter.errors import NotPermitted
from wf_jupyter.protocol.messages import Action
from wf_jupyter.protocol.rest import AUTH_SCHEME, MSGPACK, PROGRAM_HEADER
from wf_jupyter.server.rate_limit import Identity
from wf_jupyter.server.shared import Shared, get_shared

RESOURCE = "wf_jupyter"
KERNEL = "wf_jupyter-kernel"
_MADE_UP = "Anonymous "
_NAME_LENGTH = 100
_DEEDS: dict[Action, str] = {
    "read": "see workflows",
    "execute": "start published workflows",
    "submit": "run code of your own",
    "write": "change or delete executions",
}

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[None]])


class KernelAccess(JupyterHandler):
    """Lets kernels in by their secret, and answers questions of permission for everybody."""

    auth_resource = RESOURCE
    is_kernel = False

    @property
    def shared(self) -> Shared:
        """The object that this server's handlers share."""
        return get_shared(self.settings)

    async def prepare(self, **options: Any) -> None:
        """Find out who asks."""
        scheme, _, given = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != AUTH_SCHEME:
            await self._prepare_person(**options)
            return
        CallContext.set(CallContext.JUPYTER_HANDLER, self)
        self.current_user = self._jupyter_current_user = None
        secret = self.shared.secret
        # Compared as bytes: a header may hold anything, and compare_digest refuses non-ASCII text.
        if not hmac.compare_digest(given.strip().encode(), secret.encode()):
            raise web.HTTPError(403, "the secret is not that of this server's kernels")
        if not self.check_host():
            raise web.HTTPError(403)
        self.is_kernel = True
        self.current_user = self._jupyter_current_user = User(KERNEL)

    async def _prepare_person(self, **options: Any) -> None:
        try:
            await super().prepare(**options)
        except web.HTTPError as error:
            # Jupyter answers a foreign Origin with 404 on some paths and 403 on others.
            if error.status_code == 404 and not self.check_origin():
                raise web.HTTPError(403, "requests from this Origin are not allowed") from None
            raise

    @property
    def token_authenticated(self) -> bool:
        """Whether a credential in a header proves that no browser was tricked into asking."""
        return self.is_kernel or bool(super().token_authenticated)

    def skip_check_origin(self) -> bool:
        """Whether the Origin check may be skipped, as Jupyter asks it."""
        return self.is_kernel or bool(super().skip_check_origin())

    async def allows(self, action: Action) -> bool:
        """Whether the identity behind this request may do `action` on workflows."""
        if self.current_user is None:
            return False
        if self.is_kernel:
            return action in self.settings["wf_jupyter"].kernel_actions
        answer = self.authorizer.is_authorized(self, self.current_user, action, RESOURCE)
        return bool(await ensure_async(answer))

    async def require(self, action: Action) -> None:
        """Raise `NotPermitted` unless the identity may do `action`."""
        if not await self.allows(action):
            raise NotPermitted(f"you are not allowed to {_DEEDS[action]} on this server (action {action!r})")

    @property
    def is_packed(self) -> bool:
        """Whether the body says that it is MessagePack."""
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() == MSGPACK

    @property
    def identity(self) -> Identity:
        """The identity that rate limits go by: the credential, and the program that it says to be.

        All kernels have one credential, and nothing to gain from many names: they could as well start processes.
        """
        program = self.request.headers.get(PROGRAM_HEADER, "")[:_NAME_LENGTH]
        return Identity(self._credential(), program, is_trusted=self.is_kernel)

    def _credential(self) -> str:
        # Jupyter makes up a new user for each request that carries only the shared token: there the token
        # itself, hashed, is the credential; without any authentication it is the address.
        if self.is_kernel:
            return KERNEL
        if not self.identity_provider.auth_enabled:
            return f"address:{self.request.remote_ip}"
        token = self.identity_provider.get_token(self) if self.token_authenticated else None
        if token:
            return "token:" + hashlib.blake2b(token.encode(), digest_size=16).hexdigest()
        return f"user:{self.current_user.username}" if self.current_user else "anonymous"

    @property
    def person(self) -> str:
        """Whom to name as owner of what this request starts; empty for kernels, which say it themselves.

        Whoever has only the shared token gets a made-up name from Jupyter, another one in each browser:
        that is nobody's.
        """
        if self.is_kernel or self.current_user is None:
            return ""
        name = str(self.current_user.display_name or self.current_user.username)
        return "" if name.startswith(_MADE_UP) else name


def require_action(action: Action) -> Callable[[Handler], Handler]:
    """Require `action` for a handler method. Stands inside `tornado.web.authenticated`."""

    def wrap(method: Handler) -> Handler:
        @functools.wraps(method)
        async def inner(self: KernelAccess, *args: Any, **kwargs: Any) -> None:
            await self.require(action)
            await method(self, *args, **kwargs)

        return inner  # type: ignore[return-value]

    return wrap
