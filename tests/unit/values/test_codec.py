"""One object as bytes and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.errors import StoreError
from wf_jupyter.values import files
from wf_jupyter.values.codec import decode, encode, encode_bytes
from wf_jupyter.values.plain import is_plain

atoms = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
nested = st.recursive(
    atoms,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner) | st.frozensets(atoms),
    max_leaves=30,
)


@given(nested)
def test_what_was_encoded_is_decoded(value: object) -> None:
    assert decode(encode_bytes(value)) == value


@given(st.lists(st.integers(0, 3000), max_size=4))
def test_buffers_lie_outside_the_pickle_at_64_bytes(sizes: list[int]) -> None:
    arrays = [np.arange(size, dtype=np.uint8) for size in sizes]
    data = bytearray(encode_bytes(arrays))
    found: Any = decode(data)
    start = np.frombuffer(data, dtype=np.uint8).ctypes.data
    for array, back in zip(arrays, found, strict=True):
        assert np.array_equal(array, back)
        if array.size:
            assert (back.ctypes.data - start) % 64 == 0


def test_arrays_are_writable_and_independent_of_the_bytes_they_came_from() -> None:
    data = encode_bytes(np.zeros(10))
    first: Any = decode(data)
    first[:] = 1
    assert np.array_equal(decode(data), np.zeros(10))  # type: ignore[arg-type]


def test_a_read_only_array_stays_read_only() -> None:
    array = np.zeros(3)
    array.flags.writeable = False
    back: Any = decode(encode_bytes(array))
    assert not back.flags.writeable


def test_encoding_copies_no_array() -> None:
    array = np.zeros(1_000_000)
    pieces = encode(array)
    assert any(isinstance(piece, memoryview) and len(piece) == array.nbytes for piece in pieces)


def test_a_frame_round_trips_through_a_file_without_changing_it(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(1000), "b": np.linspace(0, 1, 1000), "c": ["x"] * 1000})
    path = files.write(tmp_path, encode(frame))
    before = Path(path).read_bytes()
    view = files.read(path)
    assert not view.readonly
    back: Any = decode(view)
    pd.testing.assert_frame_equal(back, frame)
    back.loc[0, "a"] = 99
    assert Path(path).read_bytes() == before


class Placeholder:
    def __init__(self, position: int, path: tuple[object, ...] = ()) -> None:
        self.place = (position, path)


def test_references_are_resolved_wherever_they_stand() -> None:
    template = {"a": [Placeholder(1, ("x", 0))], "b": (Placeholder(0),), "c": {Placeholder(2): 1}}
    data = encode_bytes(template, lambda obj: obj.place if isinstance(obj, Placeholder) else None)
    assert decode(data, lambda position, path: (position, path)) == {
        "a": [(1, ("x", 0))],
        "b": ((0, ()),),
        "c": {(2, ()): 1},
    }


def test_functions_and_classes_of_a_notebook_travel_by_value() -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec("base = 10\ndef f(x):\n    return g(x) + base\ndef g(x):\n    return 2 * x", scope)
    data = encode_bytes(scope["f"])
    scope.clear()
    back: Any = decode(data)
    assert back(1) == 12


@pytest.mark.parametrize("cut", [0, 3, 10, 20, 200, -1])
def test_bytes_that_are_no_value_are_refused_by_name(cut: int) -> None:
    data = encode_bytes(np.arange(100.0))
    with pytest.raises(StoreError):
        decode(data[:cut])
    with pytest.raises(StoreError, match="not an encoded value"):
        decode(b"X" + data[1:])


def test_what_cannot_be_pickled_raises() -> None:
    with pytest.raises(TypeError):
        encode_bytes(i for i in range(3))


def test_the_plain_path_and_the_general_one_agree() -> None:
    for value in (1, "a", [1, 2], {"a": (1, [2.5])}, None, b"x"):
        assert is_plain(value)
        assert decode(encode_bytes(value)) == decode(encode_bytes(value, lambda obj: None)) == value
    others: list[Any] = [[set()], {1: {2: {3: {4: 5}}}}, object, [1] * 100]
    for other in others:
        assert not is_plain(other)
