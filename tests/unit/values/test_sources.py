from __future__ import annotations

import dataclasses
import functools
import linecache
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from wf_jupyter.values import sources
from wf_jupyter.values.codec import decode, encode_bytes

CELL = """import functools
from dataclasses import dataclass

def helper():
    return [1 / n for n in (1, 0)]     # helper's line

def wrapping(function):
    @functools.wraps(function)
    def wrapper():
        return function()              # wrapper's line
    return wrapper

@wrapping
def task():
    def inner():
        return helper()                # inner's line
    return (lambda: inner())()         # lambda's line

@dataclass
class Box:
    size: int = 0
    def divide(self):
        return 1 / self.size           # method's line

unused = 1
"""


@pytest.fixture(autouse=True)
def names() -> Iterator[None]:
    """Forgets what the test made known."""
    before = dict(linecache.cache)
    yield
    linecache.cache.clear()
    linecache.cache.update(before)
    sources._installed.clear()
    sources._labels.clear()
    sources._partial.clear()


def run(text: str, name: str, *, known: bool = True) -> dict[str, Any]:
    """The names that a cell defines."""
    if known:
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), scope)
    return scope


def sent(value: object, *names: str) -> Any:
    """The value as a process gets it that knows nothing of the texts behind `names`."""
    data = encode_bytes(value)
    for name in names:
        linecache.cache.pop(name, None)
    return decode(data)


def lines_of(code: CodeType) -> Iterator[str]:
    """The first line of the code object, and of all that it holds."""
    yield linecache.getline(code.co_filename, code.co_firstlineno)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from lines_of(constant)


@pytest.mark.parametrize("name", ["/tmp/ipykernel_1/22.py", "<ipython-input-7-ab>", "<cell 5>"])
def test_all_code_of_a_cell_keeps_its_name_and_its_lines(name: str) -> None:
    scope = run(CELL, name)
    task, box = sent((scope["task"], scope["Box"]), name)
    codes = [task.__code__, task.__wrapped__.__code__, task.__wrapped__.__globals__["helper"].__code__]
    assert {code.co_filename for code in [*codes, box.divide.__code__]} == {name}
    shown, text = linecache.getlines(name), CELL.splitlines(keepends=True)
    # Those of the functions that were sent, where they stood.
    assert [line for line in shown if line.strip()] == [*text[3:5], *text[7:10], *text[12:17], *text[21:23]]
    assert all(line in ("\n", own) for line, own in zip(shown, text, strict=False))
    assert box.divide.__code__.co_firstlineno == 22
    assert list(lines_of(task.__wrapped__.__code__)) == [
        "@wrapping\n",
        "    def inner():\n",
        "    return (lambda: inner())()         # lambda's line\n",
    ]


def test_functions_among_arguments_and_in_results_keep_their_lines() -> None:
    scope = run(CELL, "<cell 5>")
    given = sent({"a": [functools.partial(scope["helper"])], "b": scope["Box"](0)}, "<cell 5>")
    with pytest.raises(ZeroDivisionError) as caught:
        given["b"].divide()
    assert "method's line" in str(caught.traceback[-1].statement)
    assert "helper's line" in linecache.getline(given["a"][0].func.__code__.co_filename, 5)


def test_texts_of_two_cells_with_one_name_are_both_shown() -> None:
    old = run("def f():\n    return 'old'\n", "<cell 5>")["f"]
    data = encode_bytes(old)
    new = sent(run("def f():\n    return 'new'\n", "<cell 5>")["f"], "<cell 5>")
    first: Any = decode(data)
    assert linecache.getline(new.__code__.co_filename, 2) == "    return 'new'\n"
    assert linecache.getline(first.__code__.co_filename, 2) == "    return 'old'\n"
    assert first.__code__.co_filename.startswith("<") and first.__code__.co_filename.endswith(">")
    assert sources.label_of(first.__code__.co_filename) == "<cell 5>"


