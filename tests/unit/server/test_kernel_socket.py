"""Where the socket for kernels lies when the first place does not take it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.netutil import bind_unix_socket
from tornado.web import Application

from wf_jupyter.server import kernel_socket
from wf_jupyter.server.kernel_socket import KernelSocket

SERVER: Any = SimpleNamespace(web_app=Application(), max_body_size=1, max_buffer_size=1)


def opened(directory: Path) -> str:
    """The path that is listened on while it is, removed afterwards."""

    async def play() -> str:
        sock = KernelSocket(directory)
        sock.open(SERVER)
        path = sock.path
        assert path == "" or Path(path).is_socket()
        sock.close()
        assert path == "" or not Path(path).parent.exists()
        return path

    return asyncio.run(play())


def test_it_lies_in_the_runtime_directory(tmp_path: Path) -> None:
    assert Path(opened(tmp_path)).parent.parent == tmp_path


def test_a_runtime_directory_with_a_long_path_or_without_sockets_or_that_is_none_is_left_for_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = Path(tempfile.gettempdir())
    long = tmp_path / ("x" * 100)
    long.mkdir()
    assert Path(opened(long)).parent.parent == temporary
    assert list(long.iterdir()) == []
    assert Path(opened(tmp_path / "absent")).parent.parent == temporary

    def refuse_here(path: str, mode: int) -> Any:
        if path.startswith(str(tmp_path)):
            raise PermissionError(1, "Operation not permitted")
        return bind(path, mode=mode)

    bind = bind_unix_socket
    monkeypatch.setattr(kernel_socket, "bind_unix_socket", refuse_here)
    assert Path(opened(tmp_path)).parent.parent == temporary
    assert [path for path in tmp_path.iterdir() if path != long] == []


def test_where_no_place_takes_it_there_is_none_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert opened(tmp_path / "absent") == ""
    assert "kernels use the server's address" in caplog.text
