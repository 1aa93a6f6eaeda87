"""`executor="inline"`: every task in the calling thread, so that a debugger can stop in it."""

from __future__ import annotations

import os
import threading

import pytest

import wf_jupyter as wf
from tests.sample_workflows import failing


@pytest.fixture(autouse=True, params=["embedded", "server"])
def anywhere(request):
    """Also beside a server, inline tasks run here."""
    if request.param == "server":
        request.getfixturevalue("on_server")
    else:
        wf.connect(mode="embedded")


def test_tasks_run_in_order_in_this_very_thread():
    @wf.task
    def note(before):
        return [*before, (os.getpid(), threading.get_ident())]

    @wf.workflow
    def w():
        return note.map(note.map([[], []]))

    execution = w.with_options(executor="inline").submit()
    assert execution.status == "succeeded"
    assert execution.result() == 2 * [2 * [(os.getpid(), threading.get_ident())]]


def test_what_tasks_print_is_seen_here_and_kept(capsys):
    @wf.task
    def talk():
        print("hello")

    @wf.workflow
    def w():
        return talk()

    execution = w.with_options(executor="inline").submit()
    assert "hello" in capsys.readouterr().out
    assert "hello" in execution.tasks["talk"].logs()


def test_a_failure_has_its_cause():
    execution = failing().with_options(executor="inline").submit(b=0)
    with pytest.raises(wf.TaskFailed) as caught:
        execution.result()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
