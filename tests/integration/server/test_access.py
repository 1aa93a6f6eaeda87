"""Who may do what: anonymous, token, cookie, kernel secret; Origin, Host, XSRF; a custom Authorizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError

# path, method: what a read-only identity may and may not do
READS = [
    "hello",
    "executions",
    "executions/unknown",
    "executions/unknown/events",
    "executions/unknown/result",
    "executions/unknown/tasks/a/logs",
    "executions/unknown/tasks/a/outputs",
    "executions/unknown/tasks/a/result",
    "executions/unknown/tasks/a/error",
    "workflows",
    "workflows/unknown",
    "nothing/of/the/kind",
]
EXECUTES = ["executions", *(f"executions/unknown/{name}" for name in ("cancel", "pause", "resume", "retry"))]
FOREIGN = {"Origin": "http://evil.example"}


class ReadOnly(Authorizer):
    """Lets everybody read and nobody else."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Only `read`, and only of our resource."""
        assert user.username
        return action == "read" and resource == "wf_jupyter"


async def cookies(wire: Any) -> dict[str, str]:
    """The headers of a browser that logged in."""
    answer = await wire.ask("GET", "tree", api="", token=wire.app.identity_provider.token)
    jar = [line.partition(";")[0] for line in answer.headers.get_list("Set-Cookie")]
    page = await wire.ask("GET", "login", api="", headers={"Cookie": "; ".join(jar)})
    jar += [line.partition(";")[0] for line in page.headers.get_list("Set-Cookie")]
    return {"Cookie": "; ".join(jar)}


def xsrf(headers: dict[str, str]) -> dict[str, str]:
    """The same with the header that proves that a page of this server asks."""
    pairs = (pair.partition("=") for pair in headers["Cookie"].split("; "))
    return {**headers, "X-XSRFToken": next(value for name, _, value in pairs if name == "_xsrf")}


async def handshake(wire: Any, headers: dict[str, str]) -> int:
    """The status of a WebSocket handshake; 101 when it opened."""
    try:
        (await wire.socket(headers=headers)).close()
    except HTTPClientError as error:
        return error.code
    return 101


@pytest.mark.parametrize("path", READS)
async def test_nobody_reads_without_a_credential(wire: Any, path: str) -> None:
    answer = await wire.ask("GET", path, headers={})
    assert answer.status == 403
    assert answer.json["reason"] == "forbidden"


@pytest.mark.parametrize("path", EXECUTES)
async def test_nobody_executes_without_a_credential(wire: Any, path: str) -> None:
    assert (await wire.ask("POST", path, headers={}, json_body={"workflow": "w"})).status == 403
    assert (await wire.ask("DELETE", "executions/unknown", headers={})).status == 403


async def test_a_wrong_credential_is_like_none(wire: Any) -> None:
    for value in ("wf-jupyter wrong", "wf-jupyter", "wf-jupyter \xff", "token wrong", "Bearer wrong"):
        assert (await wire.ask("GET", "hello", headers={"Authorization": value})).status == 403
        assert await handshake(wire, {"Authorization": value}) == 403
    assert await handshake(wire, {}) == 403


async def test_token_cookie_and_kernel_secret_read(wire: Any) -> None:
    for headers in (wire.authorization, wire.kernel, await cookies(wire)):
        assert (await wire.ask("GET", "hello", headers=headers)).status == 200
        assert await handshake(wire, headers) == 101


async def test_a_cookie_alone_changes_nothing_without_the_xsrf_header(wire: Any) -> None:
    browser = await cookies(wire)
    assert (await wire.ask("POST", "executions/unknown/cancel", headers=browser)).status == 403
    assert (await wire.ask("POST", "executions/unknown/cancel", headers=xsrf(browser))).status == 404
    for headers in (wire.authorization, wire.kernel):
        assert (await wire.ask("POST", "executions/unknown/cancel", headers=headers)).status == 404


async def test_a_foreign_origin_is_refused_for_cookies(wire: Any) -> None:
    browser = xsrf(await cookies(wire))
    assert (await wire.ask("GET", "hello", headers={**browser, **FOREIGN})).status == 403
    assert (await wire.ask("POST", "executions/unknown/cancel", headers={**browser, **FOREIGN})).status == 403
    assert await handshake(wire, {**browser, **FOREIGN}) == 403
    assert await handshake(wire, FOREIGN) == 403


async def test_a_foreign_host_is_refused_for_everybody(wire: Any) -> None:
    for headers in (wire.authorization, wire.kernel):
        assert (await wire.ask("GET", "hello", headers={**headers, "Host": "evil.example"})).status == 403


async def test_the_secret_opens_nothing_of_jupyters_own(wire: Any) -> None:
    for path in ("api/kernels", "api/contents", "api/status"):
        assert (await wire.ask("GET", path, api="", headers=wire.kernel)).status == 403


