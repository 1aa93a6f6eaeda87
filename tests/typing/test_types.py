"""Editors and type checkers understand what people write: inferred types, and errors where something is wrong."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_mypy_infers_the_types_and_refuses_what_is_wrong() -> None:
    # With the project's own settings: what `make check` knows of the package already is not found out again.
    options = ["--strict", "--no-error-summary"]
    files = [str(HERE / name) for name in ("inferred.py", "refused.py")]
    # An ignored error that is none any more is an error as well: --strict warns of unused ignores.
    told = subprocess.run([sys.executable, "-m", "mypy", *options, *files], cwd=ROOT, capture_output=True, text=True)
    assert (told.stdout, told.returncode) == ("", 0)


def test_pyright_infers_the_types_and_refuses_what_is_wrong() -> None:
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", "-p", str(HERE)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if not told.stdout.lstrip().startswith("{"):
        pytest.skip("pyright brings itself from the npm registry at its first run, which cannot be reached here")
    report = json.loads(told.stdout)
    found = [
        f"{Path(each['file']).name}:{each['range']['start']['line'] + 1}: {each['message']}"
        for each in report["generalDiagnostics"]
    ]
    assert found == []
    assert report["summary"]["filesAnalyzed"] >= 2