@pytest.mark.parametrize("is_file", [True, False], ids=["file", "cell"])
def test_nothing_of_the_text_travels_but_the_functions(tmp_path: Path, is_file: bool) -> None:
    text = """PASSWORD = "secret-1"
def f():
    def inner():
        return "mine"
    return inner
connect("secret-2") if False else None
class Box:
    "secret-3 is in the docstring, which is a value of the class"
    def get(self):
        return 1
    # secret-4
def g(): return [f, Box]
"""
    path = tmp_path / "script.py"
    path.write_text(text)
    scope = run(text, str(path), known=not is_file)
    for value in (scope["f"], scope["f"](), scope["g"], scope["g"].__code__):
        data = encode_bytes(value)
        assert {secret for secret in (b"secret-1", b"secret-2", b"secret-4") if secret in data} == set()
        # A process that got it, or made it, and sends it on, sends no more.
        again = encode_bytes(decode(data))
        assert {secret for secret in (b"secret-1", b"secret-2", b"secret-4") if secret in again} == set()


def test_lines_of_one_cell_that_come_one_by_one_are_shown_under_one_name() -> None:
    scope = run(CELL, "<cell 5>")
    late, early = encode_bytes(scope["task"]), encode_bytes(scope["helper"])
    del linecache.cache["<cell 5>"]
    functions: list[Any] = [decode(data) for data in (late, early, late)]
    names = {function.__code__.co_filename for function in functions}
    assert names == {"<cell 5>"}
    assert "helper's line" in linecache.getline("<cell 5>", 5) and "inner's line" in linecache.getline("<cell 5>", 16)


def test_of_a_huge_cell_the_lines_of_the_function_travel() -> None:
    text = "# padding\n" * 30_000 + "def f(\n    a=1,\n):\n    return [\n        1 / 0,\n    ]\n"
    f = run(text, "<cell 5>")["f"]
    assert len(encode_bytes(f)) < 2_000
    found = sent(f, "<cell 5>")
    assert linecache.getline(found.__code__.co_filename, 30_005) == "        1 / 0,\n"


def test_code_of_a_file_shows_the_lines_that_it_was_made_of(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text("\n\ndef f():\n    return 'as submitted'\n")
    data = encode_bytes(run(path.read_text(), str(path), known=False)["f"])
    path.write_text("\n\n\n\n# edited\n")
    linecache.checkcache(str(path))
    found: Any = decode(data)
    assert linecache.getline(found.__code__.co_filename, 4) == "    return 'as submitted'\n"
    assert sources.label_of(found.__code__.co_filename) == str(path)
    path.unlink()
    linecache.checkcache()
    assert linecache.getline(found.__code__.co_filename, 4) == "    return 'as submitted'\n"


def test_code_without_a_text_keeps_its_name() -> None:
    found = sent(run("def f():\n    return 1\n", "<no text>", known=False)["f"])
    assert found.__code__.co_filename == "<no text>"
    assert found() == 1


def test_what_was_given_with_c_is_shown() -> None:
    text = """
import linecache
from wf_jupyter.values.codec import decode, encode_bytes
def f():
    return 1  # the line
def other(): pass
data = encode_bytes((f, eval('lambda: 2')))
linecache.cache.clear()
given, strange = decode(data)
print(linecache.getline(given.__code__.co_filename, 5).strip(), strange())
"""
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout
    assert told == "return 1  # the line 2\n"


def test_a_warning_shows_the_line() -> None:
    name = "/tmp/ipykernel_1/23.py"
    f = sent(run("import warnings\ndef f():\n    warnings.warn('odd')  # here\n", name)["f"], name)
    with pytest.warns(UserWarning, match="odd") as caught:
        f()
    told = warnings.formatwarning(UserWarning("odd"), UserWarning, caught[0].filename, caught[0].lineno)
    assert told == f"{name}:3: UserWarning: odd\n  warnings.warn('odd')  # here\n"


def test_a_class_defined_by_a_decorator_keeps_the_names_of_its_methods() -> None:
    # The methods that `dataclass` makes have a name of their own, and no text.
    box = sent(dataclasses.make_dataclass("Box", ["a"]))
    assert box(1) == box(1)
