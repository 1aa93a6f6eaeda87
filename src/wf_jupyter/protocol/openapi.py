"""The HTTP interface as an OpenAPI document, made from the table of operations and the structs that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from wf_jupyter.protocol import rest
from wf_jupyter.protocol.operations import OPERATIONS, Operation
from wf_jupyter.protocol.problems import Problem
from wf_jupyter.protocol.rest import JSON

_REFERENCE = "#/components/schemas/{name}"
_SERVED = [operation for operation in OPERATIONS if operation.path]


def document(base_url: str, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a server whose pages start at `base_url`."""
    types = list(dict.fromkeys(_types()))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in _SERVED:
        paths.setdefault(f"/{operation.path}", {})[operation.verb] = _describe_operation(operation, schema_of)
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
    for operation in _SERVED:
        yield from (kind for kind in (*operation.body.values(), *_answers(operation).values()) if kind is not None)


def _answers(operation: Operation[Any]) -> dict[str, Any]:
    """Answers of an operation by media type; None for bytes."""
    answers: dict[str, Any] = {} if operation.answer is None else {JSON: operation.answer}
    return {**answers, operation.answers_bytes: None} if operation.answers_bytes else answers


def _describe_operation(operation: Operation[Any], schema_of: dict[Any, Any]) -> dict[str, Any]:
    problem = {"content": {JSON: {"schema": schema_of[Problem]}}}
    errors = sorted({403, 503, *operation.errors})
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _permission(operation),
        "parameters": [*_path_parameters(operation), *_query_parameters(operation.query)],
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


def _permission(operation: Operation[Any]) -> str:
    packed = f", and `{operation.packed}` for a body in MessagePack" if operation.packed else ""
    return f"Needs the action `{operation.action}` on the resource `wf_jupyter`{packed}."


def _success(operation: Operation[Any], schema_of: dict[Any, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if answers := _answers(operation):
        success["content"] = _content(answers, schema_of)
    if operation.status == 201:
        location = {"required": True, "schema": {"type": "string"}, "description": "The path of what was made"}
        success["headers"] = {"Location": location}
    return success


def _content(kinds: Mapping[str, Any], schema_of: dict[Any, Any]) -> dict[str, Any]:
    # OpenAPI 3.1 leaves the schema out where the content is bytes.
    return {media: {} if kind is None else {"schema": schema_of[kind]} for media, kind in kinds.items()}


def _path_parameters(operation: Operation[Any]) -> list[dict[str, Any]]:
    patterns = {"upload": {"pattern": "^upload-[0-9a-f]{32}$"}, "digest": {"pattern": "^[0-9a-f]{32}$"}}
    descriptions = {"key": "The task's key, percent-encoded: it may hold `/`, `[` and `]`"}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, **patterns.get(name, {})},
            **({"description": descriptions[name]} if name in descriptions else {}),
        }
        for name in operation.parameters
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
