"""Plain scripts: they need no server, say nothing of their own, and end when they are done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

from tests.jupyter_process import until

HEAD = """
import wf_jupyter as wf

@wf.task
def double(x):
    print("not here")
    return 2 * x

@wf.workflow
def doubled(xs: list[int]):
    return double.map(xs)
"""


def script(tmp_path, body, **options):
    file = tmp_path / "script.py"
    file.write_text(HEAD + textwrap.dedent(body))
    return subprocess.Popen(
        [sys.executable, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, **options
    )


def test_a_script_runs_a_workflow_and_prints_only_what_it_prints_itself(tmp_path):
    begin = time.monotonic()
    process = script(tmp_path, "print(doubled(xs=[1, 2]))")
    out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("[2, 4]\n", "", 0)
    assert time.monotonic() - begin < 30


def test_a_script_that_does_not_wait_still_ends(tmp_path):
    process = script(tmp_path, "doubled.submit(xs=[1])")
    out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == ("", 0)
    assert err.count("\n") <= 1  # that the execution may not have ended is said in a line


def test_a_later_process_finds_what_an_earlier_one_ran(tmp_path):
    out, _ = script(tmp_path, "e = doubled.submit(xs=[1]); e.result(); print(e.id)").communicate(timeout=60)
    later = script(tmp_path, f"print(wf.get_execution({out.strip()!r}).result(timeout=30))")
    assert later.communicate(timeout=60)[0] == "[2]\n"


def test_an_interrupted_script_ends_at_once(tmp_path):
    ready = tmp_path / "ready"
    process = script(
        tmp_path,
        f"""
        @wf.task
        def forever():
            import pathlib, time
            pathlib.Path({str(ready)!r}).touch()
            time.sleep(600)

        @wf.workflow
        def endless():
            return forever()

        endless()
        """,
    )
    until(ready.exists, "the task does not start")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in err
    assert process.returncode != 0


def test_a_forked_child_starts_an_orchestrator_of_its_own(tmp_path):
    process = script(
        tmp_path,
        """
        import os, sys
        assert doubled(xs=[1]) == [2]
        pid = os.fork()
        if pid == 0:
            os.environ["WF_JUPYTER_DATA_DIR"] += "-child"
            print(doubled(xs=[5]), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        print(doubled(xs=[7]))
        """,
    )
    out, err = process.communicate(timeout=60)
    assert out == "[10]\n[14]\n", err


def test_the_data_directory_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("WF_JUPYTER_DATA_DIR", str(tmp_path / "elsewhere"))
    out, _ = script(tmp_path, "print(doubled(xs=[1]))", env=dict(os.environ)).communicate(timeout=60)
    assert out == "[2]\n"
    assert any((tmp_path / "elsewhere").iterdir())
