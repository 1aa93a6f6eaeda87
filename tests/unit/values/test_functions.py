"""Functions that go by value, with what the classes in their bodies read."""

from __future__ import annotations

from typing import Any

from wf_jupyter.values.code import decode_code, encode_code

TEXT = """
import enum
from dataclasses import dataclass, field
START, NAMES, unused = 3, ["a"], object()

def make():
    @dataclass
    class Row:
        first: int = START
        names: list = field(default_factory=lambda: list(NAMES))

        class Kind(enum.Enum):
            ONE = START

    def inner():
        class Other:
            value = NAMES[0]
        return Other.value
    return Row().first, Row().names, Row.Kind.ONE.value, inner()
"""


def test_classes_in_the_body_of_a_function_find_the_globals_that_they_read() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(TEXT, names)
    found = decode_code(encode_code(names["make"])).function
    assert found() == names["make"]() == (3, ["a"], 3, "a")
    assert "unused" not in found.__globals__
