"""A process that ends before the executions that run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys
import wf_jupyter as wf

@wf.task
def wait(path):
    import os, time
    while not os.path.exists(path):
        time.sleep(0.01)

@wf.workflow
def flow(path):
    return wait(path)

"""


def run(tmp_path: Path, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "main.py"
    script.write_text(SCRIPT + text)
    environment = {"WF_JUPYTER_MODE": "embedded", "WF_JUPYTER_DATA_DIR": str(tmp_path / "data"), **variables}
    return subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise ValueError('boom')"])
def test_what_is_left_is_named_once_however_the_script_ends(tmp_path: Path, end: str) -> None:
    ended = run(tmp_path, f"print(flow.submit(path='never').id)\n{end}\n")
    (told,) = [line for line in ended.stderr.splitlines() if line.startswith("wf_jupyter:")]
    assert f"'flow' ({ended.stdout.strip()})" in told
    assert "goes on in the next process or Jupyter server with the same data directory" in told
    assert "execution.result()" in told and "execution.wait()" in told


@pytest.mark.parametrize(
    "text",
    [
        "open('go', 'w'); flow.submit(path='go').result(60)",
        "e = flow.submit(path='never'); e.cancel(); e.wait(60)",
        "open('go', 'w'); flow.with_options(executor='inline').submit(path='go')",
        "print(wf.executions())",
        "pass",
    ],
)
def test_nothing_is_said_when_everything_ended(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, text).stderr == ""


def test_a_forked_child_says_nothing_of_its_parents_executions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run(
        tmp_path,
        "e = flow.submit(path='go')\n"
        "child = os.fork()\n"
        "if child == 0: sys.exit(0)\n"
        "os.waitpid(child, 0); open('go', 'w'); e.result(60)\n",
    )
    assert "wf_jupyter" not in ended.stderr
    assert ended.returncode == 0


def test_several_are_counted_and_the_first_ones_named(tmp_path: Path) -> None:
    ended = run(tmp_path, "for _ in range(8): flow.submit(path='never')\n")
    assert ended.stderr.count("'flow' (") == 5
    assert "8 executions" in ended.stderr and "and 3 more" in ended.stderr
