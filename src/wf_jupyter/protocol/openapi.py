"""The HTTP interface as an OpenAPI document, made from the same structs that read and write it.

`OPERATIONS` is the table of everything there is; a test compares it with the server's routes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Literal

import msgspec

from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.protocol import rest
from wf_jupyter.protocol.messages import Action, Execute, Hello
from wf_jupyter.protocol.problems import Problem
from wf_jupyter.protocol.rest import JSON, MSGPACK

Verb = Literal["get", "post", "put", "delete"]

_BYTES = "application/octet-stream"
_REFERENCE = "#/components/schemas/{name}"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. `body` and `answer` are given by media type; None for bytes.

    `packed` is the action that a MessagePack body needs, where that differs from `action`.
    """

    path: str
    verb: Verb
    summary: str
    action: Action = "read"
    packed: Action | None = None
    query: type[msgspec.Struct] | None = None
    body: dict[str, type[msgspec.Struct] | None] = {}
    body_required: bool = False
    answer: dict[str, Any] = {}
    status: int = 200
    may_be_empty: bool = False
    errors: tuple[int, ...] = ()


class Nothing(msgspec.Struct, frozen=True):
    """Done."""


_EXECUTION = "executions/{execution_id}"
_TASK = _EXECUTION + "/tasks/{key}"


def _command(name: str, summary: str, body: type[msgspec.Struct] = rest.CommandBody) -> Operation:
    return Operation(
        path=f"{_EXECUTION}/{name}",
        verb="post",
        summary=summary,
        action="write",
        body={JSON: body},
        answer={JSON: Nothing},
        errors=(400, 404, 409),
    )


OPERATIONS: Sequence[Operation] = (
    Operation(
        path="hello",
        verb="get",
        summary="Who answers here, and whether it is ready",
        query=rest.HelloQuery,
        answer={JSON: Hello},
        errors=(400,),
    ),
    Operation(path="openapi.json", verb="get", summary="This document", answer={JSON: dict[str, Any]}),
    Operation(
        path="executions",
        verb="get",
        summary="Executions, newest first; `before` is the id of the last one of the previous page",
        query=rest.ExecutionsQuery,
        answer={JSON: rest.ExecutionPage},
        errors=(400,),
    ),
    Operation(
        path="executions",
        verb="post",
        summary="Start a published workflow by name; kernels send a submission with its code as MessagePack",
        action="execute",
        packed="submit",
        body={JSON: Execute, MSGPACK: None},
        body_required=True,
        answer={JSON: rest.Created},
        status=201,
        errors=(400, 404, 413, 429),
    ),
    Operation(
        path="uploads/{upload}/{digest}",
        verb="put",
        summary="A part of a large input, before the submission that names the upload",
        action="submit",
        query=rest.UploadQuery,
        body={_BYTES: None},
        body_required=True,
        status=204,
        errors=(400, 413, 507),
    ),
    Operation(
        path=_EXECUTION, verb="get", summary="Everything about it at one `seq`", answer={JSON: Snapshot}, errors=(404,)
    ),
    Operation(
        path=_EXECUTION,
        verb="delete",
        summary="Forget it with its events and values, once it is final",
        action="write",
        status=204,
        errors=(404, 409),
    ),
    _command("cancel", "Stop it, or one `task` of it"),
    _command("pause", "Start nothing more until resumed"),
    _command("resume", "Undo a pause"),
    _command("retry", "Run what did not succeed again, or only one `task` and what waits for it", rest.RetryBody),
    Operation(
        path=f"{_EXECUTION}/rerun",
        verb="post",
        summary="A new execution that takes over what is unchanged, and computes `from` and all after it anew",
        action="write",
        packed="submit",
        body={JSON: rest.RerunFrom, MSGPACK: None},
        answer={JSON: rest.Created},
        status=201,
        errors=(400, 404, 409, 413, 429),
    ),
    Operation(
        path=f"{_EXECUTION}/events",
        verb="get",
        summary="Events after `after`; with `wait`, as soon as there is one",
        query=rest.EventsQuery,
        answer={JSON: rest.EventPage},
        errors=(400, 404),
    ),
    Operation(
        path=f"{_EXECUTION}/history",
        verb="get",
        summary="How long its tasks usually take, from earlier executions of the workflow",
        answer={JSON: rest.HistoryPage},
        errors=(404,),
    ),
    Operation(
        path=f"{_EXECUTION}/picture",
        verb="get",
        summary="What a notebook keeps of it: MIME types with still pictures and the state in short",
        answer={JSON: dict[str, Any]},
        errors=(404,),
    ),
    Operation(
        path=f"{_EXECUTION}/result",
        verb="get",
        summary="How it ended: a preview, or with `Accept: application/msgpack` the encoded value",
        query=rest.ResultQuery,
        answer={JSON: rest.ResultPage, MSGPACK: None},
        errors=(400, 404, 409),
    ),
    Operation(
        path=f"{_TASK}/logs",
        verb="get",
        summary="What a task printed",
        query=rest.TaskQuery,
        answer={JSON: rest.LogPage},
        errors=(400, 404),
    ),
    Operation(
        path=f"{_TASK}/log",
        verb="get",
        summary="Everything that one attempt of a task printed, a stretch at a time",
        query=rest.LogQuery,
        answer={JSON: rest.LogStretch},
        errors=(400, 404),
    ),
    Operation(
        path=f"{_TASK}/search",
        verb="get",
        summary="The lines of that log that hold a text, whatever its case",
        query=rest.SearchQuery,
        answer={JSON: rest.FoundPage},
        errors=(400, 404),
    ),
    Operation(
        path=f"{_TASK}/inputs",
        verb="get",
        summary="What a task is called with, and which tasks that comes from",
        answer={JSON: rest.InputPage},
        errors=(400, 404),
    ),
    Operation(
        path=f"{_TASK}/outputs",
        verb="get",
        summary="What a task displayed",
        query=rest.TaskQuery,
        answer={JSON: rest.OutputPage},
        errors=(400, 404),
    ),
    Operation(
        path=f"{_TASK}/result",
        verb="get",
        summary="The encoded result of a task",
        query=rest.ResultQuery,
        answer={MSGPACK: None},
        errors=(400, 404, 409),
    ),
    Operation(
        path=f"{_TASK}/call",
        verb="get",
        summary="What it was called with, for kernels: its code and values as bytes",
        query=rest.ResultQuery,
        answer={MSGPACK: None},
        errors=(400, 404, 409),
    ),
    Operation(
        path=f"{_TASK}/error",
        verb="get",
        summary="The pickled exception of a failed task",
        answer={_BYTES: None},
        may_be_empty=True,
        errors=(400, 404),
    ),
    Operation(
        path="workflows",
        verb="get",
        summary="The newest version of each published workflow",
        answer={JSON: rest.WorkflowList},
    ),
    Operation(
        path="workflows",
        verb="post",
        summary="Publish a workflow: its code, where it runs, and the schema of its inputs",
        action="submit",
        body={MSGPACK: None},
        body_required=True,
        answer={JSON: rest.WorkflowPage},
        status=201,
        errors=(400, 413),
    ),
    Operation(
        path="workflows/{name}",
        verb="get",
        summary="The newest version of one, with the JSON Schema of its inputs",
        answer={JSON: rest.WorkflowPage},
        errors=(404,),
    ),
)


