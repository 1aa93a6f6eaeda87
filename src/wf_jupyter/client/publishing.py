"""Publishing: a workflow under a name, so that anything that can send JSON can run it.

The server keeps the code without reading it; a worker in this process's environment traces the
workflow anew for each execution, with that execution's inputs.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from wf_jupyter.errors import WorkflowDefinitionError
from wf_jupyter.model.submission import Environment
from wf_jupyter.ports import Published
from wf_jupyter.values.code import encode_code

if TYPE_CHECKING:
    from wf_jupyter.dsl.workflow import BoundWorkflow, Workflow


def published(workflow: Workflow[..., Any], name: str | None, environment: Environment) -> Published:
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
        description=inspect.getdoc(workflow.function) or "",
        published=datetime.now(UTC),
    )


def parameters(workflow: Workflow[..., Any]) -> dict[str, Any]:
    """A JSON Schema of the inputs. What an annotation does not say in JSON's terms may be anything."""
    try:
        annotations = typing.get_type_hints(workflow.function)
    except Exception:
        annotations = {}  # an annotation may name what does not exist here; the body will not mind
    properties: dict[str, Any] = {}
    required = []
    for name, parameter in workflow.signature.parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        properties[name] = _schema(annotations.get(name, Any))
        if parameter.default is parameter.empty:
            required.append(name)
        else:
            properties[name] |= _default(parameter.default)
    return {"type": "object", "properties": properties, "required": required}


def _tracer(workflow: Workflow[..., Any]) -> Callable[[str], BoundWorkflow]:
    def trace(inputs: str) -> BoundWorkflow:
        return workflow.bind(**json.loads(inputs))

    return trace


def _schema(annotation: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.json.schema(annotation)
    except Exception:
        return {}
    return found


def _default(value: object) -> dict[str, Any]:
    try:
        return {"default": msgspec.to_builtins(value)}
    except Exception:
        return {}
