"""Whether the files that a store has open are still those that their names lead to.

A file that is deleted, moved, or covered by a mount stays open, and SQLite goes on writing into it: what is
committed there is nowhere. So each commit looks, at some 5 µs for three names, before it is told.
"""

from __future__ import annotations

import os
from pathlib import Path

from wf_jupyter.errors import StoreError

Identity = tuple[int, int]


class OpenFiles:
    """The data directory, its database, and the log beside that. Callable from any thread."""

    def __init__(self, data_dir: Path, database: Path) -> None:
        self._data_dir = data_dir
        # Texts, as a `Path` makes a look three times as dear.
        self._wal = f"{database}-wal"
        self._expected: dict[str, Identity] = {path: _identity(path) for path in (str(data_dir), str(database))}

    def note_wal(self) -> None:
        """Take the write-ahead log as it is now for the one that is open. It is there after the first transaction."""
        if self._wal not in self._expected:
            self._expected[self._wal] = _identity(self._wal)

    def check(self) -> None:
        """Raise `StoreError` when one is gone or another one: it may come back, so the error is a temporary one."""
        for path, expected in self._expected.items():
            try:
                found = _identity(path)
            except (FileNotFoundError, NotADirectoryError):
                raise StoreError(
                    self._describe_loss(path, "is gone (deleted, moved or unmounted)"), is_temporary=True
                ) from None
            except OSError as error:
                raise StoreError(f"{path} cannot be reached: {error.strerror or error}", is_temporary=True) from error
            if found != expected:
                raise StoreError(self._describe_loss(path, "is another one than was opened"), is_temporary=True)

    def trouble(self) -> str | None:
        """The error of `check` as text; None when all is well."""
        try:
            self.check()
        except StoreError as error:
            return str(error)
        return None

    def _describe_loss(self, path: str, what: str) -> str:
        kind = "the data directory" if path == str(self._data_dir) else "the file"
        return (
            f"{kind} {path} {what}: nothing can be kept, so nothing is accepted. Bring it back, "
            "or restart Jupyter to begin with what is there"
        )


def _identity(path: str) -> Identity:
    found = os.stat(path)  # noqa: PTH116
    return found.st_dev, found.st_ino
