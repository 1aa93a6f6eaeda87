"""What works in a notebook works in its tasks: one script with many cases, run once, and one check for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the cases gave, by name."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "notebook.py").write_text((Path(__file__).parent / "notebook.py").read_text())
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore::ResourceWarning", "notebook.py", "--given"],
        cwd=folder,
        env={**os.environ, "WF_JUPYTER_MODE": "embedded", "WF_JUPYTER_DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("caches", [832040, 31]),
        ("dispatch", ["int", "object", "int", "object", 5]),
        ("structs", ['{"type":"s","more":4,"firstName":"a","items":[]}', True, ["a", "a"], True]),
        ("classes", [True, True, False, 3, True, 4, 3, 2, 3, 5]),
        ("variables", [4, "by the notebook", 0, {"a": 1}, ["aa"], "P"]),
        ("pickling", [True, 9, 4]),
        ("forked_pools", [[1, 4], 2, 3]),
        ("spawned_pools", [[1, 4], 2, 3]),
        ("logs log", "INFO:etl:told\n"),
        ("file", "in the file\n"),
        ("filters", "raised"),
        ("arguments", [["--given"], 0, True]),
        ("options", [2, "<1.5>", 4.0]),
        ("different numbers", 4),
    ],
)
def test_it_is_in_a_task_as_in_the_notebook(told: dict[str, Any], name: str, wanted: object) -> None:
    assert told[name] == wanted


def test_warning_filters_of_the_notebook_hold(told: dict[str, Any]) -> None:
    assert "but this" in told["filters log"]
    assert "not this" not in told["filters log"]
