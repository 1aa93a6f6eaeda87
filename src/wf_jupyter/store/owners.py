"""Who owns an execution: a store that is open, for as long as its process lives.

Each open store holds an operating system lock on a file of its own, `owners/<id>.lock`. The system
lets go of it however the process ends, so "is the owner gone?" is answered by trying to take the
lock, without clocks, heartbeats or process ids that get used again.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import weakref
from pathlib import Path

from wf_jupyter.ports import Neighbours


class Ownership:
    """A living owner with a random `id`; use `release` to end it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, exist_ok=True)
        self.id = secrets.token_hex(8)
        self._descriptor: int | None = _hold(self._path(self.id))
        self._changed = 0
        _held.add(self)

    def is_gone(self, owner: str) -> bool:
        """Whether that owner has released its executions or died."""
        if owner == self.id:
            return self._descriptor is None
        try:
            descriptor = os.open(self._path(owner), os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            return _try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def neighbours(self) -> Neighbours:
        """Who else lives; removes what the dead left. Costs three system calls alone, and three more for each other."""
        before = self._changed
        self._changed = self._directory.stat().st_mtime_ns
        others = {path.stem for path in self._directory.glob("*.lock")} - {self.id}
        living = frozenset(owner for owner in others if not self.is_gone(owner))
        if living != others:
            self.sweep()
        return Neighbours(living=living, are_changed=before != self._changed or living != others)

    def sweep(self) -> None:
        """Remove the lock files of owners that died."""
        for path in self._directory.glob("*.lock"):
            if path == self._path(self.id):
                continue
            try:
                descriptor = os.open(path, os.O_RDWR)
            except FileNotFoundError:
                continue
            try:
                if _try_lock(descriptor, fcntl.LOCK_EX):
                    path.unlink(missing_ok=True)
            finally:
                os.close(descriptor)

    def release(self) -> None:
        """Own nothing any more. Idempotent."""
        if self._descriptor is not None:
            self._path(self.id).unlink(missing_ok=True)
            self.forget()

    def forget(self) -> None:
        """Close the file without touching it: a forked child must not keep its parent's lock alive."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _path(self, owner: str) -> Path:
        return self._directory / f"{owner}.lock"


def _hold(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Between the two calls another store may have swept the file away as that of a dead owner.
        try:
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_held: weakref.WeakSet[Ownership] = weakref.WeakSet()


def _forget_all() -> None:
    for ownership in list(_held):
        ownership.forget()


os.register_at_fork(after_in_child=_forget_all)
