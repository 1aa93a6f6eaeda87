"""Equal values have equal keys in every process, and different ones have not."""

# ruff: noqa: E501 (tables of values)
from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from wf_jupyter.values.fingerprint import Keys, Unknown

#: What a cell defines, and the values that are made of it.
CELL = """
import collections, dataclasses, datetime, decimal, enum, fractions, functools, pathlib, re, types, typing, uuid
import attr, msgspec, numpy as np, pandas as pd

@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    tags: frozenset = frozenset({"a", "b", "c"})
    more: list = dataclasses.field(default_factory=list, compare=False)

@dataclasses.dataclass(slots=True)
class Slotted:
    x: int = 1

class Pair(typing.NamedTuple):
    left: str
    right: object = None

class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"
    def shout(self): return self.name
    @classmethod
    def warm(cls): return frozenset({cls.RED})

class Flag(enum.Flag):
    A = 1
    B = 2

@attr.define
class Attrs:
    x: int = 1
    names: set = attr.Factory(lambda: {"a", "b"})

class Struct(msgspec.Struct):
    x: int = 3
    names: set[str] = set()

class Plain:
    def __init__(self, **more): self.__dict__.update(more)

class Tree:
    def __init__(self, parent=None):
        self.parent, self.children = parent, []
        if parent: parent.children.append(self)

class Names(set): pass
class Table(dict): pass

def function(x, y=frozenset({"p", "q", "r"})): return x in {"s", "t", "u"}

def tree():
    root = Tree()
    for _ in range(3): Tree(Tree(root))
    return root

circle = [1, 2]
circle.append(circle)
"""

VALUES = [
    "{'a', 'b', 'c', 'd'}", "frozenset({'a', ('b', 1), None, 2.5})", "{Point(1), Point(2)}", "{Colour.RED, Colour.BLUE}",
    "{function, Point, Colour}", "Names({'a', 'b', 'c'})", "Table(a={'x', 'y'})", "Point(1)", "Point", "Slotted(2)", "Pair('a', {'b', 'c'})", "Pair",
    "Colour.RED", "Colour", "Flag.A | Flag.B", "Colour.warm()", "Attrs(2)", "Attrs", "Struct(4, {'a', 'b'})", "Struct", "Plain(a=1, b={'x', 'y'})",
    "function", "functools.partial(function, 1, y={'a', 'b'})", "Colour.RED.shout", "tree()", "circle",
    "datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)", "datetime.date(2020, 1, 1)", "datetime.timedelta(1)", "decimal.Decimal('1.10')",
    "fractions.Fraction(1, 3)", "pathlib.Path('a/b')", "uuid.UUID(int=1)", "re.compile('a+')", "range(3)", "slice(1, 2)", "...", "float('nan')",
    "types.SimpleNamespace(a={'b', 'c'})", "collections.Counter('aab')", "collections.OrderedDict(a=1)", "collections.defaultdict(set, a={'b', 'c'})",
    "collections.deque([{'a', 'b'}])", "typing.Optional[Point]", "list[int]", "int | None",
    "np.arange(6).reshape(2, 3)", "np.array(['a', None, {'b', 'c'}], dtype=object)", "np.float32(1.5)", "np.dtype('f4')", "np.random.default_rng(3)",
    "np.mean", "np.add", "pd.DataFrame({'a': [1, 2], 'b': ['x', None], 't': pd.date_range('2020', periods=2, tz='UTC'), 'c': pd.Categorical(['u', 'v'])})",
    "pd.Series([1.0, 2.0], index=['a', 'b'], name='n')", "pd.MultiIndex.from_tuples([(1, 'a'), (2, 'b')])", "pd.Timestamp('2020')",
    "pd.array([1, None], dtype='Int64')", "ValueError('x', {'a', 'b'})", "len", "'a,b'.split", "str.upper",
]  # fmt: skip

_CHILD = """
import json, sys
from wf_jupyter.values.fingerprint import Keys
space = {"__name__": "__main__"}
for line in sys.stdin:
    what, source = json.loads(line)
    if what == "exec":
        exec(compile(source, "<cell>", "exec"), space)
        print(json.dumps(None), flush=True)
    else:
        print(json.dumps(Keys().of(eval(source, space)).digest), flush=True)
"""


