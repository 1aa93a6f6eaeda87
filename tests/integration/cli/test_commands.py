"""`jupyter wf` as a process of its own, with and without a server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import wf_jupyter
from tests.jupyter_process import JupyterProcess, until

BUNDLE = Path(wf_jupyter.__file__).parent / "static" / "widget.js"
FILE = """
import wf_jupyter as wf
from neighbour import FACTOR

@wf.task
def double(x):
    print(f"doubling {x}")
    return FACTOR * x

@wf.task
def wait(path):
    import pathlib, time
    pathlib.Path(path).with_name("begun").touch()
    while not pathlib.Path(path).exists():
        time.sleep(0.01)

@wf.workflow
def doubled(xs: list[int], label: str = ""):
    return double.map(xs)

@wf.workflow
def broken():
    return double(None)

@wf.workflow
def waiting(path: str):
    return wait(path)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = JupyterProcess(tmp_path_factory.mktemp("jupyter")).start()
    until(lambda: running.get("wf-jupyter/api/v1/hello"), "no workflows")
    yield running
    running.stop()


@pytest.fixture
def terminal(tmp_path):
    """A directory with a workflow, and the environment of a terminal without a server."""
    (tmp_path / "flow.py").write_text(FILE)
    (tmp_path / "neighbour.py").write_text("FACTOR = 2\n")
    return tmp_path, dict(os.environ)


@pytest.fixture(params=["embedded", "server"])
def place(request, terminal):
    """A terminal with a server that it finds by itself, or none."""
    folder, environment = terminal
    if request.param == "server":
        environment |= request.getfixturevalue("server").environment
    return folder, environment


def wf(place, *arguments, expected=0):
    folder, environment = place
    command = [sys.executable, "-m", "wf_jupyter.cli.main", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == expected, done.stderr
    assert "Traceback (most recent call last)" not in done.stderr or "TypeError" in done.stderr
    return done


def test_a_workflow_is_run_watched_listed_shown_and_its_logs_printed(place):
    done = wf(place, "run", "flow.py:doubled", "-p", "xs=[1, 2]", "-p", "label=first try", "--watch")
    name = done.stdout.strip()
    assert "double[1] | doubling 2" in done.stderr
    assert "succeeded in" in done.stderr
    listed = wf(place, "list", "--workflow", "doubled", "--limit", "1").stdout
    assert name in listed
    assert "2/2" in listed
    shown = wf(place, "show", name).stdout
    assert shown.startswith("doubled: succeeded, 2 tasks")
    assert "label = 'first try'" in shown
    assert wf(place, "logs", name, "double[0]").stdout == "doubling 1\n"
    assert "double[1] | doubling 2\n" in wf(place, "logs", name, "--follow").stdout
    assert "succeeded" in wf(place, "watch", name).stderr
    assert "double[7]" in wf(place, "logs", name, "double[7]", expected=1).stderr
    if BUNDLE.exists():
        assert wf(place, "export", name, "run.html").stdout == "run.html\n"
        assert "<title>doubled" in (place[0] / "run.html").read_text()
        assert "cannot be written" in wf(place, "export", name, "no/such/run.html", expected=1).stderr


def test_a_failed_run_ends_with_status_1_and_the_traceback(place):
    done = wf(place, "run", "flow.py:broken", "--watch", expected=1)
    assert "TypeError" in done.stderr
    assert "return FACTOR * x" in done.stderr
    assert "TypeError" in wf(place, "show", done.stdout.strip()).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "flow.py"), "FILE_OR_MODULE:WORKFLOW"),
        (("run", "none.py:x"), "there is no file none.py"),
        (("run", "nothing_of_that_name:x"), "there is no module"),
        (("run", "flow.py:other"), "its workflows are: doubled, broken, waiting"),
        (("run", "flow.py:doubled", "-p", "xs"), "NAME=VALUE"),
        (("run", "flow.py:doubled", "-p", "xs=text"), "xs"),
        (("run", "flow.py:doubled"), "xs"),
    ],
)
def test_what_is_wrong_with_a_run_is_told_in_one_line(terminal, arguments, told):
    refused(terminal, arguments, told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "unknown-id"), "unknown-id"),
        (("cancel", "unknown-id"), "unknown-id"),
        (("list", "--status", "done"), "succeeded"),
    ],
)
def test_what_is_wrong_with_a_question_is_told_in_one_line(place, arguments, told):
    refused(place, arguments, told)


def refused(place, arguments, told):
    done = wf(place, *arguments, expected=1)
    assert told in done.stderr
    assert done.stderr.startswith("jupyter wf: ")
    assert done.stderr.count("\n") == 1


def test_a_run_on_a_server_outlives_its_terminal_and_can_be_paused_and_cancelled(server, terminal):
    tmp_path, _ = terminal
    place = (tmp_path, server.environment)
    name = wf(place, "run", "flow.py:waiting", "-p", f"path={tmp_path / 'gate'}").stdout.strip()
    assert wf(place, "pause", name).stdout == "waiting: paused\n"
    assert wf(place, "resume", name).stdout == "waiting: running\n"
    assert wf(place, "cancel", name).stdout.startswith("waiting: cancel")
    until(lambda: "cancelled" in wf(place, "list").stdout, "it is not cancelled")
    assert "nothing to do" in wf(place, "cancel", name, expected=1).stderr


def killed(place, submit):
    """The id of an execution whose process was killed while it ran."""
    folder, environment = place
    gate = str(folder / "gate")
    code = f"import flow, os, threading\nthreading.Timer(60, os._exit, [1]).start()\ngate = {gate!r}\n{submit}"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=environment)
    try:
        until((folder / "begun").exists, "it does not begin")
    finally:
        process.kill()
        process.wait()
    return wf(place, "list", "--limit", "1").stdout.split()[0]


def test_whoever_only_looks_at_what_a_killed_process_left_does_not_run_it(terminal):
    folder, _ = terminal
    name = killed(terminal, "flow.waiting.submit(path=gate).wait()")
    for command in (("list",), ("show", name)):
        told = wf(terminal, *command).stdout
        assert "parked" in told and "the process that ran it is gone" in told
    assert wf(terminal, "logs", name).stdout == ""
    (folder / "gate").touch()
    told = wf(terminal, "watch", name).stderr
    assert "recovered: 1 tasks run again" in told and "attempt 2" in told and "attempt 3" not in told


def test_an_inline_execution_whose_process_is_gone_says_why_it_does_not_go_on(terminal):
    folder, _ = terminal
    name = killed(terminal, "flow.waiting.with_options(executor='inline').submit(path=gate)")
    told = wf(terminal, "watch", name, expected=1).stderr
    assert "interrupted" in told and "its tasks ran in the thread of a program that is gone" in told
    assert "resume() goes on with it there" in wf(terminal, "show", name).stdout
    (folder / "gate").touch()
    assert wf(terminal, "resume", name).stdout == "waiting: succeeded\n"
