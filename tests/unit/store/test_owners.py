"""Owners live as long as their process, whatever it forks and however it dies."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wf_jupyter.errors import StoreError
from wf_jupyter.model.snapshot import Parked
from wf_jupyter.store.owners import MISSING_SECONDS, Ownership
from wf_jupyter.store.sqlite import SqliteStore


def test_an_owner_is_gone_once_released(tmp_path: Path) -> None:
    one, two = Ownership(tmp_path), Ownership(tmp_path)
    assert not two.is_gone(one.id)
    assert not one.is_gone(one.id)
    one.release()
    one.release()
    assert two.is_gone(one.id)
    assert one.is_gone(one.id)
    two.sweep({one.id})
    assert two.is_gone(one.id), "what its executions need to be taken over stays"
    two.sweep(())
    assert [path.stem for path in tmp_path.iterdir()] == [two.id]
    two.release()


class Watch:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def put_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def test_an_owner_whose_lock_file_was_deleted_makes_a_new_one_before_it_is_taken_for_gone(tmp_path: Path) -> None:
    watch = Watch()
    owner, judge = Ownership(tmp_path / "owners"), Ownership(tmp_path / "owners", watch)
    for delete in (
        lambda: (tmp_path / "owners" / f"{owner.id}.lock").unlink(),
        lambda: shutil.rmtree(tmp_path / "owners"),
        lambda: (tmp_path / "owners" / f"{owner.id}.lock").rename(tmp_path / "elsewhere"),
        lambda: put_a_directory(tmp_path / "owners" / f"{owner.id}.lock"),
    ):
        delete()
        assert not judge.is_gone(owner.id)
        watch.now += MISSING_SECONDS - 1
        assert not judge.is_gone(owner.id)
        assert judge.peers().are_changed
        owner.peers()
        assert owner.id in judge.peers().living
        watch.now += MISSING_SECONDS
        assert not judge.is_gone(owner.id)
    owner.release()
    assert judge.is_gone(owner.id)
    judge.release()


def why(reason: str) -> Parked:
    return Parked(kind="waiting", reason=reason, since=datetime(2026, 1, 1, tzinfo=UTC))


def test_what_an_owner_tells_is_known_to_the_others_for_as_long_as_it_lives(tmp_path: Path) -> None:
    owner, other = Ownership(tmp_path), Ownership(tmp_path)
    assert other.peers().parked == {} == owner.peers().parked
    lock = tmp_path / f"{owner.id}.lock"
    reserved = lock.stat().st_blocks
    owner.tell_parked({"a": why("the disk is full")})
    assert lock.stat().st_blocks == reserved > 0, "it can be written where nothing more can be stored"
    assert other.peers().parked == {"a": why("the disk is full")} and owner.peers().parked == {}
    many = {f"e{number}": why("much to tell " * 20) for number in range(100)}
    owner.tell_parked(many)
    assert other.peers().parked == many
    lock.unlink()
    owner.peers()
    assert other.peers().parked == many, "also after somebody deleted the file"
    lock.write_bytes(b'{"a": ')
    assert other.peers().parked == many, "one that makes no sense is being written"
    owner.tell_parked({})
    assert other.peers().parked == {}
    owner.tell_parked(many)
    owner.release()
    assert other.peers().parked == {}
    other.release()


def test_an_owner_that_makes_no_new_lock_file_is_gone_after_a_while(tmp_path: Path) -> None:
    watch = Watch()
    judge = Ownership(tmp_path, watch)
    assert not judge.is_gone("deleted")
    watch.now += MISSING_SECONDS
    assert judge.is_gone("deleted")
    judge.release()


def test_a_file_system_without_locks_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, kind: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match=f"file system of {tmp_path} has no locks.*WF_JUPYTER_DATA_DIR"):
        Ownership(tmp_path)
    with pytest.raises(StoreError, match="has no locks"):
        SqliteStore.open(tmp_path / "data")


def test_a_killed_process_owns_nothing_and_is_swept_away(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from wf_jupyter.store.owners import Ownership\n"
    code += "print(Ownership(Path(sys.argv[1])).id, flush=True); sys.stdin.read()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    mine = Ownership(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as child:
        assert child.stdout is not None
        other = child.stdout.readline().strip()
        mine.sweep(())
        assert not mine.is_gone(other)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert mine.is_gone(other)
    mine.sweep(())
    assert [path.stem for path in tmp_path.iterdir()] == [mine.id]
    mine.release()


def test_a_forked_child_does_not_keep_its_parent_alive(tmp_path: Path) -> None:
    owner, judge = Ownership(tmp_path), Ownership(tmp_path)
    to_child, from_parent = os.pipe()
    to_parent, from_child = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(from_parent)
        os.write(from_child, b".")
        os.read(to_child, 1)
        os._exit(0)
    os.close(from_child)
    assert os.read(to_parent, 1) == b".", "the child is there"
    try:
        assert not judge.is_gone(owner.id)
        owner.forget()
        assert judge.is_gone(owner.id)
    finally:
        os.close(from_parent)
        os.waitpid(child, 0)
        os.close(to_child)
        os.close(to_parent)
        judge.release()
