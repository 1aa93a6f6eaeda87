"""No test sees or changes the user's own Jupyter, and none finds a server that happens to run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests.examples import EFFORT

# Explaining failures needs sys.settrace, with which CPython 3.11 was seen to spin for ever when another
# thread asks for the interpreter lock at the wrong moment.
# And no deadlines: on a busy machine any example may take long. The suite tries the same examples each time,
# so that it fails for what was changed; `make slow` tries others.
settings.register_profile(
    "here",
    phases=[phase for phase in Phase if phase is not Phase.explain],
    deadline=None,
    derandomize=EFFORT != "many",
)
settings.load_profile("here")

DIRECTORIES = (
    "HOME",
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)
FOREIGN = (
    "COVERAGE_PROCESS_CONFIG",
    "WF_JUPYTER_CONNECTION_FILE",
    "WF_JUPYTER_MODE",
    "WF_JUPYTER_URL",
    "WF_JUPYTER_TOKEN",
    "JPY_PARENT_PID",
)
OURS = ("WF_JUPYTER_", "JUPYTER_", "JPY_")


@pytest.fixture(scope="session", autouse=True)
def isolated_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point every directory that Jupyter writes to at an empty one, before any other fixture starts a process."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        for name in DIRECTORIES:
            folder = home / name.lower()
            folder.mkdir()
            patch.setenv(name, str(folder))
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        patch.setenv("WF_JUPYTER_DATA_DIR", str(home / "data"))
        # Child processes must find the package also when it is not installed.
        source = str(Path(__file__).resolve().parents[1] / "src")
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])))
        yield


@pytest.fixture(autouse=True)
def isolated_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A data directory per test, and the variables back that a server extension sets for its kernels."""
    before = dict(os.environ)
    monkeypatch.setenv("WF_JUPYTER_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    yield
    for name in [name for name in os.environ if name.startswith(OURS) and name not in before]:
        del os.environ[name]
