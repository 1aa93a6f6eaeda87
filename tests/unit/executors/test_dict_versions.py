"""Whether a dict was changed, told without a look at what it holds."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from wf_jupyter.executors.worker.isolation.dict_versions import ARE_COUNTED, DictVersions
from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.executors.worker.isolation.process_state import ProcessState, names_aspect

counted = pytest.mark.skipif(not ARE_COUNTED, reason="this Python keeps no versions of dicts")


def test_the_pythons_that_keep_versions_are_known() -> None:
    assert ARE_COUNTED == (sys.version_info < (3, 14))


@counted
def test_every_change_is_seen_and_no_look_is_one() -> None:
    module = types.ModuleType("m")
    exec("count = 0\ndef step():\n    global count\n    count += 1\n", vars(module))
    versions = DictVersions([vars(module)])
    changes: list[Callable[[], Any]] = [
        lambda: setattr(module, "a", 1),
        lambda: setattr(module, "a", 2),
        lambda: delattr(module, "a"),
        lambda: vars(module).update(b=1),
        lambda: vars(module).pop("b"),
        *[module.step] * 100,  # often enough to run specialized instructions
    ]
    for change in changes:
        before = versions.read()
        assert (module.count, list(vars(module)), len(vars(module))) and versions.read() == before
        change()
        assert versions.read() != before


@counted
def test_changes_of_classes_are_seen() -> None:
    class Settings:
        level = 1

    import gc

    versions = DictVersions(gc.get_referents(vars(Settings)))
    for value in range(100):
        before = versions.read()
        Settings.level = value + 2
        assert versions.read() != before


@pytest.mark.parametrize("name", ["changed", "added", "deleted"])
def test_names_of_a_module_are_put_back_each_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("patched")
    module.changed = module.deleted = 1
    monkeypatch.setitem(sys.modules, "patched", module)
    state = ProcessState([names_aspect("patched")], ImportWatch())
    state.remember()
    for _ in range(3):
        if name == "deleted":
            del module.deleted
        else:
            setattr(module, name, 2)
        assert state.restore() == []
        assert (module.changed, module.deleted, hasattr(module, "added")) == (1, 1, False)
        assert state.restore() == []
