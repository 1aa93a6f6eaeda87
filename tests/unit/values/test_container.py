"""Lists of items in one buffer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.errors import StoreError
from wf_jupyter.values import container


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_every_item_is_found_again_at_64_bytes(items: list[bytes]) -> None:
    data = container.pack(items)
    assert container.count(data) == len(items)
    for index, item in enumerate(items):
        found = container.item(data, index)
        # An item may be followed by padding, which the value format ignores.
        assert bytes(found[: len(item)]) == item
        assert set(found[len(item) :]) <= {0}
        assert len(found) - len(item) < container.ALIGNMENT


def test_chunks_are_the_container_in_pieces() -> None:
    assert b"".join(container.chunks([[b"ab", b"c"], []])) == container.pack([b"abc", b""])


@pytest.mark.parametrize("index", [-1, 2, 100])
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="of a list of 2"):
        container.item(container.pack([b"a", b"b"]), index)


def test_bytes_that_are_no_container_are_refused() -> None:
    good = container.pack([b"a" * 100, b"b" * 100])
    for bad in (b"", b"WFL", b"X" + good[1:]):
        with pytest.raises(StoreError):
            container.count(bad)
    for bad in (good[:20], good[:100]):
        with pytest.raises(StoreError, match="cut off"):
            container.item(bad, 1)
