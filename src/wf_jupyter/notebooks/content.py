"""A digest of what a look meets, part by part."""

from __future__ import annotations

import hashlib
import marshal
from typing import Any

#: What `marshal` writes without a loss; longer data is not copied for it.
_MARSHALLED = frozenset([int, float, complex, bool, str, type(None), type(...)])
_MARSHAL_VERSION, _LONG = 2, 4_096


class Content:
    """Parts in the order in which they are fed; equal parts give equal digests in every process."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.blake2b(digest_size=16)
        self._parts: list[object] = []

    def mark(self, *parts: object) -> None:
        """Add what is no content itself, but says what follows."""
        self._parts.append(parts)

    def feed(self, *parts: object) -> None:
        """Add numbers and texts as they are, data, and the texts of others."""
        for part in parts:
            kind = type(part)
            if kind in _MARSHALLED:
                self._parts.append(part)
            elif kind in (bytes, bytearray, memoryview):
                data: Any = part
                if len(data) < _LONG:
                    self._parts.append(bytes(data))
                    continue
                self._flush()
                self.size += len(data)
                self._hash.update(len(data).to_bytes(8, "little"))
                self._hash.update(data)
            else:
                self._parts.append(str(part))

    def _flush(self) -> None:
        # In this version equal parts are equal bytes, whatever else refers to them.
        data = marshal.dumps(self._parts, _MARSHAL_VERSION)
        self._parts.clear()
        self.size += len(data)
        self._hash.update(len(data).to_bytes(8, "little"))
        self._hash.update(data)

    def digest(self) -> str:
        """Digest of all parts so far."""
        self._flush()
        return self._hash.hexdigest()
