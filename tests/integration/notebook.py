"""A notebook of a data scientist as a script: defines what people define and uses each in a task.

Run by `test_like_the_kernel.py`; prints one JSON object: name of the case → what the task gave, and its log.
"""

from __future__ import annotations

import abc
import collections
import concurrent.futures
import contextvars
import dataclasses
import enum
import functools
import json
import logging
import multiprocessing
import pickle
import re
import sys
import types
import typing
import warnings
import weakref
from random import random as draw_a_number

import matplotlib as mpl
import msgspec
import pandas as pd

import wf_jupyter as wf

CASES = {}


def case(function):
    """A task of its own, and what it should give."""
    CASES[function.__name__] = function
    return function


@functools.cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@functools.singledispatch
def show(value):
    return "object"


@show.register
def _(value: int):
    return "int"


class Lazy:
    @functools.cached_property
    def value(self):
        return 5

    @functools.singledispatchmethod
    def name(self, value):
        return "object"

    @name.register
    def _(self, value: int):
        return "int"


class Color(enum.Enum):
    RED = 1


class Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag="s"):
    first_name: str = "x"
    items: list[int] = msgspec.field(default_factory=list)

    def twice(self):
        return [self.first_name] * 2


class Child(Struct, frozen=True):
    more: int = 3


@dataclasses.dataclass(slots=True)
class Point:
    x: int
    tags: list = dataclasses.field(default_factory=list)


class Slotted:
    __slots__ = ("__hidden", "shown")

    def __init__(self):
        self.__hidden, self.shown = 1, 2

    def sum(self):
        return self.__hidden + self.shown


@typing.runtime_checkable
class HasSum(typing.Protocol):
    def sum(self): ...


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...


class Square(Shape):
    def area(self):
        return 4


UserId = typing.NewType("UserId", int)
T = typing.TypeVar("T")
P = typing.ParamSpec("P")


class Box(typing.Generic[T]):
    def __init__(self, value: T):
        self.value = value


class Named(typing.NamedTuple):
    a: int


Pair = collections.namedtuple("Pair", "a b")
LEVEL = contextvars.ContextVar("LEVEL", default=3)
CHANGED = contextvars.ContextVar("CHANGED")
CHANGED.set("by the notebook")
WORDS = re.compile("a+")
WEAK = weakref.WeakKeyDictionary()
VIEW = types.MappingProxyType({"a": 1})


def square(x):
    return x * x


def move(point):
    return Point(point.x + 1)


@case
def caches():
    return fib(30), fib.cache_info().currsize


@case
def dispatch():
    return show(1), show("a"), Lazy().name(1), Lazy().name("a"), Lazy().value


@case
def structs():
    one = Child(first_name="a", more=4)
    data = msgspec.json.encode(one)
    return data.decode(), msgspec.json.decode(data, type=Child) == one, one.twice(), Struct().items == []


@case
def classes():
    return (
        *(Color.RED is Color(1), Point(1) == Point(1), hasattr(Point(1), "__dict__"), Slotted().sum()),
        *(isinstance(Slotted(), HasSum), Square().area(), Box[int](3).value, Pair(1, 2).b, UserId(3), Named(5).a),
    )


@case
def variables():
    LEVEL.set(LEVEL.get() + 1)
    return LEVEL.get(), CHANGED.get(), len(WEAK), dict(VIEW), WORDS.findall("aab"), P.__name__


@case
def pickling():
    values = [Point(1), Color.RED, Struct(), Pair(1, 2), Slotted().sum(), Lazy]
    copies = pickle.loads(pickle.dumps(values))
    return copies == values, pickle.loads(pickle.dumps(square))(3), sys.modules["__main__"].square(2)


def pools(method):
    context = multiprocessing.get_context(method)
    with context.Pool(1) as pool:
        found = pool.map(square, [1, 2]), pool.apply(move, (Point(1),)).x
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        return [*found, executor.submit(move, Point(2)).result().x]


@case
def forked_pools():
    return pools("fork")


@case
def spawned_pools():
    return pools("spawn")


logging.basicConfig(level=logging.INFO, format="%(levelname)s:%(name)s:%(message)s", stream=sys.stdout)
logging.getLogger("quiet").setLevel(logging.ERROR)
logging.getLogger("apart").addHandler(logging.FileHandler("apart.log"))
logging.getLogger("apart").propagate = False
log = logging.getLogger("etl")


@case
def logs():
    log.info("told")
    log.debug("not told")
    logging.getLogger("quiet").warning("not told")
    logging.getLogger("apart").warning("in the file")


class OwnWarning(UserWarning):
    pass


warnings.filterwarnings("ignore", "not this")
warnings.filterwarnings("error", category=OwnWarning)


@case
def filters():
    warnings.warn("not this", stacklevel=1)
    warnings.warn("but this", stacklevel=1)
    try:
        warnings.warn("an error", OwnWarning, stacklevel=1)
    except OwnWarning:
        return "raised"


@case
def arguments():
    return sys.argv[1:], sys.flags.optimize, __debug__


pd.set_option("display.precision", 2)
pd.set_option("display.float_format", "<{}>".format)
mpl.rcParams["lines.linewidth"] = 4


@case
def options():
    shown = pd.Series([1.5]).to_string(index=False)
    return pd.get_option("display.precision"), shown, mpl.rcParams["lines.linewidth"]


def numbers():
    return draw_a_number()


def main():
    """Everything as a script: a pool that ran this file again would hang."""

    @wf.workflow
    def flow():
        return [wf.task(name=name)(function)() for name, function in CASES.items()]

    execution = flow.submit()
    execution.wait(100)
    told = {}
    for name in CASES:
        view = execution.tasks[name]
        told[name] = view.result() if view.status == "succeeded" else str(view.error)
        if text := str(view.logs()):
            told[name + " log"] = text

    @wf.workflow
    def random_numbers():
        return wf.task(name="n")(lambda i, f: f()).map(list(range(4)), [numbers] * 4)

    told["different numbers"] = len(set(random_numbers.submit().result(60)))
    told["file"] = open("apart.log").read()
    print(json.dumps(told))


main()
