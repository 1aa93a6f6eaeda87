"""A full disk fails the task or the submission with a clear error, and corrupts nothing."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENES = Path(__file__).with_name("disk.py")
SMALL = "-o size=24m,mode=700"


@pytest.mark.parametrize(
    "scene", ["waits_for_room", "refuses_submissions", "parks", "is_resumed_by_the_next", "fails_the_task"]
)
def test_when_the_disk_is_full_an_execution(scene: str, tmp_path: Path) -> None:
    played([sys.executable, str(SCENES), scene, str(tmp_path)])


def test_results_that_fill_a_real_disk_fail_their_tasks_only(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs {SMALL} none {shlex.quote(str(tmp_path))}"
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    try:
        subprocess.run([*namespace, mount], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a file system of its own: user namespaces are not allowed here")
    command = shlex.join([sys.executable, str(SCENES), "small_disk", str(tmp_path)])
    played([*namespace, f"{mount} && {command}"])


def played(command: list[str]) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
