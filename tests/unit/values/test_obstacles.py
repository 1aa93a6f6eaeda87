from __future__ import annotations

import functools
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wf_jupyter.values.codec import encode
from wf_jupyter.values.obstacles import explain_function, explain_value

guard = threading.Lock()
connection = sqlite3.connect(":memory:")


class Pool:
    def __init__(self) -> None:
        self.open = {"main": connection}


class Slotted:
    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = guard


class Refusing:
    def __reduce__(self) -> Any:
        raise RuntimeError("no device")


#: The names that the functions below use, as those of a notebook.
SCOPE: dict[str, Any] = {
    "__name__": "__main__",
    "guard": guard,
    "pool": Pool(),
    "slotted": Slotted(),
    "deep": [{"a": (1, Refusing())}],
    "numbers": (n for n in range(3)),
    "threads": ThreadPoolExecutor(1),
    "headers": connection,
}
CELL = """
import functools
def helper(): return guard.locked()
class Box:
    lock = guard
    def run(self): return self.lock
class Asking:
    @property
    def lock(self): return guard
box, asking = Box(), Asking()
def closing(value):
    def task(): return value, task
    return task
def wrapping(function):
    @functools.wraps(function)
    def wrapper():
        with guard: return function()
    return wrapper
def default(a, b=guard, *, c=1): pass
def keyword(a, *, c=guard): pass
"""
exec(CELL, SCOPE)


def task(text: str) -> Any:
    return eval(text, SCOPE)


def told(function: object) -> str:
    with pytest.raises(Exception) as caught:
        encode(function)
    return explain_function(function, "t", caught.value, encode)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("lambda: guard", "the global 'guard' that task 't' uses is a _thread.lock"),
        ("lambda: helper()", "the global 'guard' that helper() uses is a _thread.lock"),
        ("lambda: [x for x in [guard]]", "the global 'guard' that task 't' uses is a _thread.lock"),
        ("lambda: pool", "the global 'pool' that task 't' uses holds a sqlite3.Connection at pool.open['main']"),
        ("lambda: slotted", "the global 'slotted' that task 't' uses holds a _thread.lock at slotted.lock"),
        ("lambda: deep", "the global 'deep' that task 't' uses holds a Refusing at deep[0]['a'][1]"),
        ("lambda: Box", "the attribute 'lock' of class Box is a _thread.lock"),
        ("lambda: box", "the attribute 'lock' of class Box is a _thread.lock"),
        ("box.run", "the attribute 'lock' of class Box is a _thread.lock"),
        ("lambda: asking", "the global 'guard' that Asking.lock() uses is a _thread.lock"),
        ("closing(guard)", "the variable 'value' of the surrounding function that task 't' uses is a _thread.lock"),
        ("wrapping(lambda: 1)", "the global 'guard' that task 't' uses is a _thread.lock"),
        ("default", "the default of parameter 'b' of task 't' is a _thread.lock"),
        ("keyword", "the default of parameter 'c' of task 't' is a _thread.lock"),
        ("functools.partial(len, guard)", "task 't' holds a _thread.lock at functools.partial(...).args[0]"),
        ("lambda: numbers", "the global 'numbers' that task 't' uses is a generator. Pass what it yields, as a list"),
        (
            "lambda: threads",
            "'threads' that task 't' uses holds a _queue.SimpleQueue at threads._work_queue",
        ),
    ],
)
def test_the_variable_that_is_in_the_way_is_named(text: str, wanted: str) -> None:
    assert wanted in told(task(text)).replace(f"{__name__}.", "")


def test_a_global_that_only_shares_the_name_of_an_attribute_is_not_blamed() -> None:
    assert "'guard'" in told(task("lambda response: (response.headers, guard)"))


def test_what_to_do_is_said() -> None:
    assert "Create it inside the task, or pass what is needed to create it" in told(task("lambda: guard"))
    assert "leave it out in `__getstate__` of Pool" in told(task("lambda: pool"))
    assert "__getstate__" not in told(task("lambda: threads"))


def test_values_that_hold_themselves_or_are_nested_deeply_come_to_an_end() -> None:
    loop: list[object] = []
    loop.extend([loop, guard])
    assert "it holds a _thread.lock at rows[1]" in explain_value(loop, "rows", TypeError("x"), encode)
    deep: list[object] = []
    for _ in range(20_000):
        deep = [deep]
    assert explain_value(deep, "rows", RecursionError(), encode) == "it is nested too deeply"
    SCOPE["buried"] = deep
    assert told(task("lambda: buried")) == "the global 'buried' that task 't' uses is nested too deeply"


def test_the_place_inside_an_argument_is_written_as_in_python() -> None:
    value = {"a": [Pool()], functools: 1}
    found = explain_value(value, "config", TypeError("cannot pickle"), encode)
    assert found.startswith("cannot pickle: it holds a sqlite3.Connection at config['a'][0].open['main']. Create")
    assert explain_value(guard, "config", TypeError("x"), encode).startswith("x: it is a _thread.lock. Create")
