"""What a process knows of the code that it has loaded."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wf_jupyter.executors.worker.attempt.stale_modules import StaleModules, now
from wf_jupyter.model.graph import Coverage
from wf_jupyter.values.fingerprint.modules import file_digest

NAME = "wf_fresh_helper"
LONG_AGO = 1_000_000_000


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield tmp_path / f"{NAME}.py"
    sys.modules.pop(NAME, None)


def write(path: Path, source: str, time: int = LONG_AGO) -> None:
    path.write_text(source)
    os.utime(path, (time, time))
    importlib.invalidate_caches()


def load(fresh: StaleModules, helper: Path, since: float) -> int:
    sys.modules.pop(NAME, None)
    loaded = importlib.import_module(NAME)
    fresh.note(since)
    return int(loaded.K)


def later(path: Path) -> float:
    """A moment at which an edit until now is past."""
    return path.stat().st_ctime_ns / 1e9 + 1


def test_a_module_that_is_the_file_of_the_key_differs_in_nothing(helper: Path) -> None:
    fresh = StaleModules()
    fresh.note(now())
    write(helper, "K = 1\n")
    began = now()
    assert load(fresh, helper, later(helper)) == 1
    assert fresh.differs_from(Coverage(modules={NAME: file_digest(str(helper))}), began) == ""
    assert "was edited" in fresh.differs_from(Coverage(modules={NAME: "another"}), began)
    assert "was loaded, which nothing" in fresh.differs_from(Coverage(), began)
    assert fresh.differs_from(Coverage(), now() + 1) == "", "an attempt that began later did not load it"
    assert "was loaded" in fresh.differs_from(Coverage(is_open=True), now() + 1), "but may use it by its name"


def test_a_file_that_was_edited_while_the_attempt_ran_is_not_known(helper: Path) -> None:
    fresh = StaleModules()
    fresh.note(now())
    began = now() - 1
    write(helper, "K = 1\n")
    load(fresh, helper, began)
    assert "was edited" in fresh.differs_from(Coverage(modules={NAME: file_digest(str(helper))}), began)


def test_byte_code_that_python_takes_for_current_is_not_taken_for_the_file(helper: Path) -> None:
    write(helper, "K = 1\n")
    assert load(StaleModules(), helper, later(helper)) == 1
    # The same second and the same size: Python does not compile it again.
    write(helper, "K = 2\n")
    fresh = StaleModules()
    fresh.note(now())
    began = now()
    assert load(fresh, helper, later(helper)) == 1
    assert "was edited" in fresh.differs_from(Coverage(modules={NAME: file_digest(str(helper))}), began)


def test_byte_code_older_than_a_copied_file_is_compared_with_it(helper: Path) -> None:
    write(helper, "K = 1\n")
    load(StaleModules(), helper, later(helper))
    write(helper, "K = 1\n")  # the same text, as after copying a folder with its caches
    del sys.modules[NAME]
    fresh = StaleModules()
    fresh.note(now())
    began = now()
    load(fresh, helper, later(helper))
    assert fresh.differs_from(Coverage(modules={NAME: file_digest(str(helper))}), began) == ""
