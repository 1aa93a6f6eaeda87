"""A process finds the server that announced itself, however people reach that server, and says when it cannot."""

from __future__ import annotations

import json
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess, free_port, until
from wf_jupyter.client import session

RUN = """
import wf_jupyter as wf
@wf.task
def one(x): return x + 1
@wf.workflow
def flow(x: int): return one(x)
print(flow.submit(x=1).result(timeout=60), wf.connection().place)
"""


@contextmanager
def started(directory: Path, *options: str) -> Iterator[JupyterProcess]:
    """A server that may not answer at the address that tests use."""
    server = JupyterProcess(directory, options=options)
    with server.log.open("ab") as log:
        server.process = subprocess.Popen(
            server.command, env=server.environment, cwd=server.root, stdout=log, stderr=log, start_new_session=True
        )
    try:
        until(lambda: announcements(server), f"no announcement; see {server.log}", 60)
        yield server
    finally:
        server.stop()


def announcements(server: JupyterProcess) -> list[Path]:
    return sorted(server.runtime_directory.glob("wf_jupyter-*.json"))


def run(server: JupyterProcess, announcement: Path, code: str = RUN) -> subprocess.CompletedProcess[str]:
    environment = {**server.environment, "WF_JUPYTER_CONNECTION_FILE": str(announcement)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=server.root)


def certified(directory: Path, days: int = 2) -> Sequence[str]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    key, certificate, asked = (directory / name for name in ("key.pem", "certificate.pem", "request.pem"))
    make: list[str | Path] = [
        "openssl",
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=public.example",
        "-keyout",
        key,
    ]
    subprocess.run([*make, "-out", asked], check=True, capture_output=True)
    sign: list[str | Path] = [
        "openssl",
        "x509",
        "-req",
        "-in",
        asked,
        "-signkey",
        key,
        "-days",
        str(days),
        "-out",
        certificate,
    ]
    subprocess.run(sign, check=True, capture_output=True)
    return f"--ServerApp.certfile={certificate}", f"--ServerApp.keyfile={key}"


@pytest.mark.place("every interface, IPv6 (`::`)", "kernel")
@pytest.mark.place("TLS with a certificate of another name", "kernel")
@pytest.mark.place("a unix socket (`--sock`)", "kernel")
@pytest.mark.place("a prefix with a blank", "kernel")
@pytest.mark.parametrize("kind", ["every IPv6 interface", "another name's certificate", "a unix socket", "a prefix"])
def test_a_process_finds_the_server_that_announced_itself(kind: str, tmp_path: Path) -> None:
    options: Sequence[str]
    match kind:
        case "every IPv6 interface":
            if not socket.has_ipv6:
                pytest.skip("there is no IPv6 here")
            options = ["--ServerApp.ip=::"]
        case "another name's certificate":
            options = certified(tmp_path)
        case "a unix socket":
            options = [f"--ServerApp.sock={tmp_path / 'own.sock'}"]
        case _:
            options = ["--ServerApp.base_url=/hub/user/Ada%20L/"]
    with started(tmp_path / "jupyter", *options) as server:
        done = run(server, announcements(server)[0])
        assert (done.stdout.split(), done.stderr) == (["2", "server"], "")


@pytest.mark.parametrize(
    "kind",
    [
        "an expired certificate",
        *(
            pytest.param(kind, marks=pytest.mark.long)
            for kind in (
                "a free port of its choice",
                "every interface",
                "no token",
                "a prefix beyond ASCII",
                "an origin and names of its own",
            )
        ),
    ],
)
def test_unusual_settings_are_nothing_to_a_kernel(kind: str, tmp_path: Path) -> None:
    options: Sequence[str]
    match kind:
        case "an expired certificate":
            options = certified(tmp_path, days=-1)
        case "a free port of its choice":
            options = ["--ServerApp.port=0"]
        case "every interface":
            options = ["--ServerApp.ip=0.0.0.0"]
        case "no token":
            options = ["--IdentityProvider.token="]
        case "a prefix beyond ASCII":
            options = ["--ServerApp.base_url=/h%C3%BCb/Ada%20L/"]
        case _:
            options = ["--ServerApp.allow_origin=https://else.example", "--ServerApp.local_hostnames=['else.example']"]
    with started(tmp_path / "jupyter", *options) as server:
        # Spawners may start kernels with hardly any environment.
        server.environment.pop("PATH", None)
        done = run(server, announcements(server)[0])
        assert (done.stdout.split(), done.stderr) == (["2", "server"], "")


@pytest.mark.long
def test_two_servers_of_one_home_are_told_apart(tmp_path: Path) -> None:
    with started(tmp_path / "jupyter") as first:
        (one,) = announcements(first)
        with started(tmp_path / "jupyter") as second:
            until(lambda: len(announcements(second)) == 2, "the second did not announce itself", 60)
            (two,) = set(announcements(second)) - {one}
            code = "import wf_jupyter as wf; print(wf.connection().url)"
            told = [run(first, each, code).stdout.strip() for each in (one, two)]
        assert told == [first.url, second.url]


