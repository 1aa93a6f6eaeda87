"""What is kept is its owner's alone, whatever the umask says and however it was before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from wf_jupyter.private_files import make_directory, open_file, tighten
from wf_jupyter.store.sqlite import SqliteStore
from wf_jupyter.values import files


@pytest.fixture(params=[0o000, 0o022, 0o277, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> set[tuple[str, int]]:
    found = [folder, *folder.rglob("*")]
    return {("d" if path.is_dir() else "f", stat.S_IMODE(path.stat().st_mode)) for path in found}


def test_whatever_the_umask_everything_is_private(tmp_path: Path, umask: int) -> None:
    home = tmp_path / "above" / "data"
    store = SqliteStore.open(home)
    files.write(store.directory("e1"), [b"x" * 100])
    make_directory(store.logs("e1"), within=home)
    os.close(open_file(store.logs("e1") / "task.1.log", os.O_WRONLY | os.O_CREAT))
    assert modes(home) == {("d", 0o700), ("f", 0o600)}
    assert stat.S_IMODE((tmp_path / "above").stat().st_mode) == 0o700
    store.shutdown()


def test_a_directory_that_others_could_read_is_tightened_with_all_that_is_in_it(tmp_path: Path) -> None:
    home = tmp_path / "data"
    store = SqliteStore.open(home)
    files.write(store.directory("e1"), [b"x"])
    store.shutdown()
    outside = tmp_path / "outside"
    outside.touch(mode=0o644)
    (home / "values" / "link").symlink_to(outside)
    for path in (home, *home.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() else 0o666)
    SqliteStore.open(home).shutdown()
    (home / "values" / "link").unlink()
    assert modes(home) == {("d", 0o700), ("f", 0o600)}
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644, "what is behind a link is not ours"


def test_what_cannot_be_tightened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_: (_ for _ in ()).throw(PermissionError(1, "not yours")))
    assert tighten(tmp_path) == [tmp_path]


def test_nothing_is_made_where_the_data_directory_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        make_directory(tmp_path / "gone" / "values" / "e1", within=tmp_path / "gone")
    assert not (tmp_path / "gone").exists()
