"""The JSON Schema of what the wire carries: the one source of the view's TypeScript types.

`python -m wf_jupyter.protocol.schema` writes `schema.json` beside this file; a test fails when that
file no longer matches the model.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from wf_jupyter.model.events import Event
from wf_jupyter.model.snapshot import Snapshot, Summary
from wf_jupyter.protocol.operations import RELAYED

PATH = Path(__file__).with_name("schema.json")

_REFERENCE = "#/$defs/{name}"


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) whose `$defs` hold `Event`, `Snapshot`, `Summary` and all that they use.

    Beside them, where a page's questions and commands go.
    """
    (event, _, _), components = msgspec.json.schema_components((Event, Snapshot, Summary), ref_template=_REFERENCE)
    definitions = {"Event": event, **components}
    for definition in definitions.values():
        if "description" in definition:
            # msgspec removes the indentation of docstrings from 0.23 on only.
            definition["description"] = inspect.cleandoc(definition["description"])
        _put_null_last(definition)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wf_jupyter",
        "$defs": {name: definitions[name] for name in sorted(definitions)},
        # No keyword of JSON Schema: what a page asks of its server, or through its kernel.
        "operations": {name: {"verb": each.verb, "path": each.path} for name, each in RELAYED.items()},
    }


def _put_null_last(schema: object) -> None:
    """Order the members of optional fields alike, wherever they stand: the versions of msgspec differ in it."""
    if isinstance(schema, dict):
        if isinstance(members := schema.get("anyOf"), list):
            members.sort(key=lambda member: bool(member.get("type") == "null"))
        for part in schema.values():
            _put_null_last(part)
    elif isinstance(schema, list):
        for part in schema:
            _put_null_last(part)


def text() -> str:
    """The schema as it stands in the file."""
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
