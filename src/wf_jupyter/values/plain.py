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


def encode_plain(value: object) -> bytes:
    """A value made of None, booleans, numbers, text, bytes, lists, tuples and dicts; functions go by their name."""
    body = pickle.dumps(value, protocol=5)
    return HEAD.pack(MAGIC, 0, len(body)) + body
