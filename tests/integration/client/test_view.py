"""The widget's Python side, beside an orchestrator in this process."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

import wf_jupyter as wf
from tests.jupyter_process import until
from tests.sample_workflows import gated
from wf_jupyter.widget import code, request_handler


@pytest.fixture(autouse=True)
def here():
    wf.connect(mode="embedded")


@pytest.fixture
def execution(tmp_path):
    running = gated(tmp_path / "gate").submit()
    yield running
    (tmp_path / "gate").touch()
    running.wait(timeout=30)


def test_it_carries_what_a_page_needs_to_find_its_way(execution):
    view = execution.view()
    assert (view.execution_id, view.workflow, view.server_id) == (execution.id, "waiting", "")
    assert view.snapshot["id"] == execution.id
    assert view is execution.view()
    other = execution.view(tab="table", height=300)
    assert (other is view, other.tab, other.height) == (False, "table", 300)


def test_a_view_that_was_closed_is_told_nothing_and_the_next_display_makes_another(execution, tmp_path):
    view = execution.view()
    sent: list[Any] = []
    view._relay._send = sent.append
    view._handle_custom_msg({"kind": "subscribe"}, [])
    until(lambda: sent, "the view is told nothing")
    view.close()
    view.close()
    before = len(sent)
    other = execution.view()
    assert other is not view
    (tmp_path / "gate").touch()
    execution.wait(timeout=30)
    until(lambda: other.snapshot["status"] == "succeeded", "the new view does not hear the end")
    assert (len(sent), view.snapshot["status"] == "succeeded") == (before, False)
    type(other).close_all()
    assert execution.view() is not other


def test_it_shows_the_same_still_picture_as_the_execution(execution):
    data, metadata = execution.view()._repr_mimebundle_()
    still = execution._repr_mimebundle_()
    assert list(metadata) == ["application/vnd.wf-jupyter.execution+json"]  # how nbval knows it
    assert data["text/plain"] == still["text/plain"]
    assert data["text/html"] == still["text/html"]
    assert repr(execution.view()) == "<live view of 'waiting'>"


def test_where_there_is_no_ipython_an_execution_is_one_dict_of_mime_types(execution, monkeypatch):
    """As xeus-python takes it, whose raw mode has a module of that name, and no widgets."""
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    shown = dict(execution._repr_mimebundle_())
    assert set(shown) == {"text/plain", "text/html", "image/svg+xml", "application/pdf"}
    assert all(isinstance(content, str) for content in shown.values())
    monkeypatch.setitem(sys.modules, "wf_jupyter.widget.view", None)
    with pytest.raises(ImportError, match="this kernel has no widgets"):
        execution.view()


def test_in_marimo_the_still_picture_says_why_it_is_still(execution, monkeypatch):
    marimo = types.ModuleType("marimo")
    marimo.running_in_notebook = lambda: True  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    shown = execution._repr_mimebundle_()["text/html"]
    assert "data:image/svg+xml" in shown
    assert "marimo has no live view of it" in shown


def test_the_text_of_a_failure_is_the_same_whatever_number_its_cell_has(execution):
    failed = wf.TaskFailed("boom", "ValueError", "no 1", "Traceback: Cell In[7], line 2, in boom")
    assert repr(failed) == "TaskFailed('boom', 'ValueError', 'no 1')"
    assert "Cell In[7]" in str(failed)


class Page:
    """Asks through the kernel, as a page does."""

    def __init__(self, execution):
        self.view = execution.view()
        self.answers: dict[Any, Any] = {}
        self.view.send = lambda sent: self.answers.update({sent["id"]: sent}) if sent["kind"] == "answer" else None

    def ask(self, method, **params):
        name = f"{method}-{len(self.answers)}"
        self.view._handle_custom_msg({"kind": "request", "id": name, "method": method, "params": params}, [])
        until(lambda: name in self.answers, f"no answer to {method}")
        answer = self.answers[name]
        return answer["result"] if "result" in answer else answer["error"]


def test_commands_of_the_page_reach_the_execution(execution):
    page = Page(execution)
    assert page.ask("pause") == {}
    assert execution.status == "paused"
    assert page.ask("cancel") == {}
    assert execution.wait(timeout=30) == "cancelled"
    until(lambda: page.view.snapshot["status"] == "cancelled", "the end is not kept")


def test_one_task_is_cancelled_and_retried_by_the_page_and_a_rerun_tells_its_id(tmp_path):
    execution = gated(tmp_path / "gate").submit()
    page = Page(execution)
    until(lambda: execution.tasks["wait"].status == "running", "it does not start")
    assert page.ask("cancel", task="wait") == {}
    assert execution.wait(timeout=30) == "failed"
    assert execution.tasks["wait"].status == "cancelled"
    (tmp_path / "gate").touch()
    assert page.ask("retry", task="wait") == {}
    assert execution.wait(timeout=30) == "succeeded"
    again = wf.get_execution(page.ask("rerun", **{"from": "wait"})["id"])
    assert again.result(timeout=30) == "through"
    assert page.ask("retry", task="wait")["reason"] == "state_conflict"
    until(lambda: set(Page(again).ask("history")["tasks"]) == {"wait"}, "the history does not know it")


def test_the_page_reads_events_outputs_and_the_log_in_bounded_answers(monkeypatch):
    @wf.task
    def talk():
        from IPython.display import HTML, display

        print("x" * 1000)
        for n in range(3):
            display(HTML(f"<b>{n}</b>"))

    @wf.workflow
    def talking():
        return talk()

    execution = talking.submit()
    execution.result(timeout=30)
    page = Page(execution)
    whole = page.ask("events", after=0)
    assert "more" not in whole
    assert [event["seq"] for event in whole["events"]] == list(range(1, len(whole["events"]) + 1))
    assert page.ask("log", task="talk")["text"] == "x" * 1000 + "\n"
    stretch = page.ask("log", task="talk", attempt=1, offset=990, limit=5)
    assert (stretch["text"], stretch["end"], stretch["size"]) == ("xxxxx", 995, 1001)
    assert page.ask("search", task="talk", text="XX")["lines"] == [{"line": 1, "offset": 0, "text": "x" * 502}]
    assert page.ask("search", task="talk", text="")["field"] == "text"
    assert len(page.ask("outputs", task="talk")["outputs"]) == 3
    monkeypatch.setattr(request_handler, "LARGEST_ANSWER", 10)
    first = page.ask("outputs", task="talk")
    assert (len(first["outputs"]), first["more"]) == (1, True)
    assert len(page.ask("outputs", task="talk", after=first["outputs"][0]["seq"])["outputs"]) == 1
    assert len(page.ask("events", after=0)["events"]) == 1


def test_the_page_is_told_what_each_task_is_called_with():
    @wf.task
    def load(n):
        return {"rows": list(range(n)), "name": "x"}

    @wf.task
    def double(row, scale):
        return row * scale

    @wf.task
    def join(rows, *, title, extra=None):
        return len(rows)

    @wf.workflow
    def inner(n):
        return load(n)

    @wf.task
    def grow(n):
        return inner.bind(n=n)

    @wf.workflow
    def outer(n: int):
        loaded = load(n)
        grow(7)
        doubled = double.partial(scale=[1, 2]).map(loaded["rows"])
        return join(double.partial(scale=3).map(doubled), title="all", extra=[loaded, double.map([5], [6])])

    execution = outer.submit(n=2)
    assert execution.result(timeout=30) == 2
    page = Page(execution)

    def told(key):
        inputs = page.ask("inputs", task=key)["inputs"]
        return {each["name"]: (each["text"], *each["sources"]) for each in inputs}

    assert told("load") == {"n": ("2",)}
    assert told("double[1]") == {"row": ("['rows'][1]", "load"), "scale": ("[1, 2]",)}
    assert told("double-2[0]") == {"row": ("", "double[0]"), "scale": ("3",)}
    assert told("double-3[0]") == {"row": ("5",), "scale": ("6",)}
    last = told("join")
    assert (last["rows"], last["title"]) == (("", "double-2"), ("'all'",))
    assert last["extra"][1:] == ("load", "double-3")
    assert told("grow/load") == {"n": ("7",)}
    assert page.ask("inputs", task="nobody")["field"] == "task"


def test_a_refused_request_is_answered_and_nonsense_is_ignored(execution):
    page = Page(execution)
    assert page.ask("resume")["reason"] == "state_conflict"
    assert page.ask("explode")["field"] == "method"
    assert page.ask("events", after=-1)["field"] == "after"
    assert page.ask("log", task="nobody")["field"] == "task"
    assert page.ask("log")["reason"] == "invalid_input"
    messages: tuple[Any, ...] = (None, "text", [], {"kind": ["cancel"]}, {"kind": "explode"}, {}, {"kind": "request"})
    for nonsense in messages:
        page.view._handle_custom_msg(nonsense, [])
    wrong: tuple[Any, ...] = ([], "text", {"task": ["x"]}, {"reason": 5})
    for params in wrong:
        page.view._handle_custom_msg({"kind": "request", "id": "n", "method": "cancel", "params": params}, [])
    until(lambda: page.answers["n"]["error"]["reason"] == "invalid_input", "nonsense is not refused")
    assert execution.status == "running"


@pytest.mark.parametrize(
    ("options", "field"), [({"tab": "map"}, "tab"), ({"height": 0}, "height"), ({"height": "tall"}, "height")]
)
def test_wrong_options_are_named(execution, options, field):
    with pytest.raises(wf.InputError) as caught:
        execution.view(**options)
    assert caught.value.field == field


def test_a_missing_bundle_says_so_in_place_of_the_view(monkeypatch, tmp_path):
    monkeypatch.setattr(code, "STATIC", tmp_path)
    code.loader.cache_clear()
    assert "was not built" in code.loader()
    code.loader.cache_clear()
