"""What tasks can be mapped over."""

from __future__ import annotations

import array
from collections import UserList, deque
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wf_jupyter.values.lists import as_items


class Arrow:
    """What Arrow arrays of every library have in common."""

    def __arrow_c_array__(self) -> object:
        raise NotImplementedError

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Any:
        return iter([1, 2])


class ArrowTable(Arrow):
    shape = (2, 3)


class Column:
    """A one-dimensional array of any library."""

    shape = (2,)

    def __iter__(self) -> Any:
        return iter([1, 2])


LISTS: list[Any] = [
    [1, 2],
    (1, 2),
    range(1, 3),
    deque([1, 2]),
    UserList([1, 2]),
    array.array("i", [1, 2]),
    np.array([1, 2]),
    np.array([1, 2], dtype=object),
    pd.Series([1, 2]),
    pd.Index([1, 2]),
    pd.array([1, 2]),
    Column(),
    Arrow(),
]
OTHERS: list[Any] = [
    "12",
    b"12",
    bytearray(b"12"),
    memoryview(b"12"),
    {1: 2},
    {1: 2}.keys(),
    {1, 2},
    frozenset((1, 2)),
    (i for i in (1, 2)),
    iter([1, 2]),
    map(abs, [1, 2]),
    np.zeros((2, 2)),
    np.array(1),
    pd.DataFrame({"a": [1, 2]}),
    ArrowTable(),
    Column,
    12,
    None,
]


@pytest.mark.parametrize("value", LISTS, ids=lambda value: type(value).__name__)
def test_lists_of_every_library_give_new_lists(value: Any) -> None:
    items = as_items(value)
    assert items == [1, 2]
    assert items is not value


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_what_has_no_order_or_more_than_items_is_no_list(value: Any) -> None:
    assert as_items(value) is None


def test_columns_of_other_libraries() -> None:
    polars = pytest.importorskip("polars")
    assert as_items(polars.Series([1, 2])) == [1, 2]
    assert as_items(polars.DataFrame({"a": [1]})) is None


def test_arrays_of_xarray() -> None:
    xarray = pytest.importorskip("xarray")
    items: Any = as_items(xarray.DataArray([1, 2]))
    assert [int(item) for item in items or ()] == [1, 2]
    assert as_items(xarray.DataArray(np.zeros((2, 2)))) is None


def test_arrays_of_arrow() -> None:
    arrow = pytest.importorskip("pyarrow")
    for value in (arrow.array([1, 2]), arrow.chunked_array([[1], [2]])):
        items: Any = as_items(value)
        assert [item.as_py() for item in items or ()] == [1, 2]
    assert as_items(arrow.table({"a": [1]})) is None
