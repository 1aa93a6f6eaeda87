"""docs/protocol.md names everything that there is on the wire."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from wf_jupyter.model.events import Event
from wf_jupyter.protocol.operations import METHODS, OPERATIONS
from wf_jupyter.protocol.problems import CROSSINGS

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "protocol.md").read_text(encoding="utf-8")


def test_every_method_event_and_error_is_there() -> None:
    for method in METHODS:
        assert re.search(rf"`{method}\b|`[^`]*, `{method}`|`{method} ", TEXT), method
    for kind in get_args(Event):
        assert f"`{kind.__struct_config__.tag}`" in TEXT
    for crossing in CROSSINGS.values():
        assert str(crossing.status) in TEXT
        assert str(crossing.code) in TEXT or crossing.reason == "internal_error"
        assert f"`{crossing.reason}`" in TEXT or crossing.reason == "internal_error"


def test_every_resource_is_there() -> None:
    for operation in filter(lambda each: each.path, OPERATIONS):
        path = operation.path.replace("{execution_id}", "{id}")
        last = path.rsplit("/", 1)[-1]
        for_kernels = operation.path.endswith(("tasks/{key}/result", "tasks/{key}/error"))
        assert for_kernels or re.search(rf"`({re.escape(path)}|{re.escape(last)})[`?]", TEXT), path


def test_every_resource_and_method_says_the_action_that_it_needs() -> None:
    for operation in filter(lambda each: each.path, OPERATIONS):
        path = operation.path.replace("{execution_id}", "{id}")
        last = path.rsplit("/", 1)[-1]
        if operation.path.endswith(("tasks/{key}/result", "tasks/{key}/error")):
            continue
        wanted = operation.action + (f"; {operation.packed} in MessagePack" if operation.packed else "")
        verb = operation.verb.upper()
        rows = re.findall(rf"\| {verb} [^|]*`(?:{re.escape(path)}|{re.escape(last)})[`?][^|]* \| ([^|]+) \|", TEXT)
        assert rows and wanted in rows, (verb, path, rows)
    for name, method in METHODS.items():
        rows = re.findall(rf"\| [^|]*`{name}(?: \{{[^|]*|`[^|]*) \| ([a-z]+) \|", TEXT)
        assert method.action in rows, (name, rows)
