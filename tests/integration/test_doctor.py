"""`jupyter wf doctor`: what it finds in a data directory, and that it leaves it as it is."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.test_unreadable import BREAKS, damage, opened, unpack_old
from wf_jupyter.cli.main import main
from wf_jupyter.service.doctor import examine
from wf_jupyter.store.database import newest_schema


def problems(data_dir: Path) -> list[str]:
    return [finding.text for finding in examine(data_dir) if finding.is_problem]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    path = unpack_old(tmp_path / "data")
    for place in (path.parent, path):
        place.chmod(0o700 if place.is_dir() else 0o600)
    return path.parent


def files(data_dir: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for folder, _, names in os.walk(data_dir):
        for name in (".", *names):
            status = os.stat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def test_a_sound_directory_has_no_problems_and_is_left_as_it_is(data_dir: Path, capsys) -> None:
    before = files(data_dir)
    assert main(["doctor", "--data-dir", str(data_dir)]) == 0
    told = capsys.readouterr().out
    assert "4 executions" in told and "0 problems" in told
    assert f"the next opening brings it to {newest_schema()}" in told or newest_schema() == 2
    assert "of 'left' is running: its orchestrator is gone" in told
    assert files(data_dir) == before


def test_it_works_while_the_directory_is_in_use(data_dir: Path) -> None:
    runtime = opened(data_dir)
    try:
        assert problems(data_dir) == []
    finally:
        runtime.close()
    assert problems(data_dir) == []


@pytest.mark.parametrize("what", BREAKS)
def test_what_cannot_be_read_is_named(data_dir: Path, what: str, capsys) -> None:
    execution = damage(data_dir / "wf_jupyter.sqlite3", "finished", what)
    (problem,) = problems(data_dir)
    assert execution in problem
    assert main(["doctor", "--data-dir", str(data_dir)]) == 1
    assert "1 problem\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "statement, told",
    [
        ("UPDATE cache SET body = x'c1' WHERE rowid IS NULL OR 1", "cached result"),
        ("UPDATE workflows SET body = x'c1'", "published workflow published cannot be read"),
        ("UPDATE task_values SET data = NULL, path = 'values/gone/1' WHERE rowid = 1", "values/gone/1, a result of"),
        ("UPDATE executions SET seq = 99 WHERE workflow = 'finished'", "ends at event 7, its line says 99"),
        ("PRAGMA user_version = 999", "its schema is 999, written by a newer version"),
    ],
)
def test_it_finds(data_dir: Path, statement: str, told: str) -> None:
    with closing(sqlite3.connect(data_dir / "wf_jupyter.sqlite3")) as connection:
        connection.execute(statement.replace(" WHERE rowid IS NULL OR 1", ""))
        connection.commit()
    found = problems(data_dir)
    assert found and all(told in problem for problem in found), found


def test_it_finds_what_others_may_read_and_what_belongs_to_nobody(data_dir: Path) -> None:
    (data_dir / "values" / "nobody").mkdir(parents=True, mode=0o755)
    (data_dir / "values").chmod(0o700)
    (data_dir / "values" / "nobody").chmod(0o755)
    assert problems(data_dir) == [f"{data_dir}/values/nobody is open to other users: chmod go-rwx"]
    assert any("belongs to no execution" in finding.text for finding in examine(data_dir))


def test_what_is_no_database_and_what_is_not_there_are_said(tmp_path: Path, data_dir: Path) -> None:
    (data_dir / "wf_jupyter.sqlite3").write_bytes(b"no database at all" * 100)
    assert any("cannot be read" in problem for problem in problems(data_dir))
    assert "does not exist" in problems(tmp_path / "nowhere")[0]
