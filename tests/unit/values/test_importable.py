from __future__ import annotations

import importlib.util
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from wf_jupyter.values.codec import encode_bytes
from wf_jupyter.values.importable import explain_module, strange_modules


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Loads a module by its path, under a name."""
    path = tmp_path / "libs" / "tools.py"
    path.parent.mkdir()
    path.write_text("def times(x): return 10 * x\nclass Box: pass\n")
    names = []

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        names.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in names:
        del sys.modules[name]


def told(value: object) -> str | None:
    return explain_module(encode_bytes(value), strange_modules())


def test_a_module_that_was_loaded_by_its_path_is_named_however_it_is_referred_to(load: Any) -> None:
    tools = load("wf_tools")
    times = tools.times
    for value in (lambda: tools.times(1), lambda: times(1), times, tools.Box, {"config": tools.Box()}, tools):
        text = told(value)
        assert text is not None and "module 'wf_tools', which was loaded from " in text
        assert "a worker finds no module of that name. Put its folder first on sys.path" in text


def test_it_is_found_when_its_folder_is_on_the_path(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = load("tools")
    monkeypatch.syspath_prepend(str(Path(tools.__file__).parent))
    assert told(tools.times) is None


def test_another_file_of_the_same_name_is_not_taken_for_it(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.modules["colorsys"] if "colorsys" in sys.modules else None
    module = load("colorsys")
    text = told(module.times)
    assert text is not None and "colorsys.py by that name" in text
    if before is not None:
        monkeypatch.setitem(sys.modules, "colorsys", before)


def test_a_module_without_a_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("wf_made")
    exec("def f(): pass", vars(module))
    monkeypatch.setitem(sys.modules, "wf_made", module)
    text = told(vars(module)["f"])
    assert text is not None and "'wf_made', which exists in this process only" in text


def test_a_module_that_is_sent_along_is_no_matter(load: Any) -> None:
    tools = load("wf_tools")
    cloudpickle.register_pickle_by_value(tools)
    try:
        assert told([tools.times, tools.Box()]) is None
    finally:
        cloudpickle.unregister_pickle_by_value(tools)


def test_text_that_reads_like_its_name_is_only_text(load: Any) -> None:
    load("wf_tools")
    assert told({"wf_tools": ["wf_tools"], "f": lambda: "wf_tools"}) is None


def test_installed_and_built_in_modules_are_no_matter() -> None:
    assert told([sys, lambda: subprocess.run, pytest.raises, lambda: importlib.util, Path]) is None
