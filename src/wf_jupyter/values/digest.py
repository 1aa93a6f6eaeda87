"""The name of a blob: 128 bits of BLAKE2b, in hexadecimal."""

from __future__ import annotations

import hashlib

from wf_jupyter.model.keys import Digest


def digest(data: bytes | bytearray | memoryview) -> Digest:
    """The digest of `data`: equal bytes have equal digests, on every machine and in every release."""
    return Digest(hashlib.blake2b(data, digest_size=16).hexdigest())
