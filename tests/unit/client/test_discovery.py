"""Which orchestrator a process talks to, from what its environment says."""

from __future__ import annotations

import json
import os
import socket

import pytest

from wf_jupyter.client.discovery import NoServer, NotUsable, boot_id, choose, endpoint
from wf_jupyter.errors import InputError, ServerUnavailable


def written(path, **changes):
    content = {
        "protocol": 1,
        "server_id": "abc",
        "pid": os.getppid(),
        "hostname": socket.gethostname(),
        "boot_id": boot_id(),
        "url": "http://localhost:8888/base/",
        "sock": "",
        "base_url": "/base/",
        "secret": "s3cret",
        **changes,
    }
    path.write_text(json.dumps(content))
    return {"WF_JUPYTER_CONNECTION_FILE": str(path)}


def test_an_explicit_url_wins_over_everything_and_insists_on_that_server(tmp_path):
    environ = {**written(tmp_path / "file.json"), "WF_JUPYTER_MODE": "embedded", "WF_JUPYTER_URL": "http://other"}
    choice = choose(environ, url="http://here:1/x", token="t")
    assert (choice.mode, choice.url, choice.token) == ("server", "http://here:1/x", "t")
    found = endpoint(choice, environ)
    assert (found.url, found.authorization, found.same_host) == ("http://here:1/x/", "token t", False)


def test_the_mode_from_the_environment_comes_before_any_address(tmp_path):
    environ = {**written(tmp_path / "file.json"), "WF_JUPYTER_MODE": " Embedded ", "WF_JUPYTER_URL": "http://other"}
    assert choose(environ).mode == "embedded"


def test_url_and_token_of_the_environment_come_before_the_connection_file(tmp_path):
    token = tmp_path / "token"
    token.write_text("from-file\n")
    environ = {
        **written(tmp_path / "file.json"),
        "WF_JUPYTER_URL": "https://hub/user/a/",
        "WF_JUPYTER_TOKEN_FILE": str(token),
    }
    choice = choose(environ)
    assert (choice.mode, choice.url, choice.token, choice.file) == ("server", "https://hub/user/a/", "from-file", None)


def test_the_connection_file_gives_address_secret_and_a_shared_disk(tmp_path):
    environ = written(tmp_path / "file.json")
    found = endpoint(choose(environ), environ)
    assert found.url == "http://localhost:8888/base/"
    assert found.authorization == "wf-jupyter s3cret"
    assert found.same_host
    assert found.api("hello") == "http://localhost:8888/base/wf-jupyter/api/v1/hello"
    assert "s3cret" not in repr(found)


def test_a_server_on_another_host_or_of_another_boot_shares_no_disk(tmp_path):
    for change in ({"hostname": "elsewhere"}, {"boot_id": "earlier"}, {"hostname": ""}):
        environ = written(tmp_path / "file.json", **change)
        assert not endpoint(choose(environ), environ).same_host


def test_a_server_on_a_unix_socket_is_addressed_by_its_base_url(tmp_path):
    environ = written(tmp_path / "file.json", sock="/run/jupyter.sock", url="http+unix://%2Frun%2Fjupyter.sock/base/")
    found = endpoint(choose(environ), environ)
    assert (found.url, found.sock) == ("http://127.0.0.1/base/", "/run/jupyter.sock")


def test_the_socket_for_kernels_is_used_where_it_can_be_seen_and_else_the_address(tmp_path):
    environ = written(tmp_path / "file.json", sock=str(tmp_path / "s"), url="https://hub.example/base/")
    found = endpoint(choose(environ), environ)
    assert (found.url, found.sock, found.name) == ("https://hub.example/base/", "", "https://hub.example/base/")
    (tmp_path / "s").touch()
    found = endpoint(choose(environ), environ)
    assert (found.url, found.sock) == ("http://127.0.0.1/base/", str(tmp_path / "s"))
    assert found.name == "https://hub.example/base/"


def test_a_server_that_the_environment_names_is_insisted_on(tmp_path):
    environ = {**written(tmp_path / "file.json"), "WF_JUPYTER_URL": "http://other", "WF_JUPYTER_MODE": "auto"}
    assert choose(environ).mode == "server"


def test_a_kernel_believes_only_the_server_that_started_it(tmp_path):
    environ = {**written(tmp_path / "file.json", pid=4711), "JPY_PARENT_PID": "10405"}
    with pytest.raises(NoServer, match="did not start this kernel"):
        endpoint(choose(environ), environ)
    assert endpoint(choose(environ), {**environ, "JPY_PARENT_PID": "4711"}).url


def test_without_any_announcement_there_is_no_server_to_wait_for():
    with pytest.raises(NoServer, match="WF_JUPYTER_URL"):
        endpoint(choose({}), {})


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read"), ("{", "is not valid"), ('{"protocol": 1}', "is not valid")]
)
def test_a_connection_file_that_cannot_be_used_is_named(tmp_path, content, told):
    file = tmp_path / "file.json"
    if content is not None:
        file.write_text(content)
    environ = {"WF_JUPYTER_CONNECTION_FILE": str(file)}
    with pytest.raises(ServerUnavailable, match=told) as caught:
        endpoint(choose(environ), environ)
    assert str(file) in str(caught.value)


def test_another_protocol_version_is_refused_with_both_numbers(tmp_path):
    environ = written(tmp_path / "file.json", protocol=9)
    with pytest.raises(ServerUnavailable, match="version 9 .* version 1"):
        endpoint(choose(environ), environ)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"mode": "cloud"}, "mode"),
        ({"url": "localhost:8888"}, "url"),
        ({"url": "http://here", "mode": "embedded"}, "url"),
    ],
)
def test_arguments_that_make_no_sense_are_named(arguments, field):
    with pytest.raises(InputError) as caught:
        choose({}, **arguments)
    assert caught.value.field == field


def test_an_unreadable_token_file_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        choose({"WF_JUPYTER_URL": "http://here", "WF_JUPYTER_TOKEN_FILE": str(tmp_path / "none")})


@pytest.mark.place("a kernel behind a gateway, with a token", "kernel")
def test_a_kernel_behind_a_gateway_is_told_the_server_and_needs_a_token() -> None:
    environment = {"KERNEL_WF_JUPYTER_URL": "http://jupyter.example/base/"}
    choice = choose(environment)
    assert choice.mode == "auto"
    with pytest.raises(NotUsable, match="gateway.*WF_JUPYTER_TOKEN"):
        endpoint(choice, environment)
    found = endpoint(choose({**environment, "WF_JUPYTER_TOKEN": "t"}), environment)
    assert (found.url, found.authorization, found.same_host) == ("http://jupyter.example/base/", "token t", False)
    # The server's own kernels have the variable too, and its file.
    assert choose({**environment, "WF_JUPYTER_CONNECTION_FILE": "/f"}).url == ""
