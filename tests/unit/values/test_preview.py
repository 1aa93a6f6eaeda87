"""What people see of a value."""

from __future__ import annotations

import sys
from collections import deque

import numpy as np
import pandas as pd
import pytest

from wf_jupyter.values.preview import HTML_LIMIT, TEXT_LIMIT, describe, text_of


class Hostile:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __repr__(self) -> str:
        raise self.error

    def _repr_html_(self) -> str:
        raise self.error

    def __len__(self) -> int:
        raise self.error

    @property
    def shape(self) -> object:
        raise self.error


@pytest.mark.parametrize("error", [ValueError("x"), RecursionError(), SystemExit(1), MemoryError()])
def test_no_method_of_the_value_can_break_it(error: BaseException) -> None:
    info = describe(Hostile(error), 5)
    assert (info.type, info.size, info.html, info.length, info.shape) == ("Hostile", 5, None, None, None)
    assert "Hostile" in info.text


def test_texts_are_bounded_without_being_made_in_full() -> None:
    for value in (
        list(range(10_000_000)),
        "x" * 10_000_000,
        {i: i for i in range(100_000)},
        [["y" * 1000] * 100] * 100,
    ):
        assert len(text_of(value)) <= TEXT_LIMIT
    assert text_of([1, "a", None]) == "[1, 'a', None]"


def test_texts_carry_no_addresses() -> None:
    assert "0x" not in text_of(object())
    assert "0x" not in text_of([lambda: 1])


def test_facts_of_data() -> None:
    frame = pd.DataFrame({"a": range(1000), "b": range(1000)})
    info = describe(frame, 10)
    assert (info.type, info.length, info.shape) == ("DataFrame", 1000, (1000, 2))
    assert info.html is not None
    assert "<table" in info.html
    assert len(info.html) <= HTML_LIMIT
    assert describe(np.zeros((2, 3)), 0).shape == (2, 3)
    assert describe(np.float64(1), 0).shape is None
    assert describe([1, 2], 0).length == 2
    assert describe(deque([1]), 0).length == 1
    assert describe("text", 0).length is None
    assert describe(None, 0).text == "None"
    assert describe(pd.DataFrame, 0).shape is None


def test_a_wide_table_is_shown_by_its_first_rows_or_not_at_all() -> None:
    wide = pd.DataFrame({f"column {i}": ["some text " * 5] * 60 for i in range(20)})
    info = describe(wide, 0)
    assert info.html is None or len(info.html) <= HTML_LIMIT


def test_a_list_that_contains_itself_is_shown() -> None:
    items: list[object] = []
    items.append(items)
    assert text_of(items).startswith("[")
    assert sys.getrecursionlimit() > 100
