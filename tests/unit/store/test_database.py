"""Opening a data directory: modes, epochs, and everything that can be wrong with the file."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from wf_jupyter.errors import StoreError
from wf_jupyter.store.database import FILE_NAME, connect, store_error
from wf_jupyter.store.sqlite import SqliteStore


def opened_once(data_dir: Path) -> Path:
    SqliteStore.open(data_dir).shutdown()
    return data_dir / FILE_NAME


def test_only_the_user_can_read_the_data_directory(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "a" / "data")
    files = [path for path in (tmp_path / "a" / "data").rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "a" / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE(store.directory("e1").stat().st_mode) == 0o700
    store.shutdown()


def test_the_epoch_outlives_the_process_and_not_the_data(tmp_path: Path) -> None:
    first, again, other = (SqliteStore.open(tmp_path / name) for name in ("one", "one", "two"))
    assert first.epoch == again.epoch != other.epoch
    for store in (first, again, other):
        store.shutdown()
    (tmp_path / "one" / FILE_NAME).unlink()
    wiped = SqliteStore.open(tmp_path / "one")
    assert wiped.epoch != first.epoch
    wiped.shutdown()


@pytest.mark.parametrize(("durability", "synchronous"), [("normal", 1), ("full", 2)])
def test_durability_is_what_was_asked_for(tmp_path: Path, durability: str, synchronous: int) -> None:
    connection = connect(opened_once(tmp_path), durability)  # type: ignore[arg-type]
    assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is no database, whatever its name says\n" * 500)


def spoil_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xa5" * 4096 * 4)


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(5 * 4096)


@pytest.mark.parametrize("harm", [overwrite, spoil_the_middle, cut])
def test_a_corrupt_database_is_refused_by_name(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = opened_once(tmp_path)
    harm(path)
    with pytest.raises(StoreError, match=f"{path} is corrupt"):
        SqliteStore.open(tmp_path)


def test_a_database_from_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = opened_once(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StoreError, match="schema 999.*upgrade"):
        SqliteStore.open(tmp_path)


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="data"):
        SqliteStore.open(tmp_path / "data")


def test_a_full_database_is_told_as_a_full_disk(tmp_path: Path) -> None:
    path = opened_once(tmp_path)
    connection = connect(path)
    connection.execute("PRAGMA max_page_count = 1")
    from wf_jupyter.store.open_files import OpenFiles
    from wf_jupyter.store.writer import Writer

    writer = Writer("writer", connection, path, OpenFiles(tmp_path, path))
    with pytest.raises(StoreError, match=f"the disk is full, {path}"):
        writer.run_blocking(lambda c: c.execute("INSERT INTO blobs VALUES ('x', zeroblob(10000000))").rowcount)
    assert writer.run_blocking(lambda c: c.execute("SELECT count(*) FROM blobs").fetchone()) == (0,)
    writer.stop()


def test_a_disk_with_room_that_takes_no_writes_is_not_just_full(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_WRITE"
    told = store_error(tmp_path / "database", error)
    assert "takes no writes (a quota, a limit, read-only by now)" in str(told) and told.is_temporary


def test_many_threads_may_open_a_new_directory_at_once(tmp_path: Path) -> None:
    async def scenario() -> set[str]:
        opening = (asyncio.to_thread(SqliteStore.open, tmp_path / "data") for _ in range(8))
        stores = await asyncio.gather(*opening)
        await asyncio.gather(*(store.close() for store in stores))
        return {store.epoch for store in stores}

    assert len(asyncio.run(scenario())) == 1
