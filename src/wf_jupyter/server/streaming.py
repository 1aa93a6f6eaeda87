"""Results over the wire in pieces: no answer is ever in memory as a whole, and none keeps the loop for long.

A result of 400 MB, encoded and written at once, stopped the server's loop for more than a second. Here its outline
is encoded with marks in the place of large values; between the pieces of the outline the values are read from
their files and sent, a few hundred KiB at a time, as fast as the reader takes them.
"""

from __future__ import annotations

import asyncio
import logging
import mmap
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from wf_jupyter.errors import StoreError, ValueTooLarge
from wf_jupyter.ports import Built, ExecutionResult, Input, Item, Many, Whole
from wf_jupyter.protocol.rest import MSGPACK
from wf_jupyter.protocol.task_call import TaskCall
from wf_jupyter.values import container

#: Bytes that are read and sent at a time.
PIECE = 1 << 18
#: Values shorter than this stay in the outline.
_SMALL = 4096
#: What MessagePack can say of one binary.
_LARGEST = (1 << 32) - 1

_log = logging.getLogger("wf_jupyter")


class Stretch(NamedTuple):
    """Bytes `start` to `end` of a file."""

    path: str
    start: int
    end: int

    def __len__(self) -> int:
        """Number of bytes."""
        return self.end - self.start


Part = bytes | Stretch
Result = Input | ExecutionResult | TaskCall


async def send_packed(handler: RequestHandler, value: Result, *, with_files: bool) -> None:
    """Answer with the MessagePack of a result; `with_files` leaves paths as they are, for readers on this host.

    Before anything was sent, raises `StoreError` when a value's file is gone and `ValueTooLarge` beyond 4 GiB.
    """
    parts = await asyncio.to_thread(lambda: list(_parts(value, with_files)))
    handler.set_header("Content-Type", MSGPACK)
    handler.set_header("Content-Length", str(sum(map(_size, parts))))
    try:
        for part in parts:
            await (_send_file(handler, part) if isinstance(part, Stretch) else _send(handler, part))
    except StreamClosedError:
        return  # the reader left
    except OSError as error:
        # The status is out: only an answer that ends early can say that something is wrong.
        _log.warning("a result could not be sent to its end: %s", error)
        connection: Any = handler.request.connection
        connection.stream.close()
        return
    handler.finish()


async def _send(handler: RequestHandler, data: bytes) -> None:
    view = memoryview(data)
    for start in range(0, len(view), PIECE):
        handler.write(bytes(view[start : start + PIECE]))
        await handler.flush()


async def _send_file(handler: RequestHandler, stretch: Stretch) -> None:
    file = await asyncio.to_thread(open, stretch.path, "rb", 0)
    try:
        await asyncio.to_thread(file.seek, stretch.start)
        left = len(stretch)
        while left:
            data = await asyncio.to_thread(file.read, min(PIECE, left))
            if not data:
                raise OSError(f"{Path(stretch.path).name} is shorter than it was")
            left -= len(data)
            handler.write(data)
            await handler.flush()
    finally:
        file.close()


def _size(part: Part) -> int:
    return part.end - part.start if isinstance(part, Stretch) else len(part)


def _parts(value: Result, with_files: bool) -> Iterator[Part]:
    marks = _Marks(with_files)
    outline = msgspec.msgpack.encode(marks.outline(value))
    sent = 0
    for found in marks.pattern.finditer(outline):
        part = marks.parts[int.from_bytes(found[1])]
        yield outline[sent : found.start()] + b"\xc6" + _size(part).to_bytes(4)
        yield part
        sent = found.end()
    yield outline[sent:]


class _Marks:
    """Replaces large values by short binaries that nobody can foresee, and remembers what they stand for."""

    def __init__(self, with_files: bool) -> None:
        self._with_files = with_files
        self._secret = secrets.token_bytes(16)
        self.parts: list[Part] = []
        # A binary of 20 bytes, as MessagePack writes it: the secret, and the number of the part.
        self.pattern = re.compile(b"\xc4\x14" + re.escape(self._secret) + b"(.{4})", re.DOTALL)

    def outline(self, value: Result) -> Result:
        """Copy the value without its large parts."""
        if isinstance(value, ExecutionResult | TaskCall | Built):
            return msgspec.structs.replace(value, inputs=tuple(self._input(item) for item in value.inputs))
        return self._input(value)

    def _input(self, value: Input) -> Input:
        match value:
            case Whole(path=str(path)) if not self._with_files:
                return self._mark(Stretch(path, 0, _size_of(path)))
            case Item(of=of, index=index) if not self._with_files or of.path is None:
                # Only the item travels: the list it belongs to may be a thousand times as large.
                return self._mark(_item_in_file(of.path, index) if of.path else _item(of.data or b"", index))
            case Whole(data=bytes(data)) if len(data) >= _SMALL:
                return self._mark(data)
            case Many(items=items):
                return Many(tuple(self._input(item) for item in items))
            case Built(inputs=inputs):
                return msgspec.structs.replace(value, inputs=tuple(self._input(item) for item in inputs))
            case _:
                return value

    def _mark(self, part: Part) -> Whole:
        if _size(part) > _LARGEST:
            reason = f"a value of {_size(part):,} bytes cannot be sent ({_LARGEST:,} is the most)"
            raise ValueTooLarge(f"{reason}: read it on the server's host")
        self.parts.append(part)
        return Whole(data=self._secret + (len(self.parts) - 1).to_bytes(4))


def _size_of(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from None


def _item(data: bytes, index: int) -> bytes:
    return bytes(container.item(data, index))


def _item_in_file(path: str, index: int) -> Stretch:
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return Stretch(path, *container.extent(mapped, index))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: Exception) -> StoreError:
    return StoreError(f"the stored value {Path(path).name} cannot be read: {getattr(error, 'strerror', None) or error}")
