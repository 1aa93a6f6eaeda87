"""What cannot be sent to a worker is refused at the submission, with its place and what to do."""

from __future__ import annotations

import importlib.util
import sys
import threading

import pytest

import wf_jupyter as wf


@pytest.fixture(autouse=True)
def embedded():
    wf.connect(mode="embedded")


class Client:
    def __init__(self):
        self.pool = {"main": threading.Lock()}


client = Client()


@wf.task
def show(value):
    return value


def refusal(workflow, **options):
    with pytest.raises(wf.WorkflowError) as caught:
        (workflow.with_options(**options) if options else workflow).submit()
    return str(caught.value)


def test_code_names_the_variable_and_the_place_in_it():
    here = client

    @wf.task
    def fetch():
        return here.pool

    @wf.workflow
    def w():
        return fetch()

    told = refusal(w)
    assert "code of task 'fetch' cannot be sent to a worker: cannot pickle '_thread.lock' object: " in told
    assert "'here' of the surrounding function that task 'fetch' uses holds a _thread.lock at here.pool['main']" in told
    assert "Create it inside the task" in told


def test_an_argument_and_an_item_name_the_place_in_them():
    @wf.workflow
    def given():
        return show({"a": [client]})

    @wf.workflow
    def mapped():
        return show.map([1, (n for n in "")])

    told = refusal(given)
    assert "argument 'value' of task 'show' cannot be sent to a worker" in told
    assert "holds a _thread.lock at value['a'][0].pool['main']" in told
    told = refusal(mapped)
    assert "item 1 of 'value' of task 'show'" in told
    assert "it is a generator. Pass what it yields, as a list" in told


def test_a_module_that_workers_cannot_import_is_named_and_no_matter_inline(tmp_path, monkeypatch):
    (tmp_path / "wf_by_path.py").write_text("def times(x): return 10 * x\n")
    spec = importlib.util.spec_from_file_location("wf_by_path", tmp_path / "wf_by_path.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "wf_by_path", module)
    spec.loader.exec_module(module)

    @wf.task
    def times():
        return module.times(1)

    @wf.workflow
    def code():
        return times()

    @wf.workflow
    def argument():
        return show(module.times)

    for workflow, task in ((code, "the code of task 'times'"), (argument, "an argument of task 'show'")):
        told = refusal(workflow)
        assert f"{task} cannot be sent to a worker: it refers to the module 'wf_by_path', which was loaded from" in told
        assert "register_pickle_by_value" in told
    assert code.with_options(executor="inline").submit().result(timeout=30) == 10
