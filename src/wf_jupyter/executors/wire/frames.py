"""Length-prefixed frames on a byte stream, without any I/O: bytes in, frames out."""

from __future__ import annotations

import struct

_LENGTH = struct.Struct("<I")
#: A frame larger than this is refused by whoever would send it. Larger values travel as files.
MAX_FRAME = 1 << 30


class FrameTooLarge(Exception):
    """A frame is larger than `MAX_FRAME`: when read, the stream is broken and must be closed."""


def frame(payload: bytes) -> bytes:
    """The payload with its length in front; `FrameTooLarge`."""
    if len(payload) > MAX_FRAME:
        raise FrameTooLarge(f"a frame of {len(payload)} bytes; the limit is {MAX_FRAME}")
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Cuts a stream into frames. One per direction of a connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """The frames that `data` completes, in order; `FrameTooLarge` when a length cannot be true."""
        buffer = self._buffer
        buffer += data
        frames = []
        start, end = 0, len(buffer)
        while end - start >= 4:
            (size,) = _LENGTH.unpack_from(buffer, start)
            if size > MAX_FRAME:
                raise FrameTooLarge(f"a frame of {size} bytes; the limit is {MAX_FRAME}")
            if end - start - 4 < size:
                break
            frames.append(bytes(memoryview(buffer)[start + 4 : start + 4 + size]))
            start += 4 + size
        if start:
            del buffer[:start]
        return frames
