"""Publishing: a workflow under a name, so that anything that can send JSON can run it.

The server keeps the code without reading it; a worker in this process's environment traces the
workflow anew for each execution, with that execution's inputs.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from wf_jupyter.errors import InputError, WorkflowDefinitionError
from wf_jupyter.launch import Bound, Definition
from wf_jupyter.model.secrecy import is_secret
from wf_jupyter.model.submission import Environment
from wf_jupyter.ports import Published
from wf_jupyter.values.code import encode_code
from wf_jupyter.values.secret import marks_secret, unmark


def pack_workflow(workflow: Definition, name: str | None, environment: Environment) -> Published:
    """The workflow as it is sent; `WorkflowDefinitionError` when its code cannot be."""
    try:
        code = encode_code(_tracer(workflow))
    except Exception as error:
        raise WorkflowDefinitionError(f"workflow {workflow.name!r} cannot be published: {error}") from error
    return Published(
        name=name or workflow.name,
        version=0,
        code=code,
        environment=environment,
        parameters=parameters(workflow),
        options=workflow.options,
        description=inspect.getdoc(workflow.function) or "",
        published=datetime.now(UTC),
    )


def parameters(workflow: Definition) -> dict[str, Any]:
    """A JSON Schema of the inputs. What an annotation does not say in JSON's terms may be anything."""
    annotations = _annotations(workflow)
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    required = []
    takes_more = False
    for name, parameter in workflow.signature.parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            takes_more |= parameter.kind is parameter.VAR_KEYWORD
            continue
        annotation = annotations.get(name, Any)
        properties[name], defined = _schema(unmark(annotation))
        definitions |= defined
        if marks_secret(annotation) or is_secret(name):
            properties[name] |= {"writeOnly": True}
        if parameter.default is parameter.empty:
            required.append(name)
        elif not properties[name].get("writeOnly"):
            properties[name] |= _default(parameter.default)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": takes_more}
    return schema | ({"$defs": definitions} if definitions else {})


def from_json(workflow: Definition, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """JSON inputs as what the annotations ask for: a date, a dataclass, a set; `InputError` names what is none."""
    annotations = _annotations(workflow)
    return {name: _convert_default(value, unmark(annotations.get(name, Any)), name) for name, value in inputs.items()}


def _tracer(workflow: Definition) -> Callable[[str], Bound]:
    def trace(inputs: str) -> Bound:
        from wf_jupyter.client.publishing import from_json

        return workflow.bind(**from_json(workflow, json.loads(inputs)))

    return trace


def _annotations(workflow: Definition) -> dict[str, Any]:
    try:
        return typing.get_type_hints(workflow.function)
    except Exception:
        return {}  # an annotation may name what does not exist here; the body will not mind


def _convert_default(value: Any, annotation: Any, name: str) -> Any:
    if not _schema(annotation)[0]:
        return value
    try:
        return msgspec.convert(value, annotation)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {error}", name) from None


def _schema(annotation: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        (found,), defined = msgspec.json.schema_components([annotation], ref_template="#/$defs/{name}")
    except Exception:
        return {}, {}
    return found, defined


def _default(value: object) -> dict[str, Any]:
    try:
        return {"default": msgspec.to_builtins(value)}
    except Exception:
        return {}
