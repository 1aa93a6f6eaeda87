from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from wf_jupyter.values.fingerprint import Keys, Unknown


def fingerprint(function):
    return Keys().of(function).digest


def defined(source: str, name: str = "f", **more):
    """A function as a notebook cell would define it."""
    space = {"__name__": "__main__", **more}
    exec(compile(source, "<cell>", "exec"), space)
    return space[name]


BASE = "def g(x):\n    return x + 1\n\ndef f(x, y=1):\n    return g(x) * y + K\n"


def test_the_same_code_elsewhere_has_the_same_fingerprint() -> None:
    assert fingerprint(defined(BASE, K=1)) == fingerprint(defined("\n\n# moved down\n" + BASE, K=1))


@pytest.mark.parametrize(
    ("source", "constant"),
    [
        (BASE.replace("* y", "- y"), 1),
        (BASE.replace("y=1", "y=2"), 1),
        (BASE.replace("x + 1", "x + 2"), 1),
        (BASE, 2),
        (BASE, [1]),
    ],
    ids=["body", "default", "a function it calls", "a global", "a global's type"],
)
def test_a_change_of_anything_it_uses_changes_the_fingerprint(source: str, constant: object) -> None:
    assert fingerprint(defined(source, K=constant)) != fingerprint(defined(BASE, K=1))


def test_a_changed_closure_changes_the_fingerprint() -> None:
    def make(n):
        def inner(x):
            return x * n

        return inner

    assert fingerprint(make(1)) == fingerprint(make(1))
    assert fingerprint(make(1)) != fingerprint(make(2))


def test_a_changed_helper_module_changes_the_fingerprint(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    inner, outer = tmp_path / "wf_inner_helper.py", tmp_path / "wf_outer_helper.py"
    inner.write_text("A = 1\n")
    outer.write_text("import wf_inner_helper\ndef help(x):\n    return wf_inner_helper.A * x\n")
    source = "import wf_outer_helper\ndef f(x):\n    return wf_outer_helper.help(x)\n"
    first = fingerprint(defined(source))
    assert fingerprint(defined(source)) == first
    inner.write_text("A = 2\n")
    importlib.invalidate_caches()
    assert fingerprint(defined(source)) != first


def test_it_is_the_same_in_another_process_with_another_hash_seed() -> None:
    code = (
        "from wf_jupyter.values.fingerprint import Keys\n"
        "import json\n"
        "def f(x):\n    return json.dumps(x) if x in {'a', 'b', 'c'} else [n for n in range(x)]\n"
        "print(Keys().of(f).digest)\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**__import__("os").environ, "PYTHONHASHSEED": seed},
            text=True,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(seen) == 1 and seen != {"None\n"}


def test_what_cannot_be_compared_has_no_fingerprint() -> None:
    import threading

    with pytest.raises(Unknown, match="global 'LOCK' of 'f'.*lock"):
        fingerprint(defined("def f(x):\n    return LOCK\n", LOCK=threading.Lock()))


def test_recursion_ends() -> None:
    assert fingerprint(defined("def f(x):\n    return f(x - 1) if x else 0\n"))
