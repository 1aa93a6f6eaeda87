"""A notebook whose cells are tasks: the outputs of nbclient, and the life of an execution."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

import wf_jupyter as wf

from .conftest import REPORT, by_nbclient, merged, outputs, run, write


def test_the_outputs_are_those_of_nbclient_and_each_cell_has_its_task(tmp_path: Path) -> None:
    path = write(tmp_path / "report.ipynb", REPORT)
    notebook = wf.notebook(path)
    execution = notebook.submit()
    result = execution.result(timeout=240)
    assert outputs(result.notebook) == outputs(by_nbclient(path))
    kept = nbformat.read(result.save(tmp_path / "out" / "report.ipynb"), 4)
    nbformat.validate(kept)
    assert list(execution.tasks)[:4] == [
        "Set-up/1: imports",
        "Set-up/2: parameters",
        "Numbers/3: numbers = list(range(n))",
        "Numbers/4: total = sum(numbers)",
    ]
    display = list(execution.tasks)[4]
    assert display.startswith("Pictures/5: display(HTML(f'<b>{name}<∕b>')")
    numbers = execution.tasks["Numbers/3: numbers = list(range(n))"]
    assert "[0, 1]" in numbers.logs()
    shown = execution.tasks[display].outputs()
    assert [output.data.get("text/html") for output in shown] == ["<b>Oslo</b>", None, None]
    assert not list((tmp_path / "report.ipynb").parent.glob("*.ipynb_checkpoints"))


def test_parameters_are_those_of_the_tagged_cell(tmp_path: Path) -> None:
    notebook = wf.notebook(write(tmp_path / "report.ipynb", REPORT))
    assert str(notebook.signature) == "(*, n=2, name='Oslo')"
    result = run(notebook, n=4)
    assert "[0, 1, 2, 3]" in json.dumps(outputs(result.notebook))
    injected = [cell for cell in result.notebook["cells"] if "injected-parameters" in cell["metadata"].get("tags", ())]
    assert [cell["source"] for cell in injected] == ["# Parameters\nn = 4"]
    with pytest.raises(wf.InputError, match="m"):
        notebook.submit(m=1)
    with pytest.raises(wf.InputError, match="takes .* bytes"):
        notebook.submit(n=bytearray(3_000_000))


def test_a_cell_that_raises_fails_its_task_and_nothing_below_it_runs(opened: Callable[..., Any]) -> None:
    execution = opened("x = 1", "print('before')\n1/0", "print('after', x)").submit()
    with pytest.raises(wf.TaskFailed, match=r"ZeroDivisionError: division by zero \(In \[2\] of book.ipynb\)"):
        execution.result(timeout=240)
    assert [task.status for task in execution.tasks.values()] == ["succeeded", "failed", "skipped"]
    assert "1/0" in str(list(execution.tasks.values())[1].error)


def test_a_retry_goes_on_at_the_failed_cell_with_what_ran_before(tmp_path: Path, opened: Callable[..., Any]) -> None:
    flag = tmp_path / "flag"
    execution = opened(
        "import pathlib, os\npid = os.getpid()\nruns = [1]",
        f"runs.append(2)\nassert pathlib.Path({str(flag)!r}).exists(), 'no flag'",
        "print(runs)",
    ).submit()
    with pytest.raises(wf.TaskFailed, match="no flag"):
        execution.result(timeout=240)
    flag.touch()
    execution.retry()
    assert merged(execution.result(timeout=240)[2].outputs) == [("stdout", "[1, 2]\n")], "as if run in order once"


def test_a_retry_runs_nothing_again_above_a_cell_that_failed_and_left_nothing(
    tmp_path: Path, opened: Callable[..., Any]
) -> None:
    flag, ran = tmp_path / "flag", tmp_path / "ran"
    execution = opened(
        f"import pathlib, os\npid = os.getpid()\nwith open({str(ran)!r}, 'a') as file:\n    file.write('1')",
        f"made = 1\nassert pathlib.Path({str(flag)!r}).exists(), 'no flag'",
        "print(pid == os.getpid(), made)",
    ).submit()
    with pytest.raises(wf.TaskFailed, match="no flag") as failed:
        execution.result(timeout=240)
    assert "Cell In[2], line 2" in str(failed.value)
    flag.touch()
    execution.retry()
    assert merged(execution.result(timeout=240)[2].outputs) == [("stdout", "True 1\n")]
    assert ran.read_text() == "1"


def test_cells_tagged_as_raising_or_as_skipped_are_treated_as_nbclient_treats_them(tmp_path: Path) -> None:
    cells = ["x = 1", ("raises-exception", "1/0"), ("skip-execution", "x = 2"), "print(x)"]
    path = write(tmp_path / "book.ipynb", cells)
    assert outputs(run(wf.notebook(path)).notebook) == outputs(by_nbclient(path))


def test_a_cancelled_notebook_stops_its_cell_and_leaves_no_process(tmp_path: Path, opened: Callable[..., Any]) -> None:
    mark = tmp_path / "pid"
    cell = f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    execution = opened("x = 1", cell).submit()
    _wait(lambda: mark.exists() and mark.read_text())
    execution.cancel()
    assert execution.wait(timeout=120)
    assert execution.status == "cancelled"
    _wait(lambda: not _is_alive(int(mark.read_text())))


def test_a_cell_that_takes_too_long_or_ends_its_process_is_told(opened: Callable[..., Any]) -> None:
    with pytest.raises(wf.TaskFailed, match="CellTimeout: after 1 s it was still running"):
        run(opened("import time\ntime.sleep(600)", cell_timeout=1))
    with pytest.raises(wf.TaskFailed, match="DeadKernel: the cell ended its process"):
        run(opened("import os", "os._exit(3)"))
    with pytest.raises(wf.TaskFailed, match="StdinNotImplementedError"):
        run(opened("input('who? ')"))


def test_a_trunk_that_was_lost_between_two_cells_is_made_again(tmp_path: Path, opened: Callable[..., Any]) -> None:
    mark, go = tmp_path / "pid", tmp_path / "go"
    kill = f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\nx = [1]"
    execution = opened(
        kill,
        f"import signal, threading\nif not os.path.exists({str(go)!r}):\n"
        f"    pathlib.Path({str(go)!r}).touch()\n    os.kill(os.getpid(), signal.SIGKILL)",
        "print(x)",
    ).submit()
    with pytest.raises(wf.TaskFailed, match="DeadKernel"):
        execution.result(timeout=240)
    execution.retry()
    assert merged(execution.result(timeout=240)[2].outputs) == [("stdout", "[1]\n")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "does not hold JSON"),
        ("[]", "it has no cells"),
        ('{"nbformat": 4, "cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "is in R"),
        ('{"nbformat": 3, "cells": [], "metadata": {}}', "nbformat 3"),
    ],
)
def test_what_is_no_notebook_in_python_is_refused_with_the_reason(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "bad.ipynb"
    with pytest.raises(wf.InputError, match="cannot be read"):
        wf.notebook(path)
    path.write_text(content)
    with pytest.raises(wf.InputError, match=told):
        wf.notebook(path)


def test_a_kernel_of_a_name_that_this_machine_does_not_know_is_the_one_of_the_worker(tmp_path: Path) -> None:
    path = write(
        tmp_path / "book.ipynb",
        ["print(1)"],
        kernelspec={"name": "nowhere", "display_name": "Nowhere", "language": "python"},
    )
    assert merged(run(wf.notebook(path))[0].outputs) == [("stdout", "1\n")]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat[stat.rindex(")") + 2] not in "ZX"


def _wait(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(600):
        if condition():
            return
        pause.wait(0.1)
    raise AssertionError("it did not happen within a minute")


def test_the_command_line_runs_a_notebook_and_writes_what_came_of_it(tmp_path: Path) -> None:
    write(tmp_path / "report.ipynb", REPORT)
    write(tmp_path / "broken.ipynb", ["print(1)", "1/0", "print(2)"])
    command = [sys.executable, "-m", "wf_jupyter.cli.main", "run"]
    run_ = functools.partial(subprocess.run, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    done = run_([*command, "report.ipynb", "-p", "n=3", "-o", "out/report.ipynb"])
    assert done.returncode == 0, done.stderr
    assert ("stdout", "[0, 1, 2]\n") in outputs(nbformat.read(tmp_path / "out" / "report.ipynb", 4))[3]
    done = run_([*command, "broken.ipynb", "-o", "broken-out.ipynb"])
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    first, second, third = outputs(nbformat.read(tmp_path / "broken-out.ipynb", 4))
    assert (first, second[0]["ename"], third) == ([("stdout", "1\n")], "ZeroDivisionError", [])
    done = run_([*command, "report.ipynb", "-o", "broken.ipynb/out.ipynb"])
    assert (done.returncode, done.stdout) == (1, "") and "cannot be written" in done.stderr
    done = run_([*command, "report.py:flow", "-o", "out.ipynb"])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr


def test_a_secret_reaches_the_cells_and_stands_in_no_text_that_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "book.ipynb", [("parameters", "password = ''"), "print(len(password))"])
    result = run(wf.notebook(path), password="hunter-two")
    assert merged(result[2].outputs) == [("stdout", "10\n")]
    assert "hunter-two" not in json.dumps(result.notebook)
    kept = Path(os.environ["WF_JUPYTER_DATA_DIR"])
    assert [file for file in kept.rglob("*") if file.is_file() and b"hunter-two" in file.read_bytes()] == []