class Kernel:
    """Another process with a hash seed of its own."""

    def __init__(self, seed: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: str, source: str) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([what, source]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the process ended at {source}"
        return str(json.loads(answer))

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture(scope="module")
def kernels() -> Iterator[list[Kernel]]:
    """Two processes in which the cell has been run, in one of them below a comment."""
    made = [Kernel(1), Kernel(2)]
    for number, kernel in enumerate(made):
        kernel.ask("exec", "# moved\n" * number + CELL)
    yield made
    for kernel in made:
        kernel.close()


def key(value: object) -> str:
    return Keys().of(value).digest


@pytest.mark.parametrize("source", VALUES)
def test_a_value_made_again_in_another_process_has_the_same_key(kernels: list[Kernel], source: str) -> None:
    first, second = (kernel.ask("eval", source) for kernel in kernels)
    assert first == second


def test_no_two_of_these_values_have_the_same_key(kernels: list[Kernel]) -> None:
    found = [kernels[0].ask("eval", source) for source in VALUES]
    assert len(set(found)) == len(VALUES)


one = "one"
DIFFERENT: list[tuple[object, object]] = [
    (1, 1.0), (1, True), (0, False), (0.0, -0.0), (1, "1"), ("a", b"a"), (b"a", bytearray(b"a")), (None, 0), ((), []), ((), None), ([], {}),
    (set(), frozenset()), ([1, 2], [2, 1]), ([1, [2]], [[1], 2]), ([["a"], "b"], ["a", ["b"]]), ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({"a": 1}, {"a": 1.0}), ({1: "a"}, {True: "a"}), (1j, 1), (np.float64(1), 1.0), (np.arange(2), np.arange(2, dtype="f8")),
    (np.zeros((2, 3)), np.zeros((3, 2))), (np.array(["a"]), np.array(["a"], dtype=object)), (np.array([1], ">i4"), np.array([1], "<i4")),
    (Path("a"), "a"), (functools.partial(int, base=2), functools.partial(int, base=3)), (range(3), range(4)), ([1] * 9, [1] * 8 + [True]),
    (int, float), (len, sum), ("a,b".split, "a.b".split), ([[], []], [[[]]]), (float("nan"), float("inf")), (ValueError("a"), TypeError("a")),
    (np.asfortranarray(np.ones((2, 2)) * [[1, 2], [3, 4]]), np.ones((2, 2)) * [[1, 2], [3, 4]]),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=[str(number) for number in range(len(DIFFERENT))])
def test_values_that_a_task_can_tell_apart_have_different_keys(one: object, other: object) -> None:
    assert key(one) != key(other)
    assert key([one]) != key([other])


def shared() -> object:
    part = ["x" * 3, ("y", 1)]
    return [part, part, {"k": part}]


def distinct() -> object:
    return [["".join("xxx"), ("y", 1)], ["xx" + "x", tuple(iter(["y", 1]))], {"".join(["k"]): ["xxx", ("y", 1)]}]


def test_one_object_used_twice_is_as_good_as_two_equal_ones() -> None:
    assert key(shared()) == key(distinct())
    deep: object = []
    for _ in range(60):
        deep = [deep, deep]  # as a tree it would have 2**60 leaves
    assert key(deep) == key(deep)


def test_views_of_an_array_count_by_what_they_show() -> None:
    whole = np.arange(24.0).reshape(4, 6)
    assert key(whole[::2, ::3]) == key(whole[::2, ::3].copy())
    assert key(whole[:2]) == key(np.arange(12.0).reshape(2, 6))
    assert key(np.frombuffer(whole.tobytes()).reshape(4, 6)) == key(whole), "of memory that cannot be written"


def test_frames_count_by_their_columns_and_not_by_how_these_lie_in_memory() -> None:
    pd = pytest.importorskip("pandas")
    block = pd.DataFrame(np.arange(6).reshape(3, 2), columns=["a", "b"])
    grown = pd.DataFrame({"a": [0, 2, 4]})
    grown["b"] = [1, 3, 5]
    assert block.equals(grown) and key(block) == key(grown)
    assert key(block) != key(block.rename(columns={"b": "c"}))
    assert key(block) != key(block.set_index(pd.Index([1, 2, 3])))
    assert key(block) != key(block.astype("float64"))
    assert key(block.iloc[1:]) == key(block.iloc[1:].copy())


def test_attributes_of_an_object_count_in_no_order() -> None:
    class Box:
        pass

    one, other = Box(), Box()
    one.a, one.b = 1, 2  # type: ignore[attr-defined]
    other.b, other.a = 2, 1  # type: ignore[attr-defined]
    assert key(one) == key(other)


def f(a: object, b: object = 2, *rest: object, c: object = 3, **more: object) -> object:
    return (a, b, rest, c, more)


def call(*args: object, **kwargs: object) -> str:
    return Keys().of_call(f, args, kwargs).digest


def test_a_call_counts_by_what_its_parameters_get() -> None:
    assert call(1) == call(a=1) == call(1, 2) == call(1, b=2) == call(b=2, a=1) == call(1, c=3)
    assert (
        len({call(1), call(2), call(1, 3), call(1, 2, 3), call(1, c=4), call(1, d=1), call(1, d=1, e=2), call(1.0)})
        == 8
    )
    assert call(1, d=1, e=2) != call(1, e=2, d=1), "the function can see the order of its own keyword arguments"


@pytest.mark.parametrize("make", [lambda: iter_lock(), lambda: open(os.devnull), lambda: (n for n in "ab")])  # noqa: SIM115
def test_what_has_no_content_has_no_key(make: Callable[[], object]) -> None:
    thing = make()
    with pytest.raises(Unknown):
        key([thing])
    if hasattr(thing, "close"):
        thing.close()


def iter_lock() -> object:
    import threading

    return threading.Lock()


def test_a_value_that_is_nested_too_deeply_has_no_key() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Unknown, match="nested too deeply"):
        key(deep)
    while deep:
        deep = deep.pop()  # type: ignore[assignment]