class TestReadOnlyAuthorizer:
    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        return {
            "ServerApp": {
                "jpserver_extensions": {"wf_jupyter": True},
                "authorizer_class": ReadOnly,
                "allow_unauthenticated_access": False,
            }
        }

    async def test_a_reader_reads_and_nothing_else(self, wire: Any) -> None:
        assert (await wire.ask("GET", "executions")).status == 200
        for path in EXECUTES:
            answer = await wire.ask("POST", path, json_body={"workflow": "w"})
            assert (answer.status, answer.json["reason"]) == (403, "not_permitted")
        for method, path in (("DELETE", "executions/unknown"), ("POST", "workflows"), ("POST", "executions/x/rerun")):
            assert (await wire.ask(method, path)).status == 403

    async def test_each_command_of_a_readers_socket_is_checked(self, wire: Any) -> None:
        socket = await wire.socket()
        assert "result" in await socket.call("subscribe", execution_id="*")
        for method in ("cancel", "pause", "resume", "retry"):
            assert (await socket.call(method, execution_id="unknown"))["error"]["code"] == -32002
        assert (await socket.call("execute", workflow="w"))["error"]["code"] == -32002

    async def test_the_kernel_is_not_the_authorizers_business(self, wire: Any) -> None:
        assert (await wire.ask("POST", "executions/unknown/cancel", headers=wire.kernel)).status == 404

    async def test_nothing_is_open_to_anonymous_visitors(self, wire: Any) -> None:
        assert (await wire.ask("GET", "hello", headers={})).status == 403
        assert (await wire.ask("GET", "", api="wf-jupyter/", headers={})).status == 302
        assert await handshake(wire, {}) == 403


class TestRestrictedKernels:
    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        return {
            "ServerApp": {"jpserver_extensions": {"wf_jupyter": True}},
            "WorkflowExtension": {"kernel_actions": {"read"}},
        }

    async def test_kernels_may_do_what_the_setting_says(self, wire: Any) -> None:
        assert (await wire.ask("GET", "executions", headers=wire.kernel)).status == 200
        assert (await wire.ask("POST", "executions/unknown/cancel", headers=wire.kernel)).status == 403


class TestRateLimit:
    @pytest.fixture
    def jp_server_config(self) -> dict[str, Any]:
        return {
            "ServerApp": {"jpserver_extensions": {"wf_jupyter": True}},
            "WorkflowExtension": {"execution_burst": 2, "execution_rate": 0.5},
        }

    async def test_executions_beyond_the_burst_have_to_wait(self, wire: Any) -> None:
        for _ in range(2):
            assert (await wire.ask("POST", "executions", json_body={"workflow": "unknown"})).status == 404
        answer = await wire.ask("POST", "executions", json_body={"workflow": "unknown"})
        assert (answer.status, answer.json["reason"]) == (429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 2
        assert 0 < answer.json["retry_after"] <= 2

        socket = await wire.socket()
        error = (await socket.call("execute", workflow="unknown"))["error"]
        assert error["code"] == -32003
        assert 0 < error["data"]["retry_after"] <= 2

    async def test_a_kernel_has_an_allowance_of_its_own(self, wire: Any) -> None:
        for headers in (wire.authorization, wire.kernel):
            for expected in (404, 404, 429):
                answer = await wire.ask("POST", "executions", headers=headers, json_body={"workflow": "unknown"})
                assert answer.status == expected


async def test_the_connection_file_is_private_and_tells_all(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    path = Path(os.environ["WF_JUPYTER_CONNECTION_FILE"])
    assert not path.exists(), "it is written when the server runs"
    await wire.start()
    assert path.stat().st_mode & 0o777 == 0o600
    told = json.loads(path.read_text())
    assert set(told) == {"protocol", "server_id", "pid", "hostname", "boot_id", "url", "sock", "base_url", "secret"}
    assert (told["pid"], told["base_url"], told["protocol"]) == (os.getpid(), wire.base_url, 1)
    headers = {"Authorization": f"wf-jupyter {told['secret']}"}
    assert (await wire.ask("GET", "hello", headers=headers)).json["server_id"] == told["server_id"]
    await wire.extension.stop_extension()
    assert not path.exists()
    assert "WF_JUPYTER_CONNECTION_FILE" not in os.environ


async def test_files_of_dead_servers_are_removed_and_others_kept(wire: Any) -> None:
    import socket
    import subprocess
    import sys

    from wf_jupyter.server.connection_file import boot_id

    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    directory = Path(wire.app.runtime_dir)
    here = {"hostname": socket.gethostname(), "boot_id": boot_id()}
    files = {
        "wf_jupyter-1-dead.json": {**here, "pid": dead.pid},
        "wf_jupyter-2-rebooted.json": {**here, "pid": 1, "boot_id": "another"},
        "wf_jupyter-3-elsewhere.json": {**here, "pid": dead.pid, "hostname": "elsewhere"},
        "wf_jupyter-4-alive.json": {**here, "pid": 1},
    }
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content))
    (directory / "wf_jupyter-5-broken.json").write_text("{")
    await wire.start()
    left = {path.name for path in directory.glob("wf_jupyter-*")} & {*files, "wf_jupyter-5-broken.json"}
    assert left == {"wf_jupyter-3-elsewhere.json", "wf_jupyter-4-alive.json", "wf_jupyter-5-broken.json"}
