"""Notebooks as tasks: a kernel of their own, their cells' output as the task's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

import wf_jupyter as wf
from wf_jupyter.dsl.notebook import ExecutedNotebook
from wf_jupyter.model.events import TaskLog

PATIENCE = 120.0
PARAMETERS = "city = 'Oslo'\nrows: int = 2\n%cd -q ."


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WF_JUPYTER_MODE", "embedded")


def written(path: Path, *cells: str, parameters: str | None = PARAMETERS, **metadata: Any) -> Path:
    made = [] if parameters is None else [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    made += [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata), path)
    return path


def texts(notebook: Mapping[str, Any]) -> list[str]:
    return [output["text"] for cell in notebook["cells"] for output in cell["outputs"] if "text" in output]


def run_one(task: Any, **parameters: Any) -> Any:
    @wf.workflow
    def one():
        return task(**parameters)

    return one.submit()


def test_a_notebook_runs_with_the_parameters_it_is_given(tmp_path: Path) -> None:
    source = written(
        tmp_path / "report.ipynb",
        "print(city, rows)",
        "from IPython.display import HTML, display\ndisplay(HTML(f'<b>{city}</b>'))",
    )
    task = wf.notebook_task(source)
    assert str(task.signature) == "(*, city='Oslo', rows=2)"

    @wf.workflow
    def reports(cities: Sequence[str]):
        return task.partial(rows=5).map(city=cities)

    execution = reports.submit(cities=["Rome", "Bonn"])
    first, second = execution.result(timeout=PATIENCE)
    assert isinstance(first, ExecutedNotebook)
    assert repr(first) == "<executed notebook report.ipynb: 4 cells>"
    assert texts(first.notebook) == ["Rome 5\n"]
    assert texts(second.notebook) == ["Bonn 5\n"]
    view = execution.tasks["report[1]"]
    assert view.logs() == "Bonn 5\n"
    assert [output.data["text/html"] for output in view.outputs()] == ["<b>Bonn</b>"]
    assert view.progress is not None and (view.progress.done, view.progress.total) == (4, 4)
    kept = first.save(tmp_path / "out" / "first.ipynb")
    nbformat.validate(nbformat.read(kept, 4))
    assert nbformat.read(source, 4).cells[1].source == "print(city, rows)", "the notebook itself is left alone"


def test_a_value_that_cannot_be_written_down_reaches_the_notebook_all_the_same(tmp_path: Path) -> None:
    source = written(tmp_path / "table.ipynb", "print(type(frame).__name__, len(frame))", parameters=None)
    task = wf.notebook_task(source)
    executed = task(frame=set(range(3)) | {print})
    assert texts(executed.notebook) == ["set 4\n"]
    assert executed.notebook["cells"][0]["source"] == "# frame: a set, given by the workflow"


def test_a_failing_cell_fails_the_task_with_its_traceback_and_the_notebook_is_kept(tmp_path: Path) -> None:
    source = written(tmp_path / "broken.ipynb", "print('before')", "rows / 0", "print('after')")
    task = wf.notebook_task(source, output=str(tmp_path / "kept" / "{city}-{rows}.ipynb"))
    execution = run_one(task, rows=3)
    error = execution.exception(timeout=PATIENCE)
    assert isinstance(error, wf.TaskFailed)
    assert isinstance(error.__cause__, wf.CellFailed)
    assert str(error.__cause__) == "ZeroDivisionError: division by zero (code cell 4 of broken.ipynb)"
    assert "----> 1 rows / 0" in str(error)
    assert "wf_jupyter/dsl" not in str(error)
    kept = json.loads((tmp_path / "kept" / "Oslo-3.ipynb").read_text())
    assert texts(kept) == ["before\n"]


def test_an_edited_notebook_is_what_runs_and_an_unchanged_one_can_be_cached(tmp_path: Path) -> None:
    source = written(tmp_path / "report.ipynb", "print('old')")
    task = wf.notebook_task(source, cache=True)
    assert run_one(task).result(timeout=PATIENCE)
    again = run_one(task)
    again.result(timeout=PATIENCE)
    assert again.tasks["report"].status == "cached"
    written(source, "print('new')")
    assert texts(run_one(task).result(timeout=PATIENCE).notebook) == ["new\n"]


def test_a_cancelled_notebook_takes_its_kernel_with_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    source = written(
        tmp_path / "long.ipynb",
        f"import os, pathlib, time\npathlib.Path({str(told)!r}).write_text(str(os.getpid()))\n"
        "print('on its way', flush=True)\ntime.sleep(600)",
    )
    execution = run_one(wf.notebook_task(source))
    for event in execution.events(follow=True):
        if isinstance(event, TaskLog) and "on its way" in event.text:
            break
    kernel = psutil.Process(int(told.read_text()))
    execution.cancel()
    assert execution.wait(timeout=PATIENCE) == "cancelled"
    kernel.wait(timeout=PATIENCE)


def test_a_notebook_runs_inline_while_a_loop_is_running(tmp_path: Path) -> None:
    task = wf.notebook_task(written(tmp_path / "report.ipynb", "print(city)"))

    @wf.workflow(executor="inline")
    def one():
        return task(city="Rome")

    async def main() -> Any:
        return one.submit().result(timeout=PATIENCE)

    assert texts(asyncio.run(main()).notebook) == ["Rome\n"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        ("no json", "does not hold JSON"),
        ("{}", "it has no cells"),
        ('{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "is in R"),
    ],
)
def test_what_is_no_notebook_is_refused_where_it_is_named(tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "bad.ipynb"
    if content is not None:
        path.write_text(content)
    with pytest.raises(wf.InputError, match=told):
        wf.notebook_task(path)


def test_an_unknown_parameter_is_refused_when_the_workflow_is_submitted(tmp_path: Path) -> None:
    source = written(tmp_path / "report.ipynb", "print(city)")
    with pytest.raises(wf.WorkflowDefinitionError, match=r"unexpected keyword argument 'town'.*city='Oslo'"):
        run_one(wf.notebook_task(source), town="Rome")
    with pytest.raises(wf.InputError, match="'town' is no parameter"):
        wf.notebook_task(source, output="{town}.ipynb")
