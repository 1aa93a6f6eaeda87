"""The table of operations: all that can be asked or commanded, each declared once.

From it follow the routes of the server with their checks of what an identity may do, the OpenAPI document,
the methods of the WebSocket, what `client.Connection.ask` sends, what a page may ask through its kernel, and
the names and paths in the view's TypeScript (`schema.json`). `docs/protocol.md` is checked against it.

An operation that only reads and answers in JSON needs nothing else but its answer: a function of the same
name in `service/queries/answers.py`. Anything else has an endpoint in `server/endpoints.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import msgspec

from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.protocol import messages, pages, rest
from wf_jupyter.protocol.messages import Action
from wf_jupyter.protocol.rest import JSON, MSGPACK

BYTES = "application/octet-stream"

Verb = Literal["get", "post", "put", "delete"]
Tag = Literal["server", "executions", "tasks", "workflows"]
A = TypeVar("A")


class Nothing(msgspec.Struct, frozen=True):
    """Done."""


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[A]):
    """One thing that can be asked, over HTTP, over the WebSocket, or both.

    Attributes:
        name: what everybody calls it; also its `operationId`, and the method of the WebSocket.
        summary: a line for people.
        path, verb: where it is over HTTP, relative to the prefix; no path for what only the WebSocket has.
        action: what the identity must be allowed to do; `packed` instead, for a body in MessagePack.
        query, body: the structs that are read; a body by its media type, None for bytes.
        answer: the struct of the answer in JSON. `answers_bytes` is the media type of one in bytes.
        status: of a success. `may_be_empty`: 204 is a success as well.
        errors: statuses that can be meant for this operation, beside 403 and 503.
        method: the parameters of the WebSocket's method of that name.
        is_relayed: whether a page may ask it through its kernel, too.
    """

    name: str
    summary: str
    path: str = ""
    verb: Verb = "get"
    action: Action = "read"
    packed: Action | None = None
    query: type[msgspec.Struct] | None = None
    body: Mapping[str, type[msgspec.Struct] | None] = field(default_factory=dict)
    body_required: bool = False
    answer: type[A] | None = None
    answers_bytes: str = ""
    status: int = 200
    may_be_empty: bool = False
    errors: tuple[int, ...] = ()
    method: type[messages.Params] | None = None
    is_relayed: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path, in order."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def tag(self) -> Tag:
        """Subject of the operation."""
        if "tasks" in self.path.split("/"):
            return "tasks"
        if self.path.startswith(("executions", "uploads")):
            return "executions"
        return "workflows" if self.path.startswith("workflows") else "server"


_EXECUTION = "executions/{execution_id}"
_TASK = _EXECUTION + "/tasks/{key}"


def _command(
    name: str, summary: str, method: type[messages.Params], body: type[msgspec.Struct] = rest.CommandBody
) -> Operation[Nothing]:
    return Operation(
        name=name,
        path=f"{_EXECUTION}/{name}",
        verb="post",
        summary=summary,
        action="write",
        body={JSON: body},
        answer=Nothing,
        errors=(400, 404, 409),
        method=method,
        is_relayed=True,
    )


EXECUTIONS = Operation(
    name="executions",
    path="executions",
    summary="Executions, newest first; `before` is the id of the last one of the previous page",
    query=rest.ExecutionsQuery,
    answer=pages.ExecutionPage,
    errors=(400,),
)
EVENTS = Operation(
    name="events",
    path=f"{_EXECUTION}/events",
    summary="Events after `after`; with `wait`, as soon as there is one",
    query=rest.EventsQuery,
    answer=pages.EventPage,
    errors=(400, 404),
    is_relayed=True,
)
ENDING = Operation(
    name="ending",
    path=f"{_EXECUTION}/ending",
    summary="Where it stands; with `wait`, as soon as it has ended or does not go on by itself",
    query=rest.EndingQuery,
    answer=pages.Standing,
    errors=(400, 404),
    method=messages.Ending,
)
HISTORY = Operation(
    name="history",
    path=f"{_EXECUTION}/history",
    summary="How long its tasks usually take, from earlier executions of the workflow",
    answer=pages.HistoryPage,
    errors=(404,),
    is_relayed=True,
)
LOG = Operation(
    name="log",
    path=f"{_TASK}/log",
    summary="Everything that one attempt of a task printed, a stretch at a time",
    query=rest.LogQuery,
    answer=pages.LogStretch,
    errors=(400, 404),
    is_relayed=True,
)
SEARCH = Operation(
    name="search",
    path=f"{_TASK}/search",
    summary="The lines of that log that hold a text, whatever its case",
    query=rest.SearchQuery,
    answer=pages.FoundPage,
    errors=(400, 404),
    is_relayed=True,
)
INPUTS = Operation(
    name="inputs",
    path=f"{_TASK}/inputs",
    summary="What a task is called with, and which tasks that comes from",
    answer=pages.InputPage,
    errors=(400, 404),
    is_relayed=True,
)
OUTPUTS = Operation(
    name="outputs",
    path=f"{_TASK}/outputs",
    summary="What a task displayed",
    query=rest.TaskQuery,
    answer=pages.OutputPage,
    errors=(400, 404),
    is_relayed=True,
)
USAGE = Operation(
    name="usage",
    path=f"{_EXECUTION}/usage",
    summary="Seconds of the processor and memory at the peak, per task and in all",
    answer=pages.UsagePage,
    errors=(404,),
    is_relayed=True,
)
WORKFLOWS = Operation(
    name="workflows",
    path="workflows",
    summary="The newest version of each published workflow",
    answer=pages.WorkflowList,
)

OPERATIONS: Sequence[Operation[Any]] = (
    Operation(
        name="hello",
        path="hello",
        summary="Who answers here, and whether it is ready",
        query=rest.HelloQuery,
        answer=messages.Hello,
        errors=(400,),
    ),
    Operation(name="openapi", path="openapi.json", summary="This document", answer=dict),
    EXECUTIONS,
    Operation(
        name="execute",
        path="executions",
        verb="post",
        summary="Start a published workflow by name; kernels send a submission with its code as MessagePack",
        action="execute",
        packed="submit",
        body={JSON: messages.Execute, MSGPACK: None},
        body_required=True,
        answer=pages.Created,
        status=201,
        errors=(400, 404, 413, 429),
        method=messages.Execute,
    ),
    Operation(name="subscribe", summary="Follow an execution, or all of them", method=messages.Subscribe),
    Operation(name="unsubscribe", summary="Follow it no longer", method=messages.Unsubscribe),
    Operation(
        name="upload",
        path="uploads/{upload}/{digest}",
        verb="put",
        summary="A part of a large input, before the submission that names the upload",
        action="submit",
        query=rest.UploadQuery,
        body={BYTES: None},
        body_required=True,
        status=204,
        errors=(400, 413, 507),
    ),
    Operation(
        name="execution", path=_EXECUTION, summary="Everything about it at one `seq`", answer=Snapshot, errors=(404,)
    ),
    Operation(
        name="delete",
        path=_EXECUTION,
        verb="delete",
        summary="Forget it with its events and values, once it is final",
        action="write",
        status=204,
        errors=(404, 409),
    ),
    _command("cancel", "Stop it, or one `task` of it", messages.Cancel),
    _command("pause", "Start nothing more until resumed", messages.Pause),
    _command("resume", "Undo a pause", messages.Resume),
    _command(
        "retry",
        "Run what did not succeed again, or only one `task` and what waits for it",
        messages.Retry,
        rest.RetryBody,
    ),
    Operation(
        name="rerun",
        path=f"{_EXECUTION}/rerun",
        verb="post",
        summary="A new execution that takes over what is unchanged, and computes `from` and all after it anew",
        action="write",
        packed="submit",
        body={JSON: rest.RerunFrom, MSGPACK: None},
        answer=pages.Created,
        status=201,
        errors=(400, 404, 409, 413, 429),
        is_relayed=True,
    ),
    EVENTS,
    ENDING,
    HISTORY,
    USAGE,
    Operation(
        name="picture",
        path=f"{_EXECUTION}/picture",
        summary="What a notebook keeps of it: MIME types with still pictures and the state in short",
        answer=dict,
        errors=(404,),
    ),
    Operation(
        name="result",
        path=f"{_EXECUTION}/result",
        summary="How it ended: a preview, or with `Accept: application/msgpack` the encoded value",
        query=rest.ResultQuery,
        answer=pages.ResultPage,
        answers_bytes=MSGPACK,
        errors=(400, 404, 409),
    ),
    Operation(
        name="logs",
        path=f"{_TASK}/logs",
        summary="What a task printed",
        query=rest.TaskQuery,
        answer=pages.LogPage,
        errors=(400, 404),
    ),
    LOG,
    SEARCH,
    INPUTS,
    OUTPUTS,
    Operation(
        name="task_result",
        path=f"{_TASK}/result",
        summary="The encoded result of a task",
        query=rest.ResultQuery,
        answers_bytes=MSGPACK,
        errors=(400, 404, 409),
    ),
    Operation(
        name="task_call",
        path=f"{_TASK}/call",
        summary="What it was called with, for kernels: its code and values as bytes",
        query=rest.ResultQuery,
        answers_bytes=MSGPACK,
        errors=(400, 404, 409),
    ),
    Operation(
        name="task_error",
        path=f"{_TASK}/error",
        summary="The pickled exception of a failed task",
        answers_bytes=BYTES,
        may_be_empty=True,
        errors=(400, 404),
    ),
    WORKFLOWS,
    Operation(
        name="publish",
        path="workflows",
        verb="post",
        summary="Publish a workflow: its code, where it runs, and the schema of its inputs",
        action="submit",
        body={MSGPACK: None},
        body_required=True,
        answer=pages.WorkflowPage,
        status=201,
        errors=(400, 413),
    ),
    Operation(
        name="workflow",
        path="workflows/{name}",
        summary="The newest version of one, with the JSON Schema of its inputs",
        answer=pages.WorkflowPage,
        errors=(404,),
    ),
)

#: Those of the WebSocket, by the name of the method.
METHODS: Mapping[str, Operation[Any]] = {each.name: each for each in OPERATIONS if each.method is not None}
#: Those that a page may ask through its kernel.
RELAYED: Mapping[str, Operation[Any]] = {each.name: each for each in OPERATIONS if each.is_relayed}
