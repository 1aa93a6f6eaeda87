"""Large inputs: sent in parts before the submission, kept as files, shared by the tasks that get them."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess
from wf_jupyter.client.uploading import explain_refusal
from wf_jupyter.errors import InputError, ServerUnavailable, StateConflict

PATIENCE = 60
SIZE = 1_000_000


@wf.task
def total(x: Any, add: int = 0) -> float:
    before = float(x[0])
    x[0] = 1e9
    return before + add


@wf.task
def first(x: Any) -> float:
    return float(x[0])


@wf.workflow
def inner(x: Any) -> Any:
    return [total(x), total(x, 10)]


@wf.task
def grow(x: Any) -> Any:
    return inner.bind(x=x + 1)


@wf.workflow
def all_ways(x: Any, scale: float = 1.0) -> Any:
    sums = [total(x, i) for i in range(3)]
    x = x + scale
    return [*sums, total(x), first.map([x, x * 2]), grow(x), total.partial(x).map([5])]


def test_a_large_input_reaches_every_task_unchanged_wherever_it_runs(place: str) -> None:
    array = np.zeros(SIZE)
    execution = all_ways.submit(x=array)
    array[:] = 7
    assert execution.result(PATIENCE) == [0, 1, 2, 1, [1, 2], [2, 12], [6]]
    assert execution.rerun(from_="first").result(PATIENCE) == [0, 1, 2, 1, [1, 2], [2, 12], [6]]
    array[:] = 0
    assert execution.rerun(inputs={"scale": 2.0}).result(PATIENCE) == [0, 1, 2, 2, [2, 4], [3, 13], [7]]


def test_an_inline_execution_gets_its_own_copies() -> None:
    array = np.zeros(SIZE)
    assert all_ways.with_options(executor="inline").submit(x=array).result() == [0, 1, 2, 1, [1, 2], [2, 12], [6]]
    assert array[0] == 0


def test_large_values_that_are_no_arrays(place: str) -> None:
    @wf.task
    def length(x: Any) -> int:
        return len(x)

    @wf.workflow
    def flow(values: Any) -> Any:
        return [length(value) for value in values], length.map(values)

    values = ["x" * 2_000_000, b"y" * 2_000_000, list(range(500_000)), {str(i): i for i in range(100_000)}]
    assert flow.submit(values=values).result(PATIENCE) == ([len(v) for v in values], [len(v) for v in values])


def test_a_part_without_a_proper_address_is_refused(on_server: JupyterProcess) -> None:
    def put(path: str, token: str = on_server.token) -> int:
        address = on_server.url.removeprefix("http://").partition("/")[0]
        connection = http.client.HTTPConnection(address, timeout=PATIENCE)
        headers = {"Authorization": f"token {token}"}
        connection.request("PUT", f"/{on_server.url.partition('://')[2].partition('/')[2]}{path}", b"x", headers)
        status = connection.getresponse().status
        connection.close()
        return status

    prefix = "wf-jupyter/api/v1/uploads/"
    upload, digest = "upload-" + "0" * 32, "0" * 32
    assert put(f"{prefix}{upload}/{digest}?offset=0") == 204
    assert put(f"{prefix}{upload}/{digest}?offset=-1") == 400
    assert put(f"{prefix}{upload}/..%2Fx?offset=0") == 400
    assert put(f"{prefix}somewhere/{digest}?offset=0") == 400
    assert put(f"{prefix}{upload}/{digest}?offset=0", token="wrong") in (401, 403)


def test_a_request_that_was_too_large_is_told_with_its_size_and_what_to_do() -> None:
    lost = ServerUnavailable("the server did not answer: Stream closed")
    told = explain_refusal(lost, 600_000_000, "what is submitted has", "http://here/")
    assert isinstance(told, InputError)
    assert "600,000,000 bytes" in str(told) and "max_body_size" in str(told) and "as arguments" in str(told)
    assert explain_refusal(lost, 1000, "what is submitted has", "http://here/") is lost
    busy = StateConflict("it has not ended")
    assert explain_refusal(busy, 600_000_000, "what is submitted has", "http://here/") is busy


def test_a_large_input_is_one_file_and_goes_with_its_execution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WF_JUPYTER_DATA_DIR", str(tmp_path))
    wf.connect(mode="embedded")
    execution = all_ways.submit(x=np.zeros(SIZE))
    execution.result(PATIENCE)
    files = [path for path in (tmp_path / "values").rglob("*.value") if path.stat().st_size >= 8 * SIZE]
    assert {path.parent.name for path in files} == {execution.id}
    # The array, what the body made of it, the mapped pair, and what the task gave to its own graph.
    assert len(files) == 4
    assert not list((tmp_path / "values").glob("upload-*"))
