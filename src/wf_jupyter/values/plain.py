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


def is_plain(value: object, depth: int = 3, besides: type | tuple[()] = ()) -> bool:
    """Whether the value is small and made of nothing but plain data, so that none of it has code of its own.

    Instances of `besides` may stand in it as well.
    """
    kind = type(value)
    if kind in _ATOMS:
        return True
    if depth == 0:
        return isinstance(value, besides)
    if kind is list or kind is tuple:
        if len(value) > _SMALL:  # type: ignore[arg-type]
            return False
        for item in value:  # type: ignore[attr-defined]
            if type(item) not in _ATOMS and not isinstance(item, besides) and not is_plain(item, depth - 1, besides):
                return False
        return True
    if kind is dict:
        return len(value) <= _SMALL and all(  # type: ignore[arg-type]
            type(key) in _ATOMS and is_plain(item, depth - 1, besides)
            for key, item in value.items()  # type: ignore[attr-defined]
        )
    return isinstance(value, besides)
