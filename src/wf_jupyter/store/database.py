"""The database file: opening it safely, bringing its schema up to date, and telling what is wrong with it.

Several processes may open one data directory at the same moment. Only the first steps (creating the
file, switching it to WAL, migrating) are serialised, by a lock file beside it; SQLite does the rest.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from wf_jupyter.errors import StoreError
from wf_jupyter.private_files import make_directory, open_file, tighten
from wf_jupyter.store.locks import try_lock

Durability = Literal["normal", "full"]
_log = logging.getLogger(__name__)

FILE_NAME = "wf_jupyter.sqlite3"
#: How long a commit waits for another process that is writing.
BUSY_SECONDS = 30.0
#: How long opening waits for another process that opens, and perhaps migrates, the same directory.
OPENING_SECONDS = 60.0
#: Databases up to this size are checked page by page when opened (some 20 ms); a larger one is
#: checked as it is read.
CHECKED_BYTES = 16 << 20
#: How a file that cannot grow looks: no space (or inodes), quota used up, largest size reached.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: What passes as well: no descriptors left, a disk that became read-only or went away, permissions taken.
_PASSING = (
    *_NO_ROOM,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ESTALE,
    errno.ENOENT,
)
#: The same from SQLite, which tells of ENOSPC only as such.
_FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")
#: A disk with so many bytes left is not full.
_ROOM = 1 << 20
#: By the beginning of SQLite's name for it: in words, and it may pass.
_PASSING_IN_WORDS = {
    "SQLITE_READONLY": "it is read-only",
    "SQLITE_CANTOPEN": "a file cannot be opened (permissions taken, no inodes, or too many open files)",
    "SQLITE_NOMEM": "there is no memory left",
    "SQLITE_IOERR": "the disk does not answer as it should",
    "SQLITE_PROTOCOL": "its locks cannot be had",
}


@contextmanager
def raising_store_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite or the operating system raises inside into a `StoreError` that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    except OSError as error:
        raise os_error(path, error) from error


def os_error(path: Path, error: OSError) -> StoreError:
    """Turn an error of the operating system into words, naming the file."""
    place = path if error.filename is None else error.filename
    return StoreError(f"{place} cannot be used: {error.strerror or error}", is_temporary=error.errno in _PASSING)


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """Turn an error of SQLite into words, naming the file."""
    text = str(error)
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(_FULL):
        is_sure = name.startswith("SQLITE_FULL") or not _has_room(path)
        reason = "," if is_sure else ", or takes no writes (a quota, a limit, read-only by now):"
        return StoreError(f"the disk is full{reason} {path} cannot grow: {text}", is_temporary=True)
    if name.startswith("SQLITE_BUSY"):
        return StoreError(f"{path} cannot be used: another process is writing for too long", is_temporary=True)
    for beginning, words in _PASSING_IN_WORDS.items():
        if name.startswith(beginning):
            return StoreError(f"{path} cannot be used, {words}: {text}", is_temporary=True)
    if "malformed" in text or "not a database" in text:
        return StoreError(f"{path} is corrupt: {text}")
    return StoreError(f"{path} cannot be used: {text}")


def _has_room(path: Path) -> bool:
    """Whether the disk is not full; SQLite names one reason for all that a write can meet."""
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return True
    return disk.f_bavail * disk.f_frsize > _ROOM


def prepare(data_dir: Path) -> str:
    """Make the data directory and its database usable, whatever their state; return the epoch.

    Raises `StoreError` when the database is corrupt or was written by a newer version.
    """
    path = data_dir / FILE_NAME
    with raising_store_errors(path):
        make_directory(data_dir)
        for loose in tighten(data_dir)[:1]:
            _log.warning("others may read %s, and this cannot be changed: it belongs to somebody else", loose)
        with _one_at_a_time(data_dir / "opening.lock"):
            if not path.exists():
                # Created here because SQLite would give it the umask's mode; its side files take this one.
                # Never opened again: closing it would drop SQLite's locks in this process.
                os.close(open_file(path, os.O_RDWR | os.O_CREAT))
            connection = connect(path)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                _check(connection, path)
                _migrate(connection, path)
                return _epoch(connection)
            finally:
                connection.close()


def _epoch(connection: sqlite3.Connection) -> str:
    """The name of the directory's history; a new one where it is missing or makes no sense: subscribers start over."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
    if row is not None and isinstance(row[0], str) and row[0].isalnum():
        return row[0]
    epoch = secrets.token_hex(8)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (epoch,))
    return epoch


def connect(path: Path, durability: Durability = "normal", *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode: transactions are begun and ended by name.

    With `normal` durability a commit survives the end of the process; with `full` also a power cut.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        # A file that is no database is noticed here.
        connection.close()
        raise
    return connection


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        began = time.monotonic()
        while not try_lock(descriptor, fcntl.LOCK_EX, path):
            if time.monotonic() - began > OPENING_SECONDS:
                raise StoreError(
                    f"another process has been opening {path.parent} for more than {OPENING_SECONDS:g} s; "
                    f"`fuser {path}` names it",
                    is_temporary=True,
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size > CHECKED_BYTES:
        return
    verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if verdict != "ok":
        raise StoreError(f"{path} is corrupt: {verdict.splitlines()[-1]}")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    known = _migrations()
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    newest = max(known)
    if version > newest:
        raise StoreError(
            f"{path} has schema {version}, this version of wf_jupyter knows {newest} and older: upgrade wf_jupyter"
        )
    for number in sorted(known):
        if number <= version:
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Again, as another process may have been faster: somebody may have deleted the file that is locked.
            if int(connection.execute("PRAGMA user_version").fetchone()[0]) >= number:
                connection.execute("ROLLBACK")
                continue
            for statement in _statements(known[number].read_text("utf-8")):
                connection.execute(statement)
            if number == 1:
                _epoch(connection)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def newest_schema() -> int:
    """The schema that this version writes."""
    return max(_migrations())


def _migrations() -> dict[int, Traversable]:
    folder = resources.files("wf_jupyter.store").joinpath("migrations")
    return {int(entry.name[:4]): entry for entry in folder.iterdir() if entry.name.endswith(".sql")}


def _statements(script: str) -> Iterator[str]:
    # sqlite3's executescript would commit the migration's transaction before it starts.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
