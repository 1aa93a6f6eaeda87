"""The result of a look, and the digest of what it meets, part by part."""

from __future__ import annotations

import hashlib
import marshal
from dataclasses import dataclass
from typing import Any

#: What `marshal` writes without a loss; longer data is not copied for it.
_MARSHALLED = frozenset([int, float, complex, bool, str, type(None), type(...)])
_MARSHAL_VERSION, _LONG = 2, 4_096
#: So many parts, and so many characters of a text, are written at a time.
_MANY, _PIECE = 100_000, 1 << 20


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
            if type(part) is str and len(part) >= _LONG:
                self._text(part)
            elif kind in _MARSHALLED:
                self._parts.append(part)
                if len(self._parts) >= _MANY:
                    self._flush()
            elif kind in (bytes, bytearray, memoryview):
                data: Any = part
                if len(data) < _LONG:
                    self._parts.append(bytes(data))
                    continue
                self._flush()
                self.size += len(data)
                self._hash.update(len(data).to_bytes(8, "little"))
                # Most processors have instructions for this one.
                self._hash.update(data if len(data) < _PIECE else hashlib.sha256(data).digest())
            else:
                self._parts.append(str(part))

    def _text(self, text: str) -> None:
        self._flush()
        self._hash.update(len(text).to_bytes(8, "little"))
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE].encode("utf-8", "surrogatepass")
            self.size += len(piece)
            self._hash.update(piece)

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


@dataclass(frozen=True)
class Look:
    """`marks` are the ids of objects that can change, `uses` the global names that its functions look up.

    `names` are all that functions of the user's files mention, `changes` what of libraries functions may change.
    A `plain` value consists of what is the same when it has been written to a file and read again. Of a `vague`
    one not all was seen. One that is `borrowing` may show the memory of a value that it does not lead to.
    """

    digest: str
    marks: frozenset[int]
    uses: frozenset[str]
    names: frozenset[str]
    changes: frozenset[str]
    is_opaque: bool
    is_plain: bool
    is_vague: bool
    size: int
    count: int = 0
    is_borrowing: bool = False
