"""Folders, files and variables whose names are bytes that are no UTF-8."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import wf_jupyter as wf

PATIENCE = 60

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="the file system takes UTF-8 only")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The working directory, on the module path as well, with a module; and a variable."""
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    os.mkdir(name)
    with open(os.path.join(name, b"helper_\xe9.txt"), "w"), open(os.path.join(name, b"no_utf8_helper.py"), "w") as file:
        file.write("def fail(x):\n    raise ValueError(f'no {x!r}')\n")
    text = os.fsdecode(name)
    monkeypatch.chdir(text)
    monkeypatch.syspath_prepend(text)
    monkeypatch.setitem(os.environ, "NO_UTF8", os.fsdecode(b"v\xfe"))
    monkeypatch.setenv("JPY_SESSION_NAME", os.path.join(text, "notebook.ipynb"))
    return text


def test_a_task_finds_them_as_they_are_and_tells_of_them(folder: str, place: str) -> None:
    @wf.task
    def look(given: str) -> tuple[object, ...]:
        import os

        print(os.getcwd())
        return given, os.getcwd(), os.environb[b"NO_UTF8"], sorted(os.listdir(b"."))

    @wf.task
    def fail(given: str) -> None:
        import no_utf8_helper  # type: ignore[import-not-found]

        no_utf8_helper.fail(given)

    @wf.workflow
    def flow(given: str) -> object:
        return look(given), look.map([given])

    @wf.workflow
    def failing(given: str) -> object:
        return fail(given)

    execution = flow.submit(given=folder)
    result: Any = execution.result(PATIENCE)
    one, many = result
    assert one[:3] == (folder, folder, b"v\xfe") and many == [one]
    assert b"helper_\xe9.txt" in one[3]
    assert "caf\\udce9" in execution.logs()
    with pytest.raises(wf.TaskFailed, match=r"caf\\udce9/no_utf8_helper.py"):
        failing.submit(given=folder).result(PATIENCE)
    assert execution.inputs["given"] == folder


def test_a_published_workflow_runs_there_too(folder: str, place: str) -> None:
    @wf.task
    def where() -> bytes:
        import os

        return os.getcwdb()

    @wf.workflow
    def in_a_folder() -> object:
        return where()

    in_a_folder.publish()
    assert wf.execute("in_a_folder").result(PATIENCE) == os.fsencode(folder)
