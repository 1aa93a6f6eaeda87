"""Digests of parts: each part enters with its length, so that no two lists of parts look alike."""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from hashlib import blake2b, sha256

Part = bytes | bytearray | memoryview


class Unknown(Exception):
    """Something cannot be compared with what it was in another process; the text says what, for people.

    `is_placed`: the text says where it is as well.
    """

    def __init__(self, message: str, *, is_placed: bool = False) -> None:
        super().__init__(message)
        self.is_placed = is_placed


def hash_parts(*parts: Part) -> bytes:
    """The digest of a sequence of bytes."""
    return hash_all(parts)


def hash_all(parts: Iterable[Part]) -> bytes:
    """As `hash_parts`, of a list that need not be unpacked."""
    # marshal writes each part after its length, in one call instead of two per part.
    return blake2b(marshal.dumps(list(parts), 2), digest_size=16).digest()


def hash_memory(memory: Part) -> bytes:
    """The digest of something large; processors have instructions for this one, so it takes half the time."""
    return sha256(memory).digest()


def text(value: str) -> bytes:
    """A text as bytes; lone surrogates are kept."""
    return value.encode(errors="surrogatepass")
