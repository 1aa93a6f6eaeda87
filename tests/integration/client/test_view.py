"""The widget's Python side, beside an orchestrator in this process."""

from __future__ import annotations

import pytest
from jupyter_process import until
from sample_workflows import gated

import wf_jupyter as wf
from wf_jupyter.widget import view as module


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


def test_it_shows_the_same_still_picture_as_the_execution(execution):
    data, _ = execution.view()._repr_mimebundle_()
    still, _ = execution._repr_mimebundle_()
    assert data["text/plain"] == still["text/plain"]
    assert data["text/html"] == still["text/html"]
    assert repr(execution.view()) == "<live view of 'waiting'>"


def test_commands_of_the_page_reach_the_execution(execution):
    view = execution.view()
    view._handle_custom_msg({"kind": "pause", "execution_id": execution.id}, [])
    assert execution.status == "paused"
    view._handle_custom_msg({"kind": "cancel"}, [])
    assert execution.wait(timeout=30) == "cancelled"
    until(lambda: view.snapshot["status"] == "cancelled", "the end is not kept")


def test_a_refused_command_is_answered_and_nonsense_is_ignored(execution):
    view = execution.view()
    sent = []
    view.send = sent.append
    view._handle_custom_msg({"kind": "resume"}, [])
    (answer,) = sent
    assert (answer["kind"], answer["command"]) == ("refused", "resume")
    for nonsense in (None, "text", [], {"kind": ["cancel"]}, {"kind": "explode"}, {}):
        view._handle_custom_msg(nonsense, [])
    assert execution.status == "running"


@pytest.mark.parametrize(
    ("options", "field"), [({"tab": "map"}, "tab"), ({"height": 0}, "height"), ({"height": "tall"}, "height")]
)
def test_wrong_options_are_named(execution, options, field):
    with pytest.raises(wf.InputError) as caught:
        execution.view(**options)
    assert caught.value.field == field


def test_a_missing_bundle_says_so_in_place_of_the_view(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "BUNDLE", tmp_path / "none.js")
    module.bundle.cache_clear()
    assert "was not built" in module.bundle()
    module.bundle.cache_clear()
