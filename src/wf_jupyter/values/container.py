"""A list of encoded items in one buffer, each readable without touching the others.

Layout, little-endian: magic `WFL1`, 4 bytes of padding, u64 count, u64 offsets[count + 1] from the
start of the buffer, then the items. Items start on 64-byte boundaries, so that buffers inside them
keep their own alignment in a memory map; `offsets[i + 1]` is where item i + 1 starts, thus an item
may carry padding at its end, which the value format ignores. Pure bytes: the server reads it too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from mmap import mmap

from wf_jupyter.errors import StoreError

MAGIC = b"WFL1"
ALIGNMENT = 64
_HEAD = struct.Struct("<4s4xQ")
_OFFSET = struct.Struct("<Q")
_RANGE = struct.Struct("<QQ")

Chunk = bytes | bytearray | memoryview


def chunks(items: Sequence[Sequence[Chunk]]) -> Iterator[Chunk]:
    """The container as pieces to be written one after the other; each item is given as its own pieces."""
    table = _HEAD.size + _OFFSET.size * (len(items) + 1)
    offsets = [_align(table)]
    sizes = [sum(len(chunk) for chunk in item) for item in items]
    for size in sizes:
        offsets.append(_align(offsets[-1] + size))
    yield _HEAD.pack(MAGIC, len(items)) + struct.pack(f"<{len(offsets)}Q", *offsets)
    yield bytes(offsets[0] - table)
    for item, size, start, end in zip(items, sizes, offsets[:-1], offsets[1:], strict=True):
        yield from item
        yield bytes(end - start - size)


def pack(items: Sequence[bytes]) -> bytes:
    """The container of `items` as one bytes object."""
    return b"".join(chunks([[item] for item in items]))


def count(buffer: Chunk | mmap) -> int:
    """Number of items in the container; `StoreError` when it is none."""
    if len(buffer) < _HEAD.size:
        raise StoreError("not a list of items: the buffer is too short")
    magic, size = _HEAD.unpack_from(buffer)
    if magic != MAGIC:
        raise StoreError("not a list of items: the buffer does not begin with its magic number")
    return int(size)


def item(buffer: Chunk, index: int) -> memoryview:
    """Item `index` as a view into `buffer`, in constant time."""
    start, end = extent(buffer, index)
    return memoryview(buffer)[start:end]


def extent(buffer: Chunk | mmap, index: int) -> tuple[int, int]:
    """Where item `index` begins and ends in `buffer`, in constant time."""
    size = count(buffer)
    if not 0 <= index < size:
        raise IndexError(f"item {index} of a list of {size}")
    try:
        start, end = _RANGE.unpack_from(buffer, _HEAD.size + _OFFSET.size * index)
    except struct.error:
        raise StoreError("the list of items is cut off") from None
    if not start <= end <= len(buffer):
        raise StoreError("the list of items is cut off")
    return start, end


def _align(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT
