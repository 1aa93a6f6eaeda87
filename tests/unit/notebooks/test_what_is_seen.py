"""What a cell's text tells, and what a look at values and libraries sees: without any kernel."""

from __future__ import annotations

import array
import io
import json
import math
import os
import subprocess
import types
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wf_jupyter.errors import InputError
from wf_jupyter.notebooks import arrays, looks, trunk
from wf_jupyter.notebooks.exchange import LOCK
from wf_jupyter.notebooks.libraries import Members, calls_in_code, changes_by
from wf_jupyter.notebooks.looks import look_at
from wf_jupyter.notebooks.reach import reaches
from wf_jupyter.notebooks.rules import rules_of
from wf_jupyter.notebooks.source import Cell, read_book


def rules(source: str) -> Any:
    return rules_of(Cell(1, 0, source, "", ""))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("print([c.__name__ for c in Base.__subclasses__()])", "__subclasses__"),
        ("import weakref\nr = weakref.ref(o)", "weakref"),
        ("from weakref import ref", "weakref"),
        ("class C:\n    def __del__(self): print('gone')", "__del__"),
        ("import os\nfd = os.open('x', os.O_RDONLY)", "os.open"),
        ("import os\nr, w = os.pipe()", "os.pipe"),
        ("import asyncio\nt = asyncio.create_task(f())", "create_task"),
        ("print(sorted(__annotations__))", "__annotations__"),
        ("import sys\nprint(sys.last_value)", "last_value"),
        ("import signal\nsignal.signal(signal.SIGUSR1, f)", "signal"),
    ],
)
def test_what_cannot_be_followed_is_in_order(source: str, why: str) -> None:
    assert why in rules(source).in_order


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import secrets\nx = secrets.choice([1])", "nothing seeds"),
        ("import shelve\ns = shelve.open('x')", "not seen"),
        ("%prun f()", "how long"),
    ],
)
def test_what_differs_each_time_runs_each_time(source: str, why: str) -> None:
    assert why in rules(source).never


@pytest.mark.parametrize(
    "source",
    [
        "import calendar\ncalendar.setfirstweekday(6)",
        "import csv\ncsv.register_dialect('mine', delimiter=';')",
        "import mimetypes\nmimetypes.add_type('a/b', '.x')",
        "import socket\nsocket.setdefaulttimeout(5)",
        "import copyreg\ncopyreg.pickle(int, str)",
        "import matplotlib\nmatplotlib.colormaps.register(c)",
        "from mimetypes import add_type\nadd_type('a/b', '.x')",
    ],
)
def test_calls_that_change_a_library_are_known_by_their_names_in_cells_and_in_functions(source: str) -> None:
    names: dict[str, Any] = {}
    imports, _, call = source.partition("\n")
    exec(imports, names)
    assert [*changes_by(rules(source).calls, names)]
    exec(f"def f():\n    {call}", names)
    assert [*changes_by(calls_in_code(names["f"].__code__), names)]


def test_calls_of_the_users_own_objects_and_those_that_only_sound_so_change_no_library() -> None:
    names = {"np": np, "acc": [], "ax": types.SimpleNamespace(), "math": math}
    texts = "acc.append(1); ax.set_title('x'); np.setdiff1d(a, b); np.append(a, 1); math.floor(1)"
    assert [*changes_by(rules(texts).calls, names)] == []


def test_a_function_that_was_replaced_and_a_method_that_was_added_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    import fractions

    names = {"math": math, "F": fractions.Fraction}
    members = Members()
    assert members.find_changed(names) == []
    assert members.find_changed(names) == []
    monkeypatch.setattr(math, "floor", math.ceil)
    monkeypatch.setattr(fractions.Fraction, "shown", lambda self: 1, raising=False)
    assert sorted(members.find_changed(names)) == ["Fraction.shown", "math.floor"]
    monkeypatch.setattr(fractions.Fraction, "level", 1, raising=False)
    monkeypatch.setattr(math, "level", 1, raising=False)
    assert sorted(members.find_changed(names)) == ["Fraction.level", "math.level"]


def test_changes_that_leave_no_trace_in_an_object_itself_are_seen() -> None:
    from abc import ABC

    class Base(ABC):
        pass

    Base.__module__ = "__main__"
    names: dict[str, Any] = {"Base": Base, "a": np.zeros(1, dtype=[("x", "i4")])}
    names["i"] = pd.date_range("2020", periods=3)
    before = {name: look_at(value, names).digest for name, value in names.items()}
    Base.register(int)
    names["a"].dtype.names = ("z",)
    names["i"].freq = None
    assert all(look_at(value, names).digest != before[name] for name, value in names.items())


def test_the_state_of_a_module_of_the_users_belongs_to_its_functions_and_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_state.py").write_text(
        "import datetime\nseen = []\ndef add(v):\n    seen.append(v)\ndef get():\n    return seen[-1:]\n"
        "class Store:\n    kept = []\n    def put(self):\n        self.kept.append(datetime.datetime.now())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import own_state  # type: ignore[import-not-found]

    names = {"get": own_state.get, "own_state": own_state, "Store": own_state.Store}
    before = {name: look_at(value, names) for name, value in names.items()}
    own_state.add(1)
    after = {name: look_at(value, names) for name, value in names.items()}
    assert all(before[name].digest != after[name].digest for name in names)
    assert before["get"].marks & before["own_state"].marks & before["Store"].marks
    assert "now" in before["Store"].names


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"cells": [1], "nbformat": 4}, "its cell 1 has no cell_type"),
        ({"cells": [{"source": "x"}], "nbformat": 4}, "its cell 1 has no cell_type"),
        ({"cells": [{"cell_type": "code", "source": 5}], "nbformat": 4}, "a source that is no text"),
        ({"cells": [{"cell_type": "code", "source": "x", "metadata": {"tags": "a"}}], "nbformat": 4}, "tags"),
        ({"cells": [], "nbformat": 4, "metadata": {"language_info": {"name": "R"}}}, "is in R"),
        ({"cells": [], "nbformat": 3}, "nbformat 3"),
        ([1], "it has no cells"),
    ],
)
def test_a_file_that_is_no_notebook_in_python_is_refused_with_the_reason(
    content: Any, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "book.ipynb"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=why):
        read_book(path)


def test_a_trunk_whose_owner_went_before_it_was_up_is_not_needed(tmp_path: Path) -> None:
    owner = subprocess.Popen(["true"])
    owner.wait()
    (tmp_path / LOCK).touch()
    assert not trunk._Watch(tmp_path, owner.pid)._is_needed()
    assert trunk._Watch(tmp_path, os.getpid())._is_needed()


def test_metadata_that_is_missing_or_null_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "book.ipynb"
    path.write_text(
        json.dumps(
            {"cells": [{"cell_type": "code", "source": ["x = 1"], "metadata": None}], "nbformat": 4, "metadata": None}
        )
    )
    assert [cell.source for cell in read_book(path).cells] == ["x = 1"]


_CHANGED = {
    "a slot with a mangled name": """
class A:
    __slots__ = ("__n",)
    def put(self, n): self.__n = n
value = A(); value.put(0)
def change(): value.put(1)
""",
    "the order of an OrderedDict": """
from collections import OrderedDict
value = OrderedDict(a=1, b=2)
def change(): value.move_to_end("a")
""",
    "what a class of the user's calls a cache": """
class A:
    def __init__(self): self._cache = {}
value = A()
def change(): value._cache[1] = 2
""",
    "a cached property of a class of the user's": """
import functools
class A:
    @functools.cached_property
    def x(self): return 1
value = A()
def change(): value.x
""",
    "a member of an enumeration": """
import enum
class E(enum.Enum): A = 1
value = E.A
def change(): value.note = 1
""",
    "a class, by its metaclass": """
class M(type): made = 0
class value(metaclass=M): pass
def change(): M.made += 1
""",
    "a class attribute of a list's class": """
class L(list): n = 0
value = L()
def change(): L.n += 1
""",
    "an attribute of a set's class": """
class S(set): pass
value = S()
def change(): value.more = 1
""",
    "what a handler keeps": """
import logging
value = logging.Handler(); value.records = []
def change(): value.records.append(1)
""",
    "a function's text for readers": """
def value(): "one"
def change(): value.__doc__ = "two"
""",
    "a text buffer": """
import io
value = io.StringIO()
def change(): value.write("a")
""",
    "a module that was made by hand": """
import types
value = types.ModuleType("m")
def change(): value.x = 1
""",
    "a module of the user's, however much it holds": """
import types
value = types.ModuleType("m"); value.a = [[n] for n in range(5_000)]; value.n = 0
def change(): value.n += 1
""",
}


def _executed(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(text, names)
    return names


@pytest.mark.parametrize("name", _CHANGED)
def test_a_change_is_seen_of(name: str) -> None:
    names = _executed(_CHANGED[name])
    before = look_at(names["value"], names)
    names["change"]()
    assert look_at(names["value"], names).digest != before.digest
    assert not before.is_opaque


@pytest.mark.parametrize(
    "text",
    [
        "class D(dict):\n    def __missing__(self, key): return K\nvalue = D()",
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def f(self): return K\nvalue = E.A",
        "import numpy as np\nvalue = np.frompyfunc(lambda x: x * K, 1, 1)",
        "class M(type):\n    def __call__(self): return K\nclass value(metaclass=M): pass",
    ],
)
def test_the_names_that_a_value_looks_up_are_those_of_its_class_and_its_function_too(text: str) -> None:
    names = _executed(text)
    assert "K" in look_at(names["value"], names).uses


def test_views_of_the_same_memory_share_it_however_they_were_made() -> None:
    numbers, raw = np.arange(6), bytearray(8)
    strided = np.lib.stride_tricks.as_strided(numbers, (2,), (8,))
    assert look_at(numbers, {}).marks & look_at(strided, {}).marks
    assert look_at(raw, {}).marks & look_at(np.frombuffer(raw, np.uint8), {}).marks


@pytest.mark.parametrize(
    "made",
    [
        lambda a: a.flat,
        np.ndenumerate,
        lambda a: np.nditer(a, op_flags=["readwrite"]),
        lambda a: np.broadcast(a, 1),
        lambda a: memoryview(a[3:]),
        lambda a: memoryview(a).cast("B"),
        lambda a: a.ctypes,
        np.from_dlpack,
        lambda a: np.ma.array(a, copy=False),
        lambda a: np.frombuffer(memoryview(a)),
    ],
)
def test_what_goes_through_an_array_or_lends_its_memory_shares_it(made: Any) -> None:
    numbers = np.zeros(10)
    assert look_at(made(numbers), {}).marks & look_at(numbers, {}).marks


def test_what_lends_memory_of_other_kinds_shares_it() -> None:
    raw, numbers = io.BytesIO(b"0" * 9), array.array("d", [0.0])
    assert look_at(np.frombuffer(raw.getbuffer(), np.uint8), {}).marks & look_at(raw, {}).marks
    assert look_at(np.asarray(numbers), {}).marks & look_at(numbers, {}).marks
    masked = np.ma.array([1.0, 2.0], mask=False)
    assert look_at(masked.mask, {}).marks & look_at(masked, {}).marks


def test_an_image_says_that_it_shows_an_array_but_not_which() -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = np.zeros((4, 4), np.uint8)
    assert look_at(image.fromarray(pixels), {}).is_borrowing
    assert not look_at(image.new("L", (4, 4)), {}).is_borrowing


def test_a_large_array_is_looked_at_piece_by_piece_and_a_very_long_list_not_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = np.arange(60.0).reshape(5, 3, 4)
    monkeypatch.setattr(arrays, "_PIECE", 64)
    for seen in (numbers.T, numbers[:, ::2], numbers.transpose(1, 0, 2), numbers[::2, 1:, ::3]):
        before = look_at(seen, {}).digest
        seen[-1, -1, -1] += 1
        assert look_at(seen, {}).digest != before
    monkeypatch.setattr(looks, "ITEMS", 100)
    assert not look_at(list(range(100)), {}).is_vague
    assert look_at(list(range(101)), {}).is_vague
    assert look_at([list(range(60)), list(range(60))], {}).is_vague


def test_a_long_text_is_told_from_another() -> None:
    long = "é" * (1 << 21)
    assert look_at(long, {}).digest != look_at(long[:-1] + "e", {}).digest
    assert look_at([long, "a"], {}).digest == look_at([long, "a"], {}).digest


def test_what_hangs_on_a_value_too_large_for_a_look_is_found() -> None:
    large = [[n] for n in range(30_000)]
    assert look_at(large, {}).is_vague
    assert reaches(large, frozenset([id(large[-1])]), {})
    assert not reaches(large, frozenset([id([])]), {})
    column = pd.DataFrame({"a": [[n] for n in range(30_000)]})
    assert reaches(column, frozenset([id(column["a"][29_999])]), {})


def test_a_value_that_is_equal_to_nothing_is_never_loaded_from_a_file() -> None:
    assert look_at([1.5], {}).is_plain
    assert not look_at([math.nan], {}).is_plain


def test_constants_and_tables_of_libraries_are_seen_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    import html.entities
    import string

    members = Members()
    names = {"string": string, "html": html}
    members.find_changed(names)
    monkeypatch.setattr(string, "digits", "x")
    assert members.find_changed(names) == ["string.digits"]
    monkeypatch.setitem(html.entities.name2codepoint, "hz", 1)
    assert members.find_changed(names) == ["html.entities.name2codepoint"]
    assert members.find_changed(names) == []
