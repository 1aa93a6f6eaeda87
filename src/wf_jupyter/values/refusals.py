"""The errors about what cannot be sent to a worker: they name the task, the variable and what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from wf_jupyter.errors import InputError, WorkflowDefinitionError
from wf_jupyter.model.draft import DraftNode
from wf_jupyter.values.codec import Reference, encode
from wf_jupyter.values.importable import explain_module
from wf_jupyter.values.obstacles import explain_function, explain_value

References = Callable[[object], Reference | None]


def refuse_code(node: DraftNode, references: References, error: Exception) -> WorkflowDefinitionError:
    """The error for code that raised `error` when it was encoded."""
    explanation = explain_function(node.function, node.key, error, lambda part: encode(part, references))
    return WorkflowDefinitionError(f"the code of task {node.key!r} cannot be sent to a worker: {explanation}")


def refuse_argument(node: DraftNode, references: References, error: Exception) -> InputError:
    """The error for arguments that raised `error` when they were encoded: it names the first that cannot be."""
    for name, value in _arguments(node).items():
        try:
            encode(value, references)
        except Exception as found:  # any object may refuse to be pickled in its own way
            explanation = explain_value(value, name, found, lambda part: encode(part, references))
            return InputError(f"argument {name!r} of task {node.key!r} cannot be sent to a worker: {explanation}", name)
    return InputError(f"the arguments of task {node.key!r} cannot be sent to a worker: {error}", "?")


def refuse_item(
    node: DraftNode, parameter: str, index: int, value: object, references: References, error: Exception
) -> InputError:
    """The error for an item of a mapped list that raised `error` when it was encoded."""
    explanation = explain_value(value, f"{parameter}[{index}]", error, lambda part: encode(part, references))
    return InputError(
        f"item {index} of {parameter!r} of task {node.key!r} cannot be sent to a worker: {explanation}", parameter
    )


def refuse_result(workflow: str, result: object, references: References, error: Exception) -> WorkflowDefinitionError:
    """The error for what a body returned, which raised `error` when it was encoded."""
    explanation = explain_value(result, "result", error, lambda part: encode(part, references), _OF_RESULT)
    return WorkflowDefinitionError(f"the return value of workflow {workflow!r} cannot be sent: {explanation}")


_OF_RESULT = "Return results of tasks and plain values, and create it where the result is used"


def check_modules(key: str, code: bytes, call: bytes, strange: Mapping[str, str]) -> None:
    """Raise `WorkflowDefinitionError` when encoded code or arguments need one of the modules of `strange_modules`."""
    for blob, what in ((code, "the code"), (call, "an argument")):
        explanation = explain_module(blob, strange)
        if explanation is not None:
            raise WorkflowDefinitionError(f"{what} of task {key!r} cannot be sent to a worker: {explanation}")


def _arguments(node: DraftNode) -> dict[str, object]:
    try:
        names = list(inspect.signature(node.function).parameters)
    except (TypeError, ValueError):  # a function that is not written in Python
        names = []
    names += [str(position) for position in range(len(names), len(node.args))]
    return {**dict(zip(names, node.args, strict=False)), **node.kwargs}
