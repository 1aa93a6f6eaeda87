"""Who commits: the caller when nobody else writes, the writer's thread otherwise; in the order of asking."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wf_jupyter.store.database import connect
from wf_jupyter.store.open_files import OpenFiles
from wf_jupyter.store.writer import Writer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "test.sqlite3"
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE said (number INTEGER PRIMARY KEY, word TEXT UNIQUE, thread INTEGER)")
    connection.close()
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer("test-writer", connect(path), path, OpenFiles(path.parent, path))
    yield writer
    writer.stop()


class Says:
    """Writes a word, and which thread wrote it."""

    def __init__(self, word: str) -> None:
        self.word = word

    def __call__(self, connection: sqlite3.Connection) -> int:
        thread = threading.get_ident()
        connection.execute("INSERT INTO said (word, thread) VALUES (?, ?)", (self.word, thread))
        return thread


def words(path: Path) -> list[str]:
    reading = connect(path, read_only=True)
    try:
        return [word for (word,) in reading.execute("SELECT word FROM said ORDER BY number")]
    finally:
        reading.close()


async def test_a_small_job_is_committed_by_whoever_asks_when_nobody_else_writes(writer: Writer, path: Path) -> None:
    assert await writer.run_small(Says("one")) == threading.get_ident()
    assert words(path) == ["one"]


async def test_a_small_job_does_not_overtake_what_was_asked_before(writer: Writer, path: Path) -> None:
    going_on = threading.Event()

    def slow(connection: sqlite3.Connection) -> int:
        going_on.wait(30)
        return Says("first")(connection)

    first = asyncio.ensure_future(writer.run(slow))
    second = asyncio.ensure_future(writer.run(Says("second")))
    await asyncio.sleep(0)
    third = asyncio.ensure_future(writer.run_small(Says("third")))
    await asyncio.sleep(0)
    assert not third.done()
    going_on.set()
    threads = await asyncio.gather(first, second, third)
    assert threading.get_ident() not in threads
    assert words(path) == ["first", "second", "third"]


async def test_while_another_process_writes_the_callers_loop_goes_on(writer: Writer, path: Path) -> None:
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(writer.run_small(Says("late")))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done(), "this line is reached at once, not after the time that a commit may wait"
    other.execute("ROLLBACK")
    other.close()
    assert await waiting != threading.get_ident()
    assert words(path) == ["late"]


async def test_an_error_of_a_small_job_is_raised_and_undone(writer: Writer, path: Path) -> None:
    await writer.run_small(Says("once"))

    def twice(connection: sqlite3.Connection) -> None:
        Says("never")(connection)
        Says("once")(connection)

    with pytest.raises(Exception, match="UNIQUE"):
        await writer.run_small(twice)
    assert words(path) == ["once"]
    await writer.run(Says("after"))
    assert words(path) == ["once", "after"]
