"""Locks of the operating system on whole files: it lets go of them however a process ends."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

from wf_jupyter.errors import StoreError

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


def lock(descriptor: int, kind: int, path: Path) -> None:
    """Lock the open file of that path, as `fcntl.flock`.

    Raises:
        BlockingIOError: with `LOCK_NB`, when another one holds it.
        StoreError: the file system has no locks. There is no other way to know whether an owner lives: SQLite,
            too, would corrupt a database that two processes write there.
    """
    try:
        fcntl.flock(descriptor, kind)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise StoreError(
            f"the file system of {path.parent} has no locks (flock: {error.strerror}): put the data directory on a "
            "local disk, with WF_JUPYTER_DATA_DIR or c.WorkflowExtension.data_dir"
        ) from error


def try_lock(descriptor: int, kind: int, path: Path) -> bool:
    """`lock` without waiting; whether it was to be had."""
    try:
        lock(descriptor, kind | fcntl.LOCK_NB, path)
    except BlockingIOError:
        return False
    return True
