"""The value format's head, and plain data in it: pure standard library, so the server may use it.

The server writes plain data for workers to read (the JSON inputs of a published workflow). It never
reads a value.
"""

from __future__ import annotations

import pickle
import struct

MAGIC = b"WFV1"
#: Magic, number of out-of-band buffers, length of the pickle; then the length of each buffer as u64.
HEAD = struct.Struct("<4sIQ")

_ATOMS = (type(None), bool, int, float, str, bytes)
_SMALL = 32


def encode_plain(value: object) -> bytes:
    """A value made of None, booleans, numbers, text, bytes, lists, tuples and dicts; functions go by their name."""
    body = pickle.dumps(value, protocol=5)
    return HEAD.pack(MAGIC, 0, len(body)) + body


def is_plain(value: object, depth: int = 3) -> bool:
    """Whether the value is small and made of nothing but plain data, so that none of it has code of its own."""
    if type(value) in _ATOMS:
        return True
    if depth == 0:
        return False
    if type(value) is list or type(value) is tuple:
        return len(value) <= _SMALL and all(is_plain(item, depth - 1) for item in value)
    if type(value) is dict:
        return len(value) <= _SMALL and all(
            type(key) in _ATOMS and is_plain(item, depth - 1) for key, item in value.items()
        )
    return False
