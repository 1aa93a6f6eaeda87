"""Ownership of executions: by a store that is open, for as long as its process lives.

Each open store holds an operating system lock on a file of its own, `owners/<id>.lock`. The system
lets go of it however the process ends, so "is the owner gone?" is answered by trying to take the
lock, without clocks, heartbeats or process ids that get used again.

A lock file stays for as long as its owner has unfinished executions, also when it is dead. So one that is
missing was deleted by somebody else, and its owner may live: it makes a new one with its next look, and is
taken for gone only when it does not. Should it have slept for longer, its commits are refused, because the
database names another owner by then.

In that file an owner also tells which of its executions do not move, and why: the database is no place for
it, because that it cannot be written is the usual reason.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
import weakref
from collections.abc import Callable, Collection, Container, Mapping
from pathlib import Path

import msgspec

from wf_jupyter.model.directory import Peers
from wf_jupyter.model.snapshot import Parked
from wf_jupyter.private_files import make_directory, open_file
from wf_jupyter.store.locks import lock, try_lock

#: For how long a lock file must be missing: several times as long as owners take to look at their own.
MISSING_SECONDS = 6.0
#: Bytes of a lock file that are there from the beginning, so that they can be written on a full disk.
RESERVED = 4096
#: What of them nobody wrote.
_BLANK = b"\0 "
#: There is no lock file, or something else in its place, which says as little.
_NO_FILE = (FileNotFoundError, IsADirectoryError)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, Parked])


class Ownership:
    """A living owner with a random `id`; use `release` to end it. `seconds` is a clock that never jumps."""

    def __init__(self, directory: Path, seconds: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._seconds = seconds
        make_directory(directory)
        self.id = secrets.token_hex(8)
        self._descriptor: int | None = _hold(self._path(self.id))
        self._changed = 0
        self._dead: frozenset[str] = frozenset()
        self._missing: dict[str, float] = {}
        self._tells = b""
        self._parked: dict[str, tuple[tuple[int, int], Mapping[str, Parked]]] = {}
        _held.add(self)

    def is_gone(self, owner: str, patience: float = MISSING_SECONDS) -> bool:
        """Whether that owner has released its executions or died; `patience` is for a lock file that is missing."""
        if owner == self.id:
            return self._descriptor is None
        try:
            descriptor = os.open(self._path(owner), os.O_RDWR)
        except _NO_FILE:
            now = self._seconds()
            return now - self._missing.setdefault(owner, now) >= patience
        try:
            self._missing.pop(owner, None)
            return try_lock(descriptor, fcntl.LOCK_SH, self._path(owner))
        finally:
            os.close(descriptor)

    def peers(self) -> Peers:
        """Find the other owners that live. Costs four system calls alone, and three more for each other."""
        self._hold_again()
        before, missed = self._changed, bool(self._missing)
        self._changed = self._directory.stat().st_mtime_ns
        others = {path.stem for path in self._directory.glob("*.lock")} - {self.id}
        living = frozenset(owner for owner in others if not self.is_gone(owner))
        dead, self._dead = self._dead, frozenset(others - living)
        are_changed = before != self._changed or dead != self._dead or missed
        return Peers(living=living, are_changed=are_changed, parked=self._read_parked(living))

    def tell_parked(self, parked: Mapping[str, Parked]) -> None:
        """Publish the parked executions of this owner (`model.directory.Ownership.tell_parked`)."""
        self._tells = _encoder.encode(parked).ljust(RESERVED)
        self._write()

    def sweep(self, needed: Container[str]) -> None:
        """Remove the lock files of owners that died, but for those `needed` to know that of."""
        for owner in {path.stem for path in self._directory.glob("*.lock")} - {self.id}:
            if owner in needed:
                continue
            path = self._path(owner)
            try:
                descriptor = os.open(path, os.O_RDWR)
            except _NO_FILE:
                continue
            try:
                if try_lock(descriptor, fcntl.LOCK_EX, path):
                    path.unlink(missing_ok=True)
            finally:
                os.close(descriptor)
        self._missing = {owner: since for owner, since in self._missing.items() if owner in needed}

    def release(self) -> None:
        """Own nothing any more. Idempotent. The file stays, unlocked, until somebody sweeps."""
        self.forget()

    def forget(self) -> None:
        """Close the file without touching it: a forked child must not keep its parent's lock alive."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self) -> None:
        if self._descriptor is not None and self._tells:
            os.pwrite(self._descriptor, self._tells, 0)
            os.ftruncate(self._descriptor, len(self._tells))

    def _read_parked(self, living: Collection[str]) -> dict[str, Parked]:
        """Executions that living owners have parked; a file is read when it was written since."""
        parked_by_owner: dict[str, tuple[tuple[int, int], Mapping[str, Parked]]] = {}
        for owner in living:
            known = self._parked.get(owner)
            # One that is being written makes no sense: what was told before stands until the next look.
            with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
                found = self._path(owner).stat()
                written = (found.st_mtime_ns, found.st_size)
                if known is None or known[0] != written:
                    data = self._path(owner).read_bytes().strip(_BLANK)
                    known = (written, _decoder.decode(data) if data else {})
            if known is not None:
                parked_by_owner[owner] = known
        self._parked = parked_by_owner
        return {execution: why for _, parked in parked_by_owner.values() for execution, why in parked.items()}

    def _hold_again(self) -> None:
        """Make the own lock file anew when somebody deleted or replaced it."""
        if self._descriptor is None or _is_at(self._descriptor, self._path(self.id)):
            return
        make_directory(self._directory, within=self._directory.parent)
        with contextlib.suppress(OSError):
            self._path(self.id).rmdir()
        old, self._descriptor = self._descriptor, _hold(self._path(self.id))
        os.close(old)
        with contextlib.suppress(OSError):
            self._write()

    def _path(self, owner: str) -> Path:
        return self._directory / f"{owner}.lock"


def is_held(directory: Path, owner: str) -> bool:
    """Whether a process holds that owner's lock; changes nothing."""
    path = directory / f"{owner}.lock"
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except _NO_FILE:
        return False
    try:
        return not try_lock(descriptor, fcntl.LOCK_SH, path)
    finally:
        os.close(descriptor)


def _hold(path: Path) -> int:
    while True:
        descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
        try:
            lock(descriptor, fcntl.LOCK_EX, path)
            with contextlib.suppress(OSError):
                os.posix_fallocate(descriptor, 0, RESERVED)
        except BaseException:
            os.close(descriptor)
            raise
        # Between the two calls another store may have swept the file away as that of a dead owner.
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return False


_held: weakref.WeakSet[Ownership] = weakref.WeakSet()


def _forget_all() -> None:
    for ownership in list(_held):
        ownership.forget()


os.register_at_fork(after_in_child=_forget_all)
