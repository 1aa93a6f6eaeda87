"""A workflow's inputs: bound to its signature, checked against its annotations, shown in short."""

from __future__ import annotations

import difflib
import inspect
import re
import typing
from collections.abc import Callable, Mapping

from wf_jupyter.dsl.annotations import describe_annotation, mismatch
from wf_jupyter.dsl.references import nodes_in
from wf_jupyter.errors import InputError
from wf_jupyter.model.secrecy import MASK, is_secret
from wf_jupyter.values.preview import Bounded, text_of
from wf_jupyter.values.secret import marks_secret, reveal, secret, unmark

PREVIEW_LENGTH = 200

_brief = Bounded(entries=8, text=PREVIEW_LENGTH)


def bound_inputs(
    workflow: str,
    function: Callable[..., object],
    signature: inspect.Signature,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
) -> inspect.BoundArguments:
    """The inputs with defaults filled in; `InputError` names the input that is missing, unknown or of a wrong type."""
    _refuse_unknown(workflow, signature, kwargs)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        missing = re.search(r"missing a required (?:keyword-only )?argument: '(.+?)'", str(error))
        field = missing[1] if missing else None
        reason = f"the input {field!r} is missing" if field else str(error)
        raise InputError(
            f"workflow {workflow!r}: {reason}; its inputs are {workflow}{mask_defaults(signature)}", field
        ) from None
    bound.apply_defaults()
    for name, annotation in _annotations(function, signature).items():
        if marks_secret(annotation) and bound.arguments.get(name) is not None:
            bound.arguments[name] = secret(bound.arguments[name])
        if name in bound.arguments and (found := _mismatch(bound, name, annotation)):
            if marks_secret(annotation) or is_secret(name):
                found = f"{name} must be {describe_annotation(unmark(annotation))}"
            raise InputError(f"workflow {workflow!r}: {found}", name)
    return bound


def previews(bound: inspect.BoundArguments) -> dict[str, str]:
    """Each input as a bounded text without memory addresses; one that is secret as `•••`."""
    return {
        name: MASK if is_secret(name) and value is not None else preview(value)
        for name, value in bound.arguments.items()
    }


def mask_defaults(signature: inspect.Signature) -> inspect.Signature:
    """The signature with `•••` for the defaults of what is secret."""
    parameters = signature.parameters.values()
    return signature.replace(parameters=[_without_secret_default(parameter) for parameter in parameters])


def _without_secret_default(parameter: inspect.Parameter) -> inspect.Parameter:
    is_hidden = is_secret(parameter.name) or marks_secret(parameter.annotation)
    if not is_hidden or parameter.default in (parameter.empty, None, ""):
        return parameter
    return parameter.replace(default=secret(parameter.default))


def preview(value: object) -> str:
    """`repr(value)`, bounded, never raising, and the same in every process."""
    return text_of(value, PREVIEW_LENGTH, _brief)


def _refuse_unknown(workflow: str, signature: inspect.Signature, kwargs: Mapping[str, object]) -> None:
    parameters = signature.parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in kwargs:
        if name not in parameters:
            close = difflib.get_close_matches(name, parameters, n=1)
            known = ", ".join(repr(known) for known in parameters) or "none"
            hint = f"did you mean {close[0]!r}?" if close else f"its inputs are: {known}"
            raise InputError(f"workflow {workflow!r} has no input {name!r}; {hint}", name)


def _mismatch(bound: inspect.BoundArguments, name: str, annotation: object) -> str | None:
    parameter, value = bound.signature.parameters[name], reveal(bound.arguments[name])
    if parameter.default is not inspect.Parameter.empty and value is parameter.default:
        return None
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        entries = [(f"{name}[{index}]", entry) for index, entry in enumerate(value)]
    elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
        entries = list(value.items())
    else:
        entries = [(name, value)]
    for where, entry in entries:
        if found := mismatch(entry, annotation, where):
            return found
    return None


def _annotations(function: Callable[..., object], signature: inspect.Signature) -> Mapping[str, object]:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # an annotation that names something unimported: checks are a service, not a duty
        hints = {
            name: parameter.annotation
            for name, parameter in signature.parameters.items()
            if not isinstance(parameter.annotation, str)
        }
    empty = inspect.Parameter.empty
    return {name: hint for name, hint in hints.items() if name in signature.parameters and hint is not empty}


def has_nodes(bound: inspect.BoundArguments) -> bool:
    """Whether any input is, or holds, a node."""
    return any(True for _ in nodes_in(*bound.arguments.values()))
