"""Large values as files: written whole or not at all, read as copy-on-write memory maps."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from wf_jupyter.errors import StoreError
from wf_jupyter.private_files import open_file

SUFFIX = ".value"
#: Bytes that a large value leaves free: the event log is on the same disk, and must be able to tell that it is full.
RESERVE = 8 << 20
_SMALL = 1 << 16


def write(directory: str | os.PathLike[str], pieces: Iterable[bytes | bytearray | memoryview]) -> str:
    """Write the pieces as one new file in `directory` and return its absolute path.

    The file appears under its name only when complete; on any error, an interrupt included, nothing
    is left behind. Raises `OSError`: `ENOSPC` when the disk is full, or would have less than
    `RESERVE` bytes left.
    """
    name = secrets.token_hex(12)
    target = Path(directory).absolute() / f"{name}{SUFFIX}"
    partial = target.with_suffix(".partial")
    try:
        with open(open_file(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb", buffering=0) as file:
            for piece in pieces:
                data = memoryview(piece).cast("B")
                _leave_room(file.fileno(), data.nbytes)
                _write_all(file.fileno(), data)
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


def _leave_room(descriptor: int, size: int) -> None:
    if size < _SMALL:
        return
    try:
        disk = os.fstatvfs(descriptor)
    except OSError:
        return
    # Some network file systems tell nothing of their size.
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < size + RESERVE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
