"""JSON inputs against the JSON Schema of a published workflow.

Inputs are checked in a worker: a pattern, or items that must differ, may take any time. References are
looked up inside the schema only: nothing is fetched. `jsonschema` is imported with the first published workflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from wf_jupyter.errors import InputError, ValueTooLarge
from wf_jupyter.model.secrecy import is_secret, mask

_SHOWN = 60
#: Characters of JSON that a schema may have: it is read whole, and shown to whoever asks for the workflow.
LARGEST_SCHEMA = 1 << 20


def check_schema(schema: Mapping[str, object]) -> None:
    """`InputError` when this is no JSON Schema that inputs can be checked against."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        size = len(json.dumps(schema))
        if size > LARGEST_SCHEMA:
            raise ValueTooLarge(
                f"parameters has {size:,} characters: a schema may have {LARGEST_SCHEMA:,}", "parameters"
            )
        Draft202012Validator.check_schema(dict(schema))
        outside = next((reference for reference in _references(schema) if not reference.startswith("#")), None)
    except (SchemaError, RecursionError, TypeError) as error:
        raise InputError(f"parameters is not a JSON Schema: {_first_line(error)}", "parameters") from None
    if outside is not None:
        raise InputError(f"parameters refers to {outside!r}, outside of itself", "parameters")


def check_inputs(workflow: str, schema: Mapping[str, object], inputs: Mapping[str, object]) -> None:
    """`InputError` naming the first input that does not fit."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = Draft202012Validator(dict(schema), registry=Registry())
    try:
        found = list(validator.iter_errors(dict(inputs)))
        # A misspelt input is missing as well: what was written says more than what was not.
        unknown = (each for each in found if each.validator == "additionalProperties" and not each.absolute_path)
        wrong = next(unknown, None) or best_match(found)
    except Unresolvable as error:
        raise InputError(f"workflow {workflow!r}: its parameters refer to {error.ref!r}, which is not there") from None
    except RecursionError:
        raise InputError(f"workflow {workflow!r}: the inputs are nested too deeply", "input") from None
    if wrong is not None:
        raise _make_schema_error(workflow, wrong, schema, inputs)


def _make_schema_error(
    workflow: str, wrong: Any, schema: Mapping[str, object], inputs: Mapping[str, object]
) -> InputError:
    path = list(wrong.absolute_path)
    if not path and wrong.validator == "required":
        missing = next((name for name in wrong.validator_value if name not in inputs), "")
        return InputError(f"workflow {workflow!r}: the input {missing!r} is missing", missing)
    if not path and wrong.validator == "additionalProperties":
        known = schema.get("properties")
        names = list(known) if isinstance(known, Mapping) else []
        extra = next((name for name in inputs if name not in names), "")
        has = f"its inputs are: {', '.join(map(repr, names))}" if names else "it has none"
        return InputError(f"workflow {workflow!r} has no input {extra!r}; {has}", extra)
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    if any(isinstance(part, str) and (is_secret(part) or _is_write_only(schema, part)) for part in path):
        return InputError(f"workflow {workflow!r}: {where} does not fit its schema ({wrong.validator})", where)
    if wrong.validator == "type":
        kinds = wrong.validator_value
        wanted = " or ".join(kinds) if isinstance(kinds, list) else kinds
        return InputError(f"workflow {workflow!r}: {where} must be {wanted}, not {_show(wrong.instance)}", where)
    return InputError(f"workflow {workflow!r}: {where or 'input'}: {_first_line(wrong)}", where or "input")


def _is_write_only(schema: Mapping[str, object], name: str) -> bool:
    properties = schema.get("properties")
    declared = properties.get(name) if isinstance(properties, Mapping) else None
    return isinstance(declared, Mapping) and declared.get("writeOnly") is True


def _references(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _references(value)


def _show(value: object) -> str:
    text = (
        mask(repr(value)) if not isinstance(value, bool | None) else {None: "null", True: "true", False: "false"}[value]
    )
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _first_line(error: Any) -> str:
    text = mask(str(getattr(error, "message", error)).partition("\n")[0])
    return text if len(text) <= 300 else text[:299] + "…"
