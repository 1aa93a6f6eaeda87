"""A real Jupyter server for the whole session, and a client that forgets its connections between tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import wf_jupyter as wf
from tests.jupyter_process import JupyterProcess
from wf_jupyter.client import session


@pytest.fixture(autouse=True)
def fresh_client() -> Iterator[None]:
    session.close()
    yield
    session.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    running = JupyterProcess(tmp_path_factory.mktemp("jupyter")).start()
    yield running
    running.stop()


@pytest.fixture
def on_server(server: JupyterProcess) -> JupyterProcess:
    wf.connect(url=server.url, token=server.token)
    return server


@pytest.fixture(params=["embedded", "server"])
def place(request: pytest.FixtureRequest) -> str:
    """Everything that an execution promises holds wherever it runs."""
    if request.param == "embedded":
        wf.connect(mode="embedded")
    else:
        request.getfixturevalue("on_server")
    return str(request.param)
