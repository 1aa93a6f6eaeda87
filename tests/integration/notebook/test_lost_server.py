"""A server that is killed in the midst of a notebook: another one goes on with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess, until
from wf_jupyter.client import session

from .conftest import merged, write

pytestmark = pytest.mark.long


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JupyterProcess]:
    monkeypatch.delenv("WF_JUPYTER_MODE", raising=False)
    running = JupyterProcess(tmp_path).start()
    yield running
    session.close()
    running.stop()


def test_after_a_kill_the_cells_that_ended_keep_their_outcomes_and_the_rest_runs(
    server: JupyterProcess, tmp_path: Path
) -> None:
    gate, pids, ran = tmp_path / "gate", tmp_path / "pids", tmp_path / "ran"
    first_cell = f"with open({str(ran)!r}, 'a') as file:\n    file.write('1')\nnumbers = [1]"
    waits = (
        f"import os, pathlib, time\nwith open({str(pids)!r}, 'a') as file:\n    file.write(f'{{os.getpid()}} ')\n"
        f"while not pathlib.Path({str(gate)!r}).exists():\n    time.sleep(0.05)\nnumbers.append(2)"
    )
    path = write(server.root / "book.ipynb", [first_cell, waits, "print(numbers)"])
    wf.connect(url=server.url, token=server.token)
    execution = wf.notebook(path).submit()
    until(lambda: pids.exists() and pids.read_text(), "the second cell does not run", 90)
    server.kill()
    first = int(pids.read_text().split()[0])
    until(lambda: not _is_there(first), "the kernel of a server that is gone goes on", 60)
    gate.touch()
    server.start()
    session.close()
    wf.connect(url=server.url, token=server.token)
    execution = wf.get_execution(execution.id)
    result = execution.result(timeout=240)
    assert merged(result[2].outputs) == [("stdout", "[1, 2]\n")]
    assert [task.status for task in execution.tasks.values()] == ["succeeded"] * 3
    assert [task.attempts for task in execution.tasks.values()][0] == 1, "it had its outcome"
    assert ran.read_text() == "11", "but what the second cell builds on ran again, in a new kernel"
    assert int(pids.read_text().split()[-1]) != first


def _is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return os.path.exists(f"/proc/{pid}") and state[state.rindex(")") + 2] not in "ZX"
