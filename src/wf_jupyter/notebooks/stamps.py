"""Whether a file is as it was: by its content when it is small, else by its size and time."""

from __future__ import annotations

import glob
import hashlib
import os

#: What describes an installed package, whatever its version.
DESCRIBED = "-*.dist-info"
_SMALL = 16 << 20


def stamp(path: str) -> str:
    """Make a text that changes when the file, or the list of what a directory holds, changes.

    Of a path that ends in `DESCRIBED`, it is the versions that are there.
    """
    try:
        if path.endswith(DESCRIBED):
            return "versions:" + " ".join(sorted(map(os.path.basename, glob.glob(path))))  # noqa: PTH207
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
