"""One Python object as bytes, and back.

Layout, little-endian: magic `WFV1`, u32 number of out-of-band buffers, u64 length of the pickle, u64
length of each buffer, the pickle, then each buffer on a 64-byte boundary from the start. The pickle
is cloudpickle's at protocol 5, so arrays and frames leave their memory in the buffers: a reader with
a memory map copies nothing.
"""

from __future__ import annotations

import functools
import io
import pickle
import struct
from collections.abc import Callable, Iterable

from wf_jupyter.errors import StoreError
from wf_jupyter.values.classes import reduce_class
from wf_jupyter.values.plain import HEAD, MAGIC, encode_plain
from wf_jupyter.values.sources import Reducer

ALIGNMENT = 64

Chunk = bytes | bytearray | memoryview
#: A placeholder in an argument template: position in the node's needs, and the path into that value.
Reference = tuple[int, tuple[object, ...]]

_ATOMS = (type(None), bool, int, float, str, bytes)
_SMALL = 32


def encode(value: object, references: Callable[[object], Reference | None] | None = None) -> list[Chunk]:
    """Pieces whose concatenation is the encoded value.

    `references` is asked about every object on the way and returns a reference for those that stand
    for the result of another task. Buffers of arrays are returned as views: write or join them
    before the value changes. Raises whatever pickling raises.
    """
    if _is_plain(value):
        # cloudpickle costs some 20 µs to set up; most results of small tasks do not need it.
        return [encode_plain(value)]
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    _pickler(stream, buffers.append, references).dump(value)
    return list(_lay_out(stream.getvalue(), [buffer.raw() for buffer in buffers]))


def encode_bytes(value: object, references: Callable[[object], Reference | None] | None = None) -> bytes:
    """The encoded value as one bytes object."""
    return b"".join(encode(value, references))


def decode(buffer: Chunk, resolve: Callable[[int, tuple[object, ...]], object] | None = None) -> object:
    """The object behind `buffer`; `resolve` gives the value of a reference.

    Arrays share memory with a writable buffer and are copied out of a read-only one, so that they
    are writable either way. Raises `StoreError` when the bytes are no encoded value, else whatever
    unpickling raises.
    """
    view = memoryview(buffer)
    if len(view) < HEAD.size:
        raise StoreError("not an encoded value: the buffer is too short")
    magic, count, size = HEAD.unpack_from(view)
    start = HEAD.size + 8 * count
    if magic != MAGIC or len(view) < start + size:
        raise StoreError("not an encoded value, or one that is cut off")
    body = view[start : start + size]
    if not count and resolve is None:
        return pickle.loads(body)
    buffers = _buffers(view, start + size, struct.unpack_from(f"<{count}Q", view, HEAD.size))
    if resolve is None:
        return pickle.loads(body, buffers=buffers)
    unpickler = _Unpickler(io.BytesIO(body), buffers=buffers)
    unpickler.resolve = resolve
    return unpickler.load()


class _Unpickler(pickle.Unpickler):
    resolve: Callable[[int, tuple[object, ...]], object]

    def persistent_load(self, pid: Reference) -> object:
        return self.resolve(*pid)


@functools.cache
def _picklers() -> tuple[type[pickle.Pickler], type[pickle.Pickler]]:
    import cloudpickle  # type: ignore[import-untyped]  # here, because `import wf_jupyter` must stay light

    class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, stream: io.BytesIO, keep: Callable[[pickle.PickleBuffer], object]) -> None:
            # Before the base's own, which reads it once.
            self.dispatch_table = Reducer(cloudpickle.Pickler.dispatch_table).table
            super().__init__(stream, protocol=5, buffer_callback=keep)

        def reducer_override(self, obj: object) -> object:
            reduced = super().reducer_override(obj)
            return reduce_class(obj, reduced) if isinstance(obj, type) else reduced

    class _TemplatePickler(_Pickler):
        references: Callable[[object], Reference | None]

        def persistent_id(self, obj: object) -> Reference | None:
            return self.references(obj)

    return _Pickler, _TemplatePickler


def _pickler(
    stream: io.BytesIO,
    keep: Callable[[pickle.PickleBuffer], object],
    references: Callable[[object], Reference | None] | None,
) -> pickle.Pickler:
    plain, templated = _picklers()
    if references is None:
        return plain(stream, keep)  # type: ignore[arg-type]
    pickler = templated(stream, keep)  # type: ignore[arg-type]
    pickler.references = references  # type: ignore[attr-defined]
    return pickler


def _lay_out(body: bytes, buffers: list[memoryview]) -> Iterable[Chunk]:
    head = HEAD.pack(MAGIC, len(buffers), len(body)) + struct.pack(f"<{len(buffers)}Q", *map(len, buffers))
    if not buffers:
        yield head + body
        return
    yield head
    yield body
    position = len(head) + len(body)
    for buffer in buffers:
        padding = -position % ALIGNMENT
        if padding:
            yield bytes(padding)
        yield buffer
        position += padding + len(buffer)


def _buffers(view: memoryview, position: int, sizes: tuple[int, ...]) -> list[Chunk]:
    found: list[Chunk] = []
    for size in sizes:
        position += -position % ALIGNMENT
        part = view[position : position + size]
        if len(part) != size:
            raise StoreError("the encoded value is cut off")
        found.append(bytearray(part) if part.readonly else part)
        position += size
    return found


def _is_plain(value: object, depth: int = 3) -> bool:
    if type(value) in _ATOMS:
        return True
    if depth == 0:
        return False
    if type(value) is list or type(value) is tuple:
        return len(value) <= _SMALL and all(_is_plain(item, depth - 1) for item in value)
    if type(value) is dict:
        return len(value) <= _SMALL and all(
            type(key) in _ATOMS and _is_plain(item, depth - 1) for key, item in value.items()
        )
    return False
