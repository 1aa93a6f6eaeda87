"""Bytes under their digests, each content once.

Whether a large buffer is held already is found out by comparing it with what is held, byte for byte:
that is exact, allocates nothing, and reads memory some ten times faster than it can be digested.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from wf_jupyter.model.keys import Digest
from wf_jupyter.model.submission import LARGE
from wf_jupyter.values.codec import Chunk
from wf_jupyter.values.digest import digest

#: How many contents of the same size a large buffer is compared with before it is digested: those used last.
_CANDIDATES = 16


class Blobs:
    """Collects blobs. `held` are the bytes by digest."""

    def __init__(self) -> None:
        self._held: dict[Digest, bytes] = {}
        self._large: dict[int, OrderedDict[Digest, None]] = {}

    @property
    def held(self) -> Mapping[Digest, bytes]:
        """Everything that was added."""
        return self._held

    def add(self, data: Chunk) -> Digest:
        """Hold a copy of `data` unless its content is held already; returns its digest."""
        if len(data) < LARGE:
            return self._put(bytes(data))
        known = self._large.setdefault(len(data), OrderedDict())
        for name in list(reversed(known))[:_CANDIDATES]:
            if self.matches(name, [data]):
                known.move_to_end(name)
                return name
        name = self._put(bytes(data))
        known[name] = None
        return name

    def matches(self, name: Digest, pieces: Sequence[Chunk]) -> bool:
        """Whether the pieces, one after the other, are exactly the bytes held under `name`."""
        held = self._held[name]
        position = 0
        for piece in pieces:
            # Compares memory with memory; a slice would be a copy.
            if not held.startswith(piece, position):
                return False
            position += len(piece)
        return position == len(held)

    def _put(self, data: bytes) -> Digest:
        name = digest(data)
        self._held.setdefault(name, data)
        return name
