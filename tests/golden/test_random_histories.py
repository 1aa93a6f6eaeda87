"""The browser folds histories that nobody wrote down as Python does, event by event."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.golden.random_histories import history
from tests.golden.vectors import vector

ROOT = Path(__file__).resolve().parents[2]
HISTORIES = 300


def test_the_browser_has_the_same_picture_after_every_event_of_random_histories(tmp_path: Path) -> None:
    if not (ROOT / "src/wf_jupyter/frontend/node_modules/vitest").exists():
        pytest.skip("what the view is tested with is not installed here")
    scripts = [history(seed) for seed in range(HISTORIES)]
    # They go somewhere: everything that can be told is told.
    told = Counter(type(event).__name__ for script in scripts for event in script.events)
    assert len(told) >= 14, told
    path = tmp_path / "histories.json"
    path.write_bytes(b"[" + b",".join(map(vector, scripts)) + b"]")
    ran = subprocess.run(
        [sys.executable, ROOT / ".ci/npm.py", "test", "--", "tests/fold.test.ts", "-t", "random histories"],
        env={**os.environ, "WF_JUPYTER_HISTORIES": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    assert "1 passed" in ran.stdout, ran.stdout
