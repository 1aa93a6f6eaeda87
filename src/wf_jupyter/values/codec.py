"""One Python object as bytes, and back.

Layout, little-endian: magic `WFV1`, u32 number of out-of-band buffers, u64 length of the pickle, u64
length of each buffer, the pickle, then each buffer on a 64-byte boundary from the start. The pickle
is cloudpickle's at protocol 5, so arrays and frames leave their memory in the buffers: a reader with
a memory map copies nothing.

Of a call's arguments, what is large is kept apart, so that several calls can share it: then the
length in the header has its highest bit set, and the rest is a number under which the reader is
asked for the bytes.
"""

from __future__ import annotations

import functools
import io
import pickle
import struct
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType

from wf_jupyter.errors import StoreError
from wf_jupyter.model.draft import NodeRef
from wf_jupyter.model.submission import LARGE
from wf_jupyter.values.classes import reduce_class
from wf_jupyter.values.functions import reduce_function
from wf_jupyter.values.plain import HEAD, MAGIC, is_plain
from wf_jupyter.values.sources import Reducer

ALIGNMENT = 64
_APART = 1 << 63

Chunk = bytes | bytearray | memoryview
#: A placeholder in an argument template: position in the node's needs, and the path into that value.
Reference = tuple[int, tuple[object, ...]]


def encode(value: object, references: Callable[[object], Reference | None] | None = None) -> list[Chunk]:
    """Pieces whose concatenation is the encoded value.

    `references` is asked about every object on the way and returns a reference for those that stand
    for the result of another task. Buffers of arrays are returned as views: write or join them
    before the value changes. Raises whatever pickling raises.
    """
    body, buffers = _pickle(value, references)
    return list(_lay_out(body, buffers)) if buffers else [HEAD.pack(MAGIC, 0, len(body)) + body]


def encode_bytes(value: object, references: Callable[[object], Reference | None] | None = None) -> bytes:
    """The encoded value as one bytes object."""
    return b"".join(encode(value, references))


def encode_apart(
    value: object, keep: Callable[[Chunk], int], references: Callable[[object], Reference | None] | None = None
) -> bytes:
    """The encoded value without what is large in it: that is given to `keep`, which returns a number for it.

    Raises whatever pickling raises.
    """
    body, buffers = _pickle(value, references)
    if not buffers and len(body) < LARGE:
        return HEAD.pack(MAGIC, 0, len(body)) + body
    numbers = [_APART | keep(buffer) if len(buffer) >= LARGE else None for buffer in buffers]
    body_number = _APART | keep(body) if len(body) >= LARGE else None
    inline = [buffer for buffer, number in zip(buffers, numbers, strict=True) if number is None]
    return b"".join(_lay_out(body if body_number is None else b"", inline, numbers, body_number))


def decode(
    buffer: Chunk,
    resolve: Callable[[int, tuple[object, ...]], object] | None = None,
    apart: Callable[[int], Chunk] | None = None,
) -> object:
    """The object behind `buffer`; `resolve` gives the value of a reference, `apart` what was kept apart.

    Arrays share memory with a writable buffer and are copied out of a read-only one, so that they
    are writable either way. Raises `StoreError` when the bytes are no encoded value, else whatever
    unpickling raises.
    """
    view = memoryview(buffer)
    if len(view) < HEAD.size:
        raise StoreError("not an encoded value: the buffer is too short")
    magic, count, size = HEAD.unpack_from(view)
    start = HEAD.size + 8 * count
    kept, size = (size, 0) if size & _APART else (None, size)
    if magic != MAGIC or len(view) < start + size:
        raise StoreError("not an encoded value, or one that is cut off")
    body = view[start : start + size] if kept is None else _take_chunk(kept, apart)
    if not count and resolve is None:
        return pickle.loads(body)
    buffers = _buffers(view, start + size, struct.unpack_from(f"<{count}Q", view, HEAD.size), apart)
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
    import cloudpickle  # here, because `import wf_jupyter` must stay light

    class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, stream: io.BytesIO, keep: Callable[[pickle.PickleBuffer], object]) -> None:
            # Before the base's own, which reads it once.
            self.dispatch_table = Reducer(cloudpickle.Pickler.dispatch_table).table
            super().__init__(stream, protocol=5, buffer_callback=keep)

        def reducer_override(self, obj: object) -> object:
            reduced = super().reducer_override(obj)
            if isinstance(obj, FunctionType):
                return reduce_function(obj, reduced)
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


def _pickle(value: object, references: Callable[[object], Reference | None] | None) -> tuple[bytes, list[memoryview]]:
    # cloudpickle costs some 20 µs to set up; most results and arguments of small tasks do not need it.
    if is_plain(value):
        return pickle.dumps(value, protocol=5), []
    if references is not None and is_plain(value, besides=NodeRef):
        return _with_references(value, references), []
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    try:
        _pickler(stream, buffers.append, references).dump(value)
    except pickle.PicklingError as error:
        if isinstance(error.__cause__ or error.__context__, RecursionError):
            raise RecursionError("it is nested too deeply") from error
        raise
    return stream.getvalue(), [buffer.raw() for buffer in buffers]


class _Referring(pickle.Pickler):
    references: Callable[[object], Reference | None]

    def persistent_id(self, obj: object) -> Reference | None:
        return self.references(obj) if isinstance(obj, NodeRef) else None


def _with_references(value: object, references: Callable[[object], Reference | None]) -> bytes:
    stream = io.BytesIO()
    pickler = _Referring(stream, protocol=5)
    pickler.references = references
    pickler.dump(value)
    return stream.getvalue()


def _lay_out(
    body: bytes,
    buffers: list[memoryview],
    numbers: Sequence[int | None] | None = None,
    body_number: int | None = None,
) -> Iterable[Chunk]:
    """`numbers` has an entry for each buffer in the order of the pickle; those without a number are in `buffers`."""
    sizes: list[int] = [len(buffer) for buffer in buffers]
    if numbers is not None:
        inline = iter(sizes)
        sizes = [next(inline) if number is None else number for number in numbers]
    length = len(body) if body_number is None else body_number
    head = HEAD.pack(MAGIC, len(sizes), length) + struct.pack(f"<{len(sizes)}Q", *sizes)
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


def _take_chunk(number: int, apart: Callable[[int], Chunk] | None) -> Chunk:
    if apart is None:
        raise StoreError("the encoded value refers to bytes that are kept apart from it, and there are none")
    return apart(number & ~_APART)


def _buffers(
    view: memoryview, position: int, sizes: tuple[int, ...], apart: Callable[[int], Chunk] | None
) -> list[Chunk]:
    found: list[Chunk] = []
    for size in sizes:
        if size & _APART:
            part = memoryview(_take_chunk(size, apart))
            found.append(bytearray(part) if part.readonly else part)
            continue
        position += -position % ALIGNMENT
        part = view[position : position + size]
        if len(part) != size:
            raise StoreError("the encoded value is cut off")
        found.append(bytearray(part) if part.readonly else part)
        position += size
    return found
