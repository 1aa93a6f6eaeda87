"""Large values as files: written whole or not at all, read as copy-on-write memory maps."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import mmap
import os
import secrets
import sys
import weakref
from collections.abc import Iterable
from pathlib import Path

from wf_jupyter.errors import StoreError
from wf_jupyter.private_files import open_file

SUFFIX = ".value"
#: Bytes that a large value leaves free: the event log is on the same disk, and must be able to tell that it is full.
RESERVE = 8 << 20
_SMALL = 1 << 16
_FAILED = ctypes.c_void_p(-1).value


def write(directory: str | os.PathLike[str], pieces: Iterable[bytes | bytearray | memoryview], name: str = "") -> str:
    """Write the pieces as one new file in `directory`, under a name of its own or `name`; returns its absolute path.

    The file appears under its name only when complete; on any error, an interrupt included, nothing
    is left behind. Raises `OSError`: `ENOSPC` when the disk is full, or would have less than
    `RESERVE` bytes left.
    """
    target = named_path(Path(directory).absolute(), name or secrets.token_hex(12))
    partial = target.with_suffix(f".{secrets.token_hex(4)}.partial")
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


def named_path(directory: Path, name: str) -> Path:
    """Where `write` puts a value of that name."""
    return directory / f"{name}{SUFFIX}"


def write_at(path: Path, offset: int, data: bytes | memoryview) -> None:
    """Write a part of a file, which is made if need be. Raises `OSError` as `write` does."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _leave_room(descriptor, len(data))
        left = memoryview(data)
        while left:
            written = os.pwrite(descriptor, left, offset)
            left, offset = left[written:], offset + written
    finally:
        os.close(descriptor)


def read(path: str) -> memoryview:
    """The file's bytes as a writable view; writing to it changes this process's copy only."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise StoreError(f"the value file {path} is empty")
            return _map_file(file.fileno(), size)
    except OSError as error:
        raise StoreError(f"the value file {path} cannot be read: {error.strerror or error}") from error


def _map_file(descriptor: int, size: int) -> memoryview:
    # `mmap.mmap` keeps a descriptor of its own for as long as the memory is used: a list of a thousand
    # large values would need a thousand, which is as many as a process may have open.
    if sys.version_info >= (3, 13):
        return memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY, trackfd=False))
    library = _library()
    address = library.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE, descriptor, 0)
    if address == _FAILED:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    memory = (ctypes.c_ubyte * size).from_address(address)
    # Called when the last view is gone; not at exit, where views may still be used.
    weakref.finalize(memory, library.munmap, address, size).atexit = False
    return memoryview(memory).cast("B")


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    ]
    library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return library


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
