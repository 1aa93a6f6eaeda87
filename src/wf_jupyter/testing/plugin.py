"""Fixtures for tests of people's own workflows: `pytest_plugins = ["wf_jupyter.testing.plugin"]` in a conftest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

if TYPE_CHECKING:
    from wf_jupyter.client.execution import Execution
    from wf_jupyter.dsl.workflow import BoundWorkflow
    from wf_jupyter.model.policy import ExecutionOptions


@pytest.fixture
def inline_workflows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run every workflow of the test in the test's own thread, task after task, on a data directory of its own.

    Breakpoints, coverage and monkeypatches work inside tasks. Gives the data directory; what was run is
    gone with the test. Workflows that name another executor than the local one keep it.
    """
    from wf_jupyter.client import api, session

    submit = api.submit

    def submit_inline(bound: BoundWorkflow[Any], options: ExecutionOptions) -> Execution[Any]:
        if options.executor == "local":
            options = msgspec.structs.replace(options, executor="inline")
        return submit(bound, options)

    folder = tmp_path / "wf_jupyter"
    monkeypatch.setenv("WF_JUPYTER_MODE", "embedded")
    monkeypatch.setenv("WF_JUPYTER_DATA_DIR", str(folder))
    monkeypatch.setattr(api, "submit", submit_inline)
    session.close()
    yield folder
    session.close()
