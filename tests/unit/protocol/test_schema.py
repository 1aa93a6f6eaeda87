from __future__ import annotations

import re

import msgspec

from wf_jupyter.model.events import Event
from wf_jupyter.protocol import schema


def test_the_schema_file_matches_the_model() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text(), (
        "the model changed: run `python -m wf_jupyter.protocol.schema`, then `npm run types` in the frontend folder"
    )


def test_every_event_type_has_a_definition() -> None:
    definitions = schema.schema()["$defs"]
    tags = {definition["properties"]["type"]["enum"][0] for definition in definitions.values() if _tagged(definition)}
    mapping = definitions["Event"]["discriminator"]["mapping"]
    assert tags == set(mapping)
    assert len(tags) == len(Event.__args__)


def test_every_reference_points_to_a_definition() -> None:
    text = schema.text()
    names = set(msgspec.json.decode(text)["$defs"])
    assert set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', text)) <= names


def _tagged(definition: dict[str, object]) -> bool:
    properties = definition.get("properties")
    return isinstance(properties, dict) and "type" in properties and "enum" in properties["type"]
