"""Large values as files: written whole or not at all, read as copy-on-write memory maps."""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from wf_jupyter.errors import StoreError

SUFFIX = ".value"


def write(directory: str | os.PathLike[str], pieces: Iterable[bytes | bytearray | memoryview]) -> str:
    """Write the pieces as one new file in `directory` and return its absolute path.

    The file appears under its name only when complete; on any error, an interrupt included, nothing
    is left behind. Raises `OSError` (`ENOSPC` when the disk is full).
    """
    name = secrets.token_hex(12)
    target = Path(directory).absolute() / f"{name}{SUFFIX}"
    partial = target.with_suffix(".partial")
    try:
        with partial.open("xb", buffering=0) as file:
            for piece in pieces:
                _write_all(file.fileno(), memoryview(piece).cast("B"))
        partial.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    return str(target)


def read(path: str) -> memoryview:
    """The file's bytes as a writable view; writing to it changes this process's copy only."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise StoreError(f"the value file {path} is empty")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    except OSError as error:
        raise StoreError(f"the value file {path} cannot be read: {error.strerror or error}") from error


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