def test_a_connection_file_that_is_of_no_use_gives_one_line_with_the_reason(tmp_path: Path) -> None:
    with started(tmp_path / "jupyter") as server:
        (announcement,) = announcements(server)
        content = announcement.read_bytes()
    # The server is gone; what its kernel was told is not.
    for left in (content, content[:40], None):
        announcement.unlink(missing_ok=True)
        if left is not None:
            announcement.write_bytes(left)
        done = run(server, announcement)
        assert done.stdout.split() == ["2", "embedded"]
        assert done.stderr.count("\n") == 1
        assert "end with it" in done.stderr


def test_only_the_user_can_reach_the_socket_and_it_goes_with_the_server(tmp_path: Path) -> None:
    with started(tmp_path / "jupyter") as server:
        sock = Path(json.loads(announcements(server)[0].read_text())["sock"])
        assert stat.S_IMODE(sock.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(sock.stat().st_mode) == 0o600
        server.stop()
        assert not sock.parent.exists()


def test_what_a_killed_server_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    with started(tmp_path / "jupyter") as server:
        left = announcements(server)[0]
        sock = Path(json.loads(left.read_text())["sock"])
        server.kill()
        assert sock.exists()
        server.start()
        until(lambda: not left.exists() and not sock.parent.exists(), "the dead server's files stay")


def test_where_the_announced_server_cannot_be_used_one_line_says_so_and_why(tmp_path: Path) -> None:
    with started(tmp_path / "jupyter") as server:
        announcement = announcements(server)[0]
        content = json.loads(announcement.read_text())
        server.stop()
        later = tmp_path / "later.json"
        later.write_text(json.dumps({**content, "protocol": 99}))
        done = run(server, later, RUN + "wf.connect(); print(flow.submit(x=1).result(timeout=60))")
        assert done.stdout.split() == ["2", "embedded", "2"]
        assert done.stderr.count("\n") == 1
        assert "end with it" in done.stderr
        assert "version 99" in done.stderr


PACKAGE = Path(wf.__file__).parent
NUMBER = ("PROTOCOL = 1", "PROTOCOL = 2")


@pytest.mark.parametrize(
    ("changed", "expected", "told"),
    [
        ([], ["2", "server"], ""),
        (["client/discovery.py", "protocol/messages.py"], ["2", "embedded"], "install the same version"),
        (["executors/wire/messages.py"], [], "install the same version"),
    ],
    ids=["the same protocol", "another protocol", "another protocol of workers"],
)
def test_a_kernel_with_another_version_runs_things_right_or_says_what_to_do(
    changed: list[str], expected: list[str], told: str, tmp_path: Path, server: JupyterProcess
) -> None:
    other = tmp_path / "wf_jupyter"
    shutil.copytree(PACKAGE, other, ignore=shutil.ignore_patterns("frontend", "static", "__pycache__"))
    for name in ("version.py", *changed):
        text = (other / name).read_text()
        number = NUMBER if name in changed else (wf.__version__, "9.9.9")
        assert number[0] in text
        (other / name).write_text(text.replace(*number))
    environment = {
        **server.environment,
        "PYTHONPATH": str(tmp_path),
        "WF_JUPYTER_CONNECTION_FILE": str(announcements(server)[0]),
    }
    command = [sys.executable, "-c", f"{RUN}assert wf.__version__ == '9.9.9'"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.stdout.split() == expected, done.stderr
    assert told in done.stderr
    assert bool(expected) == (done.returncode == 0)


def test_a_server_that_was_named_is_insisted_on(monkeypatch: pytest.MonkeyPatch, server: JupyterProcess) -> None:
    for url, token, told in (
        (f"http://127.0.0.1:{free_port()}/", "x", "did not answer"),
        (server.url, "wrong", "does not accept these credentials"),
        (f"{server.url}user/typo/", server.token, "does not have wf_jupyter"),
    ):
        monkeypatch.setenv("WF_JUPYTER_URL", url)
        monkeypatch.setenv("WF_JUPYTER_TOKEN", token)
        session.close()
        with pytest.raises(wf.ServerUnavailable, match=told):
            wf.connection()


def test_the_connection_tells_where_things_run(on_server: JupyterProcess) -> None:
    found = wf.connection()
    assert (found.place, found.url, found.version) == ("server", on_server.url, wf.__version__)
    wf.connect(mode="embedded")
    assert (wf.connection().place, wf.connection().url) == ("embedded", "")
    assert repr(wf.connection()) == "ConnectionInfo(place='embedded')"
