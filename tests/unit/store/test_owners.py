"""Owners live as long as their process, whatever it forks and however it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from wf_jupyter.store.owners import Ownership


def test_an_owner_is_gone_once_released(tmp_path: Path) -> None:
    one, two = Ownership(tmp_path), Ownership(tmp_path)
    assert not two.is_gone(one.id)
    assert not one.is_gone(one.id)
    one.release()
    one.release()
    assert two.is_gone(one.id)
    assert one.is_gone(one.id)
    assert two.is_gone("never-existed")
    two.release()
    assert list(tmp_path.iterdir()) == []


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
        mine.sweep()
        assert not mine.is_gone(other)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert mine.is_gone(other)
    mine.sweep()
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
