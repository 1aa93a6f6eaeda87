"""Directories and files that only their owner may read or change, whatever the umask."""

from __future__ import annotations

import os
import stat
from pathlib import Path

DIRECTORY, FILE = 0o700, 0o600


def make_directory(path: Path, within: Path | None = None) -> None:
    """Make a directory, with those above it that are missing; one that exists stays as it is.

    Nothing is made unless `within` exists, when that is given. Raises `OSError`.
    """
    try:
        path.mkdir(mode=DIRECTORY)
    except FileNotFoundError:
        if path.parent == within:
            raise
        make_directory(path.parent, within)
        make_directory(path, within)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        # A umask may also take from the owner.
        if stat.S_IMODE(path.stat().st_mode) & 0o777 != DIRECTORY:
            path.chmod(DIRECTORY)


def open_file(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file as `os.open` does; one that is created is private. Raises `OSError`."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, FILE)
    try:
        found = os.fstat(descriptor)
        if found.st_size == 0 and stat.S_IMODE(found.st_mode) != FILE and found.st_uid == os.geteuid():
            os.fchmod(descriptor, FILE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def tighten(directory: Path) -> list[Path]:
    """Make an existing directory private, with all that is in it if it was not; returns what could not be changed.

    What is behind symbolic links is left alone.
    """
    if not stat.S_IMODE(directory.stat().st_mode) & 0o077:
        return []
    # From the outside in: then nobody can exchange anything below meanwhile.
    refused = _restrict([directory])
    for folder, folders, files in os.walk(directory):
        refused += _restrict([Path(folder, name) for name in (*folders, *files)])
    return refused


def _restrict(paths: list[Path]) -> list[Path]:
    refused = []
    for path in paths:
        try:
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and mode & 0o077:
                path.chmod(stat.S_IMODE(mode) & 0o700)
        except FileNotFoundError:
            continue
        except OSError:
            refused.append(path)
    return refused
