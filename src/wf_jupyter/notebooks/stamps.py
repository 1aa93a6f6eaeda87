"""Whether a file is as it was: by its content when it is small, else by its size and time."""

from __future__ import annotations

import hashlib
import os

_SMALL = 16 << 20


def stamp(path: str) -> str:
    """Make a text that changes when the file, or the list of what a directory holds, changes."""
    try:
        if os.path.isdir(path):  # noqa: PTH112
            return "folder:" + _digest("\0".join(sorted(os.listdir(path))).encode("utf-8", "surrogateescape"))  # noqa: PTH208
        found = os.stat(path)  # noqa: PTH116
        if found.st_size > _SMALL:
            return f"{found.st_size}:{found.st_mtime_ns}"
        with open(path, "rb") as file:
            return _digest(file.read())
    except OSError:
        return "-"


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()
