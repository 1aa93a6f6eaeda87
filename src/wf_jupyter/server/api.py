"""Base of all REST handlers: bodies in, structs out, errors as `{"message", "reason", "field"?}`."""

from __future__ import annotations

import http
import math
import re
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from wf_jupyter.errors import WorkflowError
from wf_jupyter.protocol import problems
from wf_jupyter.protocol.pages import Created
from wf_jupyter.protocol.rest import JSON, MSGPACK, read_json, read_msgpack, read_query
from wf_jupyter.server.access import KernelAccess
from wf_jupyter.server.host import OrchestratorHost
from wf_jupyter.service.orchestrator import Orchestrator

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")


class RestHandler(KernelAccess, ExtensionHandlerMixin, APIHandler):
    """Base of the REST handlers. Errors of our tree raised by a method become answers, not log entries."""

    @property
    def host(self) -> OrchestratorHost:
        """The orchestrator, or the reason why there is none."""
        return self.shared.host

    async def ask(self, question: Callable[[Orchestrator], Coroutine[Any, Any, T]]) -> T:
        """Let the orchestrator answer."""
        return await self.host.ask(question)

    def limit_rate(self) -> None:
        """Use one execution of this identity's allowance; `RateLimited`."""
        self.shared.executions.take(self.identity, time.monotonic())

    # -- reading ----------------------------------------------------------------------------------

    def query(self, kind: type[S]) -> S:
        """The query string; `InputError` naming the field."""
        return read_query(self.request.query_arguments, kind)

    def body(self, kind: type[S]) -> S:
        """The JSON body; `InputError` naming the field."""
        return read_json(self.request.body, kind)

    def decode_body(self, kind: type[S]) -> S:
        """The MessagePack body; `InputError` naming the field."""
        return read_msgpack(self.request.body, kind)

    @property
    def wants_packed(self) -> bool:
        """Whether the answer should be MessagePack."""
        return MSGPACK in self.request.headers.get("Accept", "").lower()

    # -- answering --------------------------------------------------------------------------------

    def answer(self, value: object, status: int = 200) -> None:
        """End with a JSON body."""
        self.set_status(status)
        self.finish(msgspec.json.encode(value), set_content_type=JSON)

    def answer_nothing(self) -> None:
        """End with 204."""
        self.set_status(204)
        self.finish()

    def compute_etag(self) -> None:
        """None: a digest of megabytes for each answer, that nobody asks for."""

    async def answer_created(self, execution: str) -> None:
        """End with 201, and where the new execution is."""
        snapshot = await self.ask(lambda engine: engine.snapshot(execution))
        self.set_header("Location", f"{self.base_url}wf-jupyter/api/v1/executions/{execution}")
        created = Created(id=execution, execution_id=execution, workflow=snapshot.workflow, status=snapshot.status)
        self.answer(created, status=201)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Errors of our tree are answers: the access log's line is enough, also when a disk is full for hours."""
        if not isinstance(value, WorkflowError) or problems.crossing(value).status == 500:
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **options: Any) -> None:
        """Every error has the same body, and never a traceback."""
        info = options.get("exc_info")
        error = info[1] if info else None
        if isinstance(error, web.HTTPError) or error is None:
            phrase = _phrase(status_code)
            message = getattr(error, "log_message", None) or phrase
            problem = problems.Problem(message=message.replace("%%", "%"), reason=_snake(phrase))
        else:
            status_code = problems.crossing(error).status
            problem = problems.problem(error)
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.methods()))
        if problem.retry_after is not None:
            self.set_header("Retry-After", str(math.ceil(problem.retry_after)))
        self.answer(problem, status_code)

    def methods(self) -> list[str]:
        """Methods that the path takes, for the header of a 405."""
        missing = web.RequestHandler._unimplemented_method
        return [name for name in self.SUPPORTED_METHODS if getattr(type(self), name.lower(), missing) is not missing]


class UnknownResource(RestHandler):
    """Anything else below the API's prefix: a 404 that programs can read."""

    @web.authenticated
    async def get(self, *_: str) -> None:
        """Answer 404."""
        raise web.HTTPError(404, "there is no such resource in this API")

    post = put = patch = delete = head = get


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "error"


def _snake(phrase: str) -> str:
    return re.sub(r"[^a-z]+", "_", phrase.lower()).strip("_")
