"""Encoded results as rows, and the files of the large ones."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from wf_jupyter.errors import ExecutionNotFound, StoreError
from wf_jupyter.model.stimuli import Value
from wf_jupyter.private_files import make_directory, open_file

_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Places:
    """Where files are: large values in `values/<execution>/`, whole logs in `logs/<execution>/`."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "values"
        self._logs = data_dir / "logs"
        self._prefix = f"{data_dir}/"

    def directory(self, execution: str) -> Path:
        """The folder of an execution, created if need be; an id that is no safe name is `ExecutionNotFound`."""
        path = self._path(execution)
        make_directory(path, within=self._root.parent)
        return path

    def logs(self, execution: str) -> Path:
        """The folder of an execution's whole logs; `ExecutionNotFound` as for `directory`."""
        return self._logs / self._path(execution).name

    def remove(self, execution: str) -> None:
        """Remove both folders with everything in them, if they exist."""
        for folder in self._folders(execution):
            if folder.is_symlink():
                # Somebody put it elsewhere: what is there is theirs.
                folder.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)

    def files(self, execution: str) -> dict[int, int]:
        """Sizes of the execution's files by inode: a file that others share is the same number there."""
        found = {}
        for folder in self._folders(execution):
            with suppress(FileNotFoundError), os.scandir(folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        found[entry.inode()] = entry.stat(follow_symlinks=False).st_size
        return found

    def adopt(self, values: Iterable[Value], into: str) -> tuple[Value, ...] | None:
        """Link the files of values into another execution's folder; None when a file is gone."""
        values = tuple(values)
        if all(value.path is None for value in values):
            return values
        try:
            folder = self.directory(into)
            return tuple(
                value if value.path is None else msgspec.structs.replace(value, path=_link(value.path, folder))
                for value in values
            )
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"a value cannot be kept in {self._path(into)}: {error.strerror or error}") from error

    def relative_path(self, path: str | None) -> str | None:
        """A path as it is stored: relative inside the data directory, which then may be moved."""
        return path.removeprefix(self._prefix) if path is not None else None

    def absolute(self, path: str | None) -> str | None:
        """The opposite of `relative_path`."""
        return path if path is None or path.startswith("/") else self._prefix + path

    def _folders(self, execution: str) -> tuple[Path, ...]:
        # A damaged row may be named anything: no folder was ever made for that.
        return (self._path(execution), self.logs(execution)) if _SAFE_ID.fullmatch(execution) else ()

    def _path(self, execution: str) -> Path:
        if _SAFE_ID.fullmatch(execution) is None:
            raise ExecutionNotFound(f"no execution {execution!r}")
        return self._root / execution


def _link(path: str, folder: Path) -> str:
    source = Path(path)
    target = folder / source.name
    try:
        target.hardlink_to(source)
    except FileExistsError:
        # Names of value files are random: it is the same file, linked before.
        pass
    except FileNotFoundError:
        raise
    except OSError:
        _copy(source, target)
    return str(target)


def _copy(source: Path, target: Path) -> None:
    """For file systems without links; the copy appears under its name only when complete."""
    partial = target.with_suffix(f".{secrets.token_hex(4)}.partial")
    try:
        with source.open("rb") as old, open(open_file(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as new:
            shutil.copyfileobj(old, new)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def write_values(
    connection: sqlite3.Connection, number: int, values: Sequence[tuple[str, Value]], places: Places
) -> None:
    """Store values of tasks, replacing older ones of the same task and part."""
    if values:
        connection.executemany(
            "INSERT OR REPLACE INTO task_values VALUES (?, ?, ?, ?, ?, ?)",
            [
                (number, task, value.part, value.data, places.relative_path(value.path), value.size)
                for task, value in values
            ],
        )


def read_values(
    connection: sqlite3.Connection, execution: str, wanted: Iterable[tuple[str, str]], places: Places
) -> dict[tuple[str, str], Value]:
    """Values by (task key, part); those that do not exist, or whose rows make no sense, are left out."""
    found = {}
    for task, part in wanted:
        row = connection.execute(
            "SELECT data, path, size FROM task_values"
            " WHERE execution = (SELECT number FROM executions WHERE id = ?) AND task = ? AND part = ?",
            (execution, task, part),
        ).fetchone()
        if row is not None and (value := stored_value(part, row, places)) is not None:
            found[task, part] = value
    return found


def stored_value(part: str, row: Sequence[Any], places: Places) -> Value | None:
    """The value behind `data, path, size`; None when they make no sense: a value that is gone is computed anew."""
    data, path, size = row
    is_there = isinstance(data, bytes) if path is None else data is None and isinstance(path, str) and path
    if not is_there or not isinstance(size, int) or size < 0:
        return None
    return Value(part=part, data=data, path=places.absolute(path), size=size)
