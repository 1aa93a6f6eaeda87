"""Runs in a worker: a published workflow's code and JSON inputs become a graph.

Everything about a published workflow that may take any time happens here, within the time limit of an attempt
and in a process that can be killed: its schema (one pattern such as `(a+)+$` occupies an interpreter for hours,
and `re` lets no other thread run meanwhile), the conversion of its inputs, and its body.
"""

from __future__ import annotations

import json

from wf_jupyter.errors import InputError
from wf_jupyter.values.json_schema import check_inputs

_SHOWN = 1000


class Refused(Exception):
    """The inputs do not fit. The text is JSON, because of an exception only its text reaches the orchestrator."""


def trace(workflow: str, code: bytes, schema: str, inputs: str) -> object:
    """The workflow with these inputs, bound; `Refused` when they do not fit its schema or its annotations."""
    # Here, because the orchestrator imports this module to name the function, and must not import cloudpickle.
    from wf_jupyter.values.code import decode_code

    try:
        check_inputs(workflow, json.loads(schema), json.loads(inputs))
        return decode_code(code).function(inputs)
    except InputError as error:
        message, field = str(error)[:_SHOWN], error.field and error.field[:_SHOWN]
        raise Refused(json.dumps({"message": message, "field": field})) from None