def document(base_url: str, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a server whose pages start at `base_url`."""
    types = list(dict.fromkeys(_types()))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"/{operation.path}", {})[operation.verb] = _described(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wf_jupyter",
            "version": version,
            "description": "Workflows that run in the Jupyter server. Events come over the WebSocket `ws`.",
        },
        "servers": [{"url": f"{base_url}{rest.PREFIX}"}],
        "security": [{"token": []}, {"cookie": [], "xsrf": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`token <token of the server>`; kernels of this server: `wf-jupyter <secret>`",
                },
                "cookie": {"type": "apiKey", "in": "cookie", "name": "username-<host>-<port>"},
                "xsrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-XSRFToken",
                    "description": "the value of the cookie `_xsrf`; only for POST and DELETE, and only with a cookie",
                },
            },
        },
    }


def _types() -> Iterator[Any]:
    yield Problem
    for operation in OPERATIONS:
        yield from (kind for kind in (*operation.body.values(), *operation.answer.values()) if kind is not None)


def _described(operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    problem = {"content": {JSON: {"schema": schema_of[Problem]}}}
    errors = sorted({403, 503, *operation.errors})
    described: dict[str, Any] = {
        "operationId": _name(operation),
        "summary": operation.summary,
        "description": _permission(operation),
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation.query)],
        "responses": {
            str(operation.status): _success(operation, schema_of),
            **{str(status): {"description": HTTPStatus(status).phrase, **problem} for status in errors},
        },
    }
    if operation.may_be_empty:
        described["responses"]["204"] = {"description": "There is none"}
    if 429 in errors:
        described["responses"]["429"]["headers"] = {
            "Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "Seconds"}
        }
    if operation.body:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": _content(operation.body, schema_of),
        }
    return described


def _permission(operation: Operation) -> str:
    packed = f", and `{operation.packed}` for a body in MessagePack" if operation.packed else ""
    return f"Needs the action `{operation.action}` on the resource `wf_jupyter`{packed}."


def _success(operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer:
        success["content"] = _content(operation.answer, schema_of)
    if operation.status == 201:
        location = {"required": True, "schema": {"type": "string"}, "description": "The path of what was made"}
        success["headers"] = {"Location": location}
    return success


def _content(kinds: dict[str, Any], schema_of: dict[Any, Any]) -> dict[str, Any]:
    # OpenAPI 3.1 leaves the schema out where the content is bytes.
    return {media: {} if kind is None else {"schema": schema_of[kind]} for media, kind in kinds.items()}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    patterns = {"upload": {"pattern": "^upload-[0-9a-f]{32}$"}, "digest": {"pattern": "^[0-9a-f]{32}$"}}
    told = {"key": "The task's key, percent-encoded: it may hold `/`, `[` and `]`"}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, **patterns.get(name, {})},
            **({"description": told[name]} if name in told else {}),
        }
        for name in names
    ]


def _query_parameters(query: type[msgspec.Struct] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    (_,), components = msgspec.json.schema_components([query], ref_template=_REFERENCE)
    described = components[query.__name__]
    needed = described.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _query_schema(schema, components)}
        for name, schema in described["properties"].items()
    ]


def _query_schema(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    # A query has no null: leaving the parameter out says the same.
    choices = [choice for choice in schema.get("anyOf", [schema]) if choice != {"type": "null"}]
    chosen = dict(choices[0])
    if "$ref" in chosen:
        chosen = components[chosen["$ref"].rsplit("/", 1)[1]]
    chosen.pop("description", None)
    if schema.get("default") is not None:
        chosen["default"] = schema["default"]
    return chosen


def _name(operation: Operation) -> str:
    words = [word.strip("{}").removesuffix(".json") for word in operation.path.split("/")]
    return "_".join([operation.verb, *words])
