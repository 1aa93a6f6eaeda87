"""An execution as one file that needs nothing else."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

import wf_jupyter as wf
from tests.sample_workflows import doubling
from wf_jupyter.cli.main import main
from wf_jupyter.client import html_export
from wf_jupyter.errors import WorkflowError


def packed(page: str, name: str) -> bytes:
    found = re.search(f'id="wf-jupyter-{name}">([A-Za-z0-9+/=]+)</script>', page)
    assert found is not None
    return gzip.decompress(base64.b64decode(found[1]))


def recorded(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(packed(path.read_text(encoding="utf-8"), "recording"))
    return told


@pytest.mark.usefixtures("place")
def test_a_file_holds_the_view_and_every_event(tmp_path: Path) -> None:
    execution = doubling().submit(numbers=[1, 2, 3])
    assert execution.wait(60) == "succeeded"
    path = execution.to_html(tmp_path / "run.html")
    assert path == tmp_path / "run.html"
    told = recorded(path)
    assert told["execution_id"] == execution.id
    assert told["workflow"] == "doubled"
    assert [event["seq"] for event in told["events"]] == [event.seq for event in execution.events()]
    page = path.read_text(encoding="utf-8")
    assert packed(page, "code") == html_export.BUNDLE.read_bytes()
    assert "http://" not in page and "https://" not in page
    assert execution.to_html(tmp_path / "again.html").read_bytes() == path.read_bytes()


def test_names_and_texts_cannot_break_out_of_the_file(tmp_path: Path) -> None:
    wf.connect(mode="embedded")

    @wf.task
    def shout() -> str:
        print("</script><script>alert(1)</script>")
        return "</script>"

    @wf.workflow(name="<script>alert(2)")
    def loud() -> str:
        return shout()

    execution = loud.submit()
    assert execution.wait(60) == "succeeded"
    page = execution.to_html(tmp_path / "run.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "alert(1)" in json.dumps(recorded(tmp_path / "run.html"))


def test_the_command_line_exports_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wf.connect(mode="embedded")
    execution = doubling().submit(numbers=[1])
    assert execution.wait(60) == "succeeded"
    assert main(["--mode", "embedded", "export", execution.id, str(tmp_path / "out.html")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out.html")
    assert recorded(tmp_path / "out.html")["execution_id"] == execution.id
    assert main(["--mode", "embedded", "export", execution.id, str(tmp_path / "no" / "out.html")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_without_the_view_an_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wf.connect(mode="embedded")
    execution = doubling().submit(numbers=[1])
    monkeypatch.setattr(html_export, "BUNDLE", tmp_path / "missing.js")
    with pytest.raises(WorkflowError, match="not built"):
        execution.to_html(tmp_path / "run.html")


def test_two_executions_are_compared_in_a_cell(place: str) -> None:
    workflow = doubling()
    first = workflow.submit(numbers=[1, 2])
    second = workflow.submit(numbers=[1, 2, 3])
    assert [first.wait(60), second.wait(60)] == ["succeeded", "succeeded"]
    found = second.compare(first)
    assert [each.key for each in found.of("added")] == ["double[2]"]
    assert "<b>1</b> added" in found._repr_html_()
