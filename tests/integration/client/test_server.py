"""A client and its server: losses, limits, refusals."""

from __future__ import annotations

import logging
import os
import signal
import threading

import pytest

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess, free_port, until
from tests.sample_workflows import doubling, gated
from wf_jupyter.client import session


@pytest.fixture
def own_server(tmp_path):
    running = JupyterProcess(tmp_path / "jupyter").start()
    yield running
    running.stop()


@pytest.mark.place("plain, on one address", "restart")
def test_a_waiting_client_gets_its_result_although_the_server_was_killed_meanwhile(own_server, tmp_path):
    wf.connect(url=own_server.url, token=own_server.token)
    gate = tmp_path / "gate"
    execution = gated(gate).submit()
    until(lambda: execution.tasks["wait"].status == "running", "the task does not start")
    found = []
    waiter = threading.Thread(target=lambda: found.append(execution.result(timeout=90)))
    waiter.start()
    # This one looks at nothing: it asks a question, and again after the loss.
    asking = wf.get_execution(execution.id)
    asker = threading.Thread(target=lambda: found.append(asking.result(timeout=90)))
    asker.start()
    seen = execution.events()

    own_server.kill()
    until(lambda: execution.follow().link == "reconnecting", "the loss is not noticed")
    assert execution.status == "running"
    own_server.start()
    gate.touch()

    waiter.join(90)
    asker.join(90)
    assert found == ["through", "through"]
    assert execution.events()[: len(seen)] == seen
    assert execution.tasks["wait"].attempts == 2
    assert doubling().submit(numbers=[1]).result(timeout=30) == 2


def test_a_server_that_falls_silent_without_a_goodbye_is_noticed_and_found_again(tmp_path):
    server = JupyterProcess(tmp_path / "jupyter", options=["--WorkflowExtension.heartbeat=1"]).start()
    try:
        wf.connect(url=server.url, token=server.token)
        gate = tmp_path / "gate"
        execution = gated(gate).submit()
        until(lambda: execution.tasks["wait"].status == "running", "the task does not start")
        until(lambda: execution.follow().link == "live", "it is not followed")
        os.kill(server.pid, signal.SIGSTOP)
        until(lambda: execution.follow().link == "reconnecting", "the silence is not noticed")
        gate.touch()
        os.kill(server.pid, signal.SIGCONT)
        assert execution.result(timeout=60) == "through"
        until(lambda: execution.follow().link == "live", "it is not followed again")
    finally:
        os.kill(server.pid, signal.SIGCONT)
        server.stop()


def test_a_loop_of_submissions_beyond_the_rate_limit_just_works(on_server):
    executions = [doubling().submit(numbers=[n]) for n in range(130)]
    assert [execution.result(timeout=60) for execution in executions] == [2 * n for n in range(130)]


def test_a_wrong_token_is_refused_by_name(server):
    with pytest.raises(wf.ServerUnavailable, match="credentials"):
        wf.connect(url=server.url, token="wrong")


def test_a_server_that_is_not_there_is_unavailable_and_named():
    url = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(wf.ServerUnavailable, match=url):
        wf.connect(url=url, token="t")


def test_a_server_without_the_extension_is_unavailable_and_says_why(tmp_path):
    plain = JupyterProcess(tmp_path, options=["--ServerApp.jpserver_extensions=wf_jupyter=False"]).start()
    try:
        with pytest.raises(wf.ServerUnavailable, match="does not have wf_jupyter"):
            wf.connect(url=plain.url, token=plain.token)
    finally:
        plain.stop()


def test_without_a_server_work_runs_in_this_process_and_the_log_says_so_in_one_line(monkeypatch, caplog):
    monkeypatch.delenv("WF_JUPYTER_CONNECTION_FILE", raising=False)
    with caplog.at_level(logging.DEBUG, "wf_jupyter"):
        assert doubling().submit(numbers=[1]).result(timeout=30) == 2
    (told,) = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert "inside this process" in told.message
    assert (told.levelname, told.exc_info) == ("INFO", None)
    assert session.current().server_id == ""


def test_a_server_that_announced_itself_and_cannot_be_used_is_told_of_in_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("WF_JUPYTER_CONNECTION_FILE", str(tmp_path / "missing.json"))
    monkeypatch.setattr(session, "_has_warned", False)
    for _ in range(2):
        assert doubling().submit(numbers=[1]).result(timeout=30) == 2
        assert session.current().server_id == ""
        session.close()
    (told,) = capsys.readouterr().err.splitlines()
    assert "workflows run in this process" in told and "missing.json cannot be read" in told


def test_server_mode_insists_on_a_server(monkeypatch):
    monkeypatch.setenv("WF_JUPYTER_MODE", "server")
    with pytest.raises(wf.ServerUnavailable, match="WF_JUPYTER_URL"):
        doubling().submit(numbers=[1])


def test_a_process_started_where_the_server_announced_itself_finds_it_by_the_file(server, monkeypatch):
    (file,) = server.runtime_directory.glob("wf_jupyter-*.json")
    monkeypatch.setenv("WF_JUPYTER_CONNECTION_FILE", str(file))
    execution = doubling().submit(numbers=[1, 2])
    assert execution.result(timeout=30) == 6
    assert session.current().server_id
    assert server.ask("GET", f"wf-jupyter/api/v1/executions/{execution.id}")["status"] == "succeeded"


def test_executions_are_followed_by_asking_where_no_websocket_can_be_had(on_server, monkeypatch):
    async def blocked(self):
        raise ConnectionError("a proxy that lets no WebSocket through")

    monkeypatch.setattr("wf_jupyter.client.http.HttpSession.dial", blocked)
    session.close()
    wf.connect(url=on_server.url, token=on_server.token)
    assert doubling().submit(numbers=[3]).result(timeout=60) == 6
