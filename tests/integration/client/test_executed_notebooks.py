"""What nbclient, papermill and `nbconvert --execute` leave in a notebook: the outcome, and always the same text."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ipykernel")
nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

CELLS = (
    """
import pathlib, time
import wf_jupyter as wf

@wf.task
def load(path):
    while not pathlib.Path(path).exists():
        time.sleep(0.02)

@wf.task
def fail(x):
    raise ValueError("no such place")

@wf.workflow
def broken(path: str):
    return fail(load(path))

publisher, sent = get_ipython().display_pub, []
publish = publisher.publish
publisher.publish = lambda *values, **options: (publish(*values, **options), sent.append(options))
execution = broken.submit(path=GATE)
execution
""",
    """
pathlib.Path(GATE).touch()
execution.wait()
while not any(options.get("update") for options in sent):
    time.sleep(0.02)
""",
)


def test_the_shown_plan_becomes_the_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WF_JUPYTER_DATA_DIR", str(tmp_path / "data"))
    gate = f"GATE = {str(tmp_path / 'gate')!r}\n"
    cells = [nbformat.v4.new_code_cell((gate if index == 0 else "") + cell) for index, cell in enumerate(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbclient.NotebookClient(notebook, timeout=120).execute()
    (shown,) = notebook.cells[0].outputs
    assert shown.output_type == "execute_result"
    assert "no such place" in shown.data["text/html"]
    assert shown.data["text/plain"] == "broken: 2 tasks\n  · load\n  · fail ← load"
