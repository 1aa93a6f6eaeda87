"""Whatever code a task or its arguments can reach is in the key; what they cannot reach is not."""

# ruff: noqa: E501 (a cell in one line reads as a row of a table)
from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from wf_jupyter.values.fingerprint import Keys, Unknown

#: Cells that define `f`, the task's function, as (what differs, before, after).
CELLS = [
    ("the order of the parameters", "def f(a, b): return a / b", "def f(b, a): return b / a"),
    ("a parameter's name", "def f(a): return locals()", "def f(b): return locals()"),
    ("a parameter that became keyword only", "def f(a, b=1): return a", "def f(a, *, b=1): return a"),
    ("a parameter that became positional only", "def f(a, b=1): return a", "def f(a, /, b=1): return a"),
    ("a default", "def f(a=1): return a", "def f(a=2): return a"),
    ("the type of a default", "def f(a=1): return a", "def f(a=1.0): return a"),
    ("a keyword only default", "def f(*, a=1): return a", "def f(*, a=2): return a"),
    ("a constant", "def f(): return 1", "def f(): return 2"),
    ("the type of a constant", "def f(): return 1", "def f(): return True"),
    ("the sign of a zero", "def f(): return 0.0", "def f(): return -0.0"),
    ("a member of a constant set", "def f(x): return x in {'a', 'b'}", "def f(x): return x in {'a', 'c'}"),
    ("the docstring", "def f():\n  'one'\n  return f.__doc__", "def f():\n  'two'\n  return f.__doc__"),
    (
        "what an exception handler covers",
        "def f():\n  g()\n  try: g()\n  except E: return 1",
        "def f():\n  try:\n    g()\n    g()\n  except E: return 1",
    ),
    ("a nested function", "def f():\n  def g(): return 1\n  return g()", "def f():\n  def g(): return 2\n  return g()"),
    ("a lambda in the same line", "a, f = (lambda: 1), (lambda: 2)", "a, f = (lambda: 1), (lambda: 3)"),
    ("an async function", "async def f(): return 1", "async def f(): return 2"),
    ("a generator", "def f(): yield 1", "def f(): yield 2"),
    ("a function that it calls", "def g(): return 1\ndef f(): return g()", "def g(): return 2\ndef f(): return g()"),
    (
        "a function that a class in its body calls",
        "def g(): return 1\ndef f():\n  class A: x = g()\n  return A.x",
        "def g(): return 2\ndef f():\n  class A: x = g()\n  return A.x",
    ),
    ("a global", "K = 1\ndef f(): return K", "K = 2\ndef f(): return K"),
    (
        "a global of a nested function",
        "K = 1\ndef f(): return [K for _ in 'ab']",
        "K = 2\ndef f(): return [K for _ in 'ab']",
    ),
    (
        "an item of a global list of functions",
        "def g(): return 1\nL = [g]\ndef f(): return L[0]()",
        "def g(): return 2\nL = [g]\ndef f(): return L[0]()",
    ),
    (
        "a global dict of functions",
        "D = {'a': lambda: 1}\ndef f(): return D['a']()",
        "D = {'a': lambda: 2}\ndef f(): return D['a']()",
    ),
    (
        "a set of functions",
        "def g(): return 1\nS = {g}\ndef f(): return S",
        "def g(): return 2\nS = {g}\ndef f(): return S",
    ),
    ("a closure", "def m(n): return lambda: n\nf = m(1)", "def m(n): return lambda: n\nf = m(2)"),
    (
        "a function in a closure",
        "def m(g): return lambda: g()\nf = m(lambda: 1)",
        "def m(g): return lambda: g()\nf = m(lambda: 2)",
    ),
    (
        "a partial's function",
        "import functools\nf = functools.partial(lambda x: 1, 2)",
        "import functools\nf = functools.partial(lambda x: 3, 2)",
    ),
    (
        "a partial's argument",
        "import functools\nf = functools.partial(lambda x: 1, 2)",
        "import functools\nf = functools.partial(lambda x: 1, 3)",
    ),
    (
        "a partial's keyword",
        "import functools\nf = functools.partial(lambda x: 1, x=2)",
        "import functools\nf = functools.partial(lambda x: 1, x=3)",
    ),
    (
        "the function below functools.wraps",
        "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(): return g()\n  return w\n@d\ndef f(): return 1",
        "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(): return g()\n  return w\n@d\ndef f(): return 2",
    ),
    (
        "the wrapper above functools.wraps",
        "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(): return g()\n  return w\n@d\ndef f(): return 1",
        "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(): return -g()\n  return w\n@d\ndef f(): return 1",
    ),
    (
        "the function in a decorator class",
        "class D:\n  def __init__(self, g): self.g = g\n  def __call__(self): return self.g()\n@D\ndef f(): return 1",
        "class D:\n  def __init__(self, g): self.g = g\n  def __call__(self): return self.g()\n@D\ndef f(): return 2",
    ),
    (
        "__call__ of a decorator class",
        "class D:\n  def __init__(self, g): self.g = g\n  def __call__(self): return self.g()\n@D\ndef f(): return 1",
        "class D:\n  def __init__(self, g): self.g = g\n  def __call__(self): return -self.g()\n@D\ndef f(): return 1",
    ),
    (
        "__call__ of a decorator class that updates itself from the function",
        "import functools\nclass D:\n  def __init__(self, g): functools.update_wrapper(self, g)\n  def __call__(self): return 1\n@D\ndef f(): return 1",
        "import functools\nclass D:\n  def __init__(self, g): functools.update_wrapper(self, g)\n  def __call__(self): return 2\n@D\ndef f(): return 1",
    ),
    (
        "the function below lru_cache",
        "import functools\n@functools.lru_cache\ndef g(): return 1\ndef f(): return g()",
        "import functools\n@functools.lru_cache\ndef g(): return 2\ndef f(): return g()",
    ),
    (
        "an implementation in a singledispatch registry",
        "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return 1",
        "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return 2",
    ),
    (
        "a context manager's generator",
        "import contextlib\n@contextlib.contextmanager\ndef g(): yield 1\ndef f():\n  with g() as x: return x",
        "import contextlib\n@contextlib.contextmanager\ndef g(): yield 2\ndef f():\n  with g() as x: return x",
    ),
    ("an attribute of a function", "def f(): return f.x\nf.x = 1", "def f(): return f.x\nf.x = 2"),
    ("an annotation", "def f(x: int): return x", "def f(x: str): return x"),
]

#: The same for a class `C`, of which the task uses `C()`.
CLASSES = [
    ("a method", "class C:\n  def m(self): return {0}"),
    (
        "a method under functools.wraps",
        "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(self): return g(self)\n  return w\nclass C:\n  @d\n  def m(self): return {0}",
    ),
    (
        "a decorator of a method",
        "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(self): return {0}\n  return w\nclass C:\n  @d\n  def m(self): return 1",
    ),
    ("a class method", "class C:\n  @classmethod\n  def m(cls): return {0}"),
    ("a static method", "class C:\n  @staticmethod\n  def m(): return {0}"),
    ("a property", "class C:\n  @property\n  def p(self): return {0}"),
    (
        "a property's setter",
        "class C:\n  @property\n  def p(self): return 1\n  @p.setter\n  def p(self, v): self.v = {0}",
    ),
    (
        "a property's deleter",
        "class C:\n  @property\n  def p(self): return 1\n  @p.deleter\n  def p(self): self.v = {0}",
    ),
    ("a cached property", "import functools\nclass C:\n  @functools.cached_property\n  def p(self): return {0}"),
    ("a class attribute", "class C:\n  a = {0}"),
    ("a default of a dataclass", "import dataclasses\n@dataclasses.dataclass\nclass C:\n  a: int = {0}"),
    (
        "a default factory of a dataclass",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n  a: list = dataclasses.field(default_factory=lambda: [{0}])",
    ),
    ("a default of a NamedTuple", "import typing\nclass C(typing.NamedTuple):\n  a: int = {0}"),
    ("a base class", "class B:\n  def m(self): return {0}\nclass C(B): pass"),
    ("a metaclass", "class M(type):\n  def m(cls): return {0}\nclass C(metaclass=M): pass"),
    ("__init_subclass__ of a base", "class B:\n  def __init_subclass__(cls): cls.a = {0}\nclass C(B): pass"),
    ("a descriptor's class", "class D:\n  def __get__(self, i, o): return {0}\nclass C:\n  d = D()"),
    (
        "a descriptor's state",
        "class D:\n  def __init__(self, v): self.v = v\n  def __get__(self, i, o): return self.v\nclass C:\n  d = D({0})",
    ),
    ("a method of a class with slots", "class C:\n  __slots__ = ('a',)\n  def m(self): return {0}"),
    ("a nested class", "class C:\n  class I:\n    def m(self): return {0}"),
    ("what a method calls", "def g(): return {0}\nclass C:\n  def m(self): return g()"),
    (
        "a method that a decorator of the class adds",
        "def d(c):\n  c.m = lambda self: {0}\n  return c\n@d\nclass C: pass",
    ),
    ("the value of an enum's member", "import enum\nclass E(enum.Enum):\n  A = {0}\nclass C:\n  e = E.A"),
    (
        "a method of an abstract class's implementation",
        "import abc\nclass B(abc.ABC):\n  @abc.abstractmethod\n  def m(self): ...\nclass C(B):\n  def m(self): return {0}",
    ),
    ("__reduce__", "class C:\n  def __reduce__(self): return (C, ()) if {0} > 0 else 0"),
]

#: Files and a cell that defines `f`: an edit of any of the files must be seen.
PROJECTS: list[tuple[str, dict[str, str], str]] = [
    ("an import in the body", {"h": "K = {0}"}, "def f():\n  import h\n  return h.K"),
    ("a from-import in the body", {"h": "K = {0}"}, "def f():\n  from h import K\n  return K"),
    (
        "an import in a nested function",
        {"h": "K = {0}"},
        "def f():\n  def g():\n    import h\n    return h.K\n  return g()",
    ),
    (
        "an import in the body of a helper",
        {"o": "def g():\n  from h import K\n  return K", "h": "K = {0}"},
        "from o import g\ndef f(): return g()",
    ),
    (
        "an import in a method of a helper",
        {"o": "class G:\n  def g(self):\n    import h\n    return h.K", "h": "K = {0}"},
        "from o import G\ndef f(): return G().g()",
    ),
    (
        "importlib with a literal name",
        {"h": "K = {0}"},
        "import importlib\ndef f(): return importlib.import_module('h').K",
    ),
    (
        "import_module from importlib",
        {"h": "K = {0}"},
        "from importlib import import_module\ndef f(): return import_module('h').K",
    ),
    ("__import__ with a literal name", {"h": "K = {0}"}, "def f(): return __import__('h').K"),
    (
        "a relative importlib name in a package",
        {"p/__init__": "import importlib\ndef g(): return importlib.import_module('.s', __name__).K", "p/s": "K = {0}"},
        "from p import g\ndef f(): return g()",
    ),
    ("a module under another name", {"h": "K = {0}"}, "import h as other\ndef f(): return other.K"),
    ("a submodule as an attribute", {"p/__init__": "", "p/s": "K = {0}"}, "import p.s\ndef f(): return p.s.K"),
    (
        "a submodule as an attribute of an alias",
        {"p/__init__": "", "p/s/__init__": "", "p/s/t": "K = {0}"},
        "import p.s.t\nimport p as q\ndef f(): return q.s.t.K",
    ),
    ("a submodule by from-import", {"p/__init__": "", "p/s": "K = {0}"}, "def f():\n  from p import s\n  return s.K"),
    ("a package's __init__", {"p/__init__": "K = {0}", "p/s": "J = 1"}, "def f():\n  import p.s\n  return p.s.J"),
    (
        "a relative import",
        {"p/__init__": "", "p/a": "from .b import K", "p/b": "K = {0}"},
        "from p.a import K as k\ndef f():\n  from p import a\n  return a.K",
    ),
    (
        "a relative import of two levels",
        {"p/__init__": "", "p/s/__init__": "", "p/s/a": "from .. import b\ndef g(): return b.K", "p/b": "K = {0}"},
        "from p.s.a import g\ndef f(): return g()",
    ),
    (
        "a star import of a package",
        {"p/__init__": "__all__ = ['s']", "p/s": "K = {0}"},
        "from p import *\ndef f():\n  from p import s\n  return s.K",
    ),
    ("a module in a namespace package", {"n/s": "K = {0}"}, "def f():\n  import n.s\n  return n.s.K"),
    ("an import in a nested namespace package", {"n/m/s": "K = {0}"}, "def f():\n  from n.m.s import K\n  return K"),
    ("a global of a module", {"h": "K = {0}\ndef g(): return K"}, "from h import g\ndef f(): return g()"),
    (
        "a global instance",
        {"h": "class M:\n  def h(self): return {0}\n  def f(self): return self.h()"},
        "from h import M\nm = M()\ndef f(): return m.f()",
    ),
    (
        "an instance as default",
        {"h": "class M:\n  def f(self): return {0}"},
        "from h import M\ndef f(m=M()): return m.f()",
    ),
    ("a bound method", {"h": "class M:\n  def f(self): return {0}"}, "from h import M\ng = M().f\ndef f(): return g()"),
    (
        "a class method",
        {"h": "class M:\n  @classmethod\n  def f(cls): return {0}"},
        "from h import M\ng = M.f\ndef f(): return g()",
    ),
    ("a dict of functions", {"h": "def g(): return {0}"}, "import h\nD = {'a': h.g}\ndef f(): return D['a']()"),
    (
        "a partial of a function",
        {"h": "def g(x): return {0}"},
        "import h, functools\ng = functools.partial(h.g, 1)\ndef f(): return g()",
    ),
    ("a decorator", {"h": "def d(g):\n  def w(): return {0}\n  return w"}, "from h import d\n@d\ndef f(): return 1"),
    (
        "a base class",
        {"h": "class B:\n  def m(self): return {0}"},
        "from h import B\nclass C(B): pass\ndef f(): return C().m()",
    ),
    (
        "an exception",
        {"h": "class E(Exception):\n  def __str__(self): return '{0}'"},
        "from h import E\ndef f(): raise E",
    ),
    (
        "an enum's member",
        {"h": "import enum\nclass E(enum.Enum):\n  A = {0}"},
        "from h import E\ndef f(e=E.A): return e",
    ),
    (
        "a function behind lru_cache",
        {"h": "import functools\n@functools.lru_cache\ndef g(): return {0}"},
        "from h import g\ndef f(): return g()",
    ),
    (
        "a function under singledispatch",
        {"h": "import functools\n@functools.singledispatch\ndef g(x): return {0}"},
        "from h import g\ndef f(): return g(1)",
    ),
    (
        "a task of a module",
        {"h": "import wf_jupyter as wf\ndef g(): return {0}\n@wf.task\ndef t(): return g()"},
        "from h import t\nf = t.function",
    ),
    ("a module named like one of Python's", {"json": "K = {0}"}, "def f():\n  import json\n  return json.K"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the module path whose modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = dict(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - set(before):
        del sys.modules[name]
    sys.modules.update(before)


def write(folder: Path, files: Mapping[str, str], value: object = 1) -> None:
    for name, source in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source.replace("{0}", str(value)) + "\n")
    importlib.invalidate_caches()


def forget(known: set[str]) -> None:
    for name in set(sys.modules) - known:
        del sys.modules[name]


def cell(source: str, **space: object) -> dict[str, object]:
    """What a notebook cell defines."""
    space = {"__name__": "__main__", **space}
    exec(compile(source, "<cell>", "exec"), space)
    return space


def key(thing: object, *, inline: bool = False) -> str:
    return Keys(inline=inline).of(thing).digest


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in CELLS], ids=[row[0] for row in CELLS])
def test_a_change_in_a_notebook_is_seen(before: str, after: str) -> None:
    first = key(cell(before)["f"])
    assert key(cell(before)["f"]) == first, "the same cell run again"
    assert key(cell("# a comment\n\n\n" + before)["f"]) == first, "the same cell further down"
    assert key(cell(after)["f"]) != first


@pytest.mark.parametrize("source", [row[1] for row in CLASSES], ids=[row[0] for row in CLASSES])
@pytest.mark.parametrize(
    "use",
    ["o = C()\ndef f(): return o", "def f(c=C): return c", "def f(): return C()", "many = [C()]\nf = lambda: many"],
)
def test_a_change_of_a_class_in_a_notebook_is_seen(source: str, use: str) -> None:
    first, second = (f"{source.replace('{0}', value)}\n{use}" for value in ("1", "22"))
    assert key(cell(first)["f"]) == key(cell(first)["f"])
    assert key(cell(first)["f"]) != key(cell(second)["f"])


@pytest.mark.parametrize(("files", "source"), [row[1:] for row in PROJECTS], ids=[row[0] for row in PROJECTS])
def test_an_edit_of_a_module_is_seen(project: Path, files: dict[str, str], source: str) -> None:
    write(project, files)
    known = set(sys.modules)
    function = cell(source)["f"]
    first = key(function)
    assert key(function) == first
    write(project, files, 2222)
    if "<locals>" not in getattr(function, "__qualname__", ""):
        assert key(function) != first, "edited, not reloaded: a worker imports the file"
    forget(known)
    assert key(cell(source)["f"]) != first, "in a new kernel"
    write(project, files)
    forget(known)
    assert key(cell(source)["f"]) == first, "taken back"


@pytest.mark.parametrize(
    "make", ["h.M()", "h.f", "h.M().f", "[h.M()]", "{'a': h.f}", "h.M", "{h.f}", "(1, {'x': [h.M]})"]
)
def test_an_edit_of_the_module_that_an_argument_comes_from_is_seen(project: Path, make: str) -> None:
    files = {"h": "class M:\n  def h(self): return {0}\n  def f(self): return self.h()\ndef f(): return {0}"}
    write(project, files)
    value = cell(f"import h\nv = {make}")["v"]
    first = key(value)
    write(project, files, 2222)
    assert key(value) != first


def test_code_in_the_interpreters_own_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wf_jupyter.values.fingerprint import modules

    packages, library = tmp_path / "lib" / "site-packages", tmp_path / "lib"
    roots = ((f"{packages}/",), (f"{library}/",))
    monkeypatch.setattr(modules, "_roots", lambda: roots)
    modules.installed_package.cache_clear()
    (packages / "real-1.0.dist-info").mkdir(parents=True)
    (packages / "real-1.0.dist-info" / "RECORD").write_text(
        "real/__init__.py,sha256=a,1\nreal-1.0.dist-info/RECORD,,\n"
    )
    try:
        assert modules.is_installed("real", f"{packages}/real/__init__.py")
        assert not modules.is_installed("mine", f"{packages}/mine.py"), "put there by hand"
        assert not modules.is_installed("mine", f"{library}/mine.py"), "beside Python's own modules"
        assert modules.is_installed("json.decoder", f"{library}/json/decoder.py")
        assert not modules.is_installed("mine", f"{tmp_path}/project/mine.py"), "in the interpreter's prefix"
        assert not modules.is_installed("mine", f"{packages}-of-mine/mine.py"), "beside it"
        before = modules.installed_package("real", (1,))
        (packages / "real-1.0.dist-info" / "RECORD").write_text("real/__init__.py,sha256=b,1\n")
        assert modules.installed_package("real", (2,)) != before, "installed again under the same version"
    finally:
        modules.installed_package.cache_clear()


def test_a_global_that_only_shares_an_attributes_name_is_not_read() -> None:
    import threading

    big = threading.Lock()  # cannot be compared, so reading it would be noticed
    source = "def f(x):\n  return x.shape + x.data.mean()\n"
    assert key(cell(source, shape=big, data=big, mean=big)["f"]) == key(cell(source)["f"])


def test_a_module_that_is_not_reached_does_not_count(project: Path) -> None:
    write(project, {"h": "K = {0}", "other": "J = {0}"})
    function = cell("import h, other\ndef f(): return h.K")["f"]
    first = key(function)
    write(project, {"other": "J = {0}"}, 2)
    assert key(function) == first


def test_what_the_kernel_holds_counts_only_where_it_is_run(project: Path) -> None:
    write(project, {"h": "K = 1\ndef g(): return K"})
    space = cell("import h\ndef f(): return h.g()\n")
    workers, here = key(space["f"]), key(space["f"], inline=True)
    sys.modules["h"].K = 5  # type: ignore[attr-defined]
    assert key(space["f"]) == workers, "a worker imports the file"
    assert key(space["f"], inline=True) != here


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def f(x): return eval(x)", "'f', which uses eval"),
        ("def f(x): exec(x)", "'f', which uses exec"),
        ("def f(x): return globals()[x]", "'f', which uses globals"),
        ("def g(x): return eval(x)\ndef f(x): return g(x)", "'g', which uses eval"),
        ("import runpy\ndef f(x): return runpy.run_path(x)", "run_path"),
        ("import threading\nL = threading.Lock()\ndef f(): return L", "the global 'L' of 'f'.*lock"),
        ("import threading\ndef m(n): return lambda: n\nf = m(threading.Lock())", "the variable 'n' around.*lock"),
        ("import threading\nclass C:\n  lock = threading.Lock()\ndef f(): return C", "'lock' of class 'C'.*lock"),
    ],
)
def test_what_cannot_be_told_beforehand_has_no_key_and_says_why(source: str, told: str) -> None:
    with pytest.raises(Unknown, match=told):
        key(cell(source)["f"])


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\ndef f(n): return importlib.import_module(n)",
        "def f(n): return __import__(n)",
        "from importlib import import_module as im\ndef f(n): return list(map(im, n))",
    ],
)
def test_imports_under_names_made_at_run_time_are_left_to_the_worker(source: str) -> None:
    found = Keys().of(cell(source)["f"])
    assert found.is_open or "as im" in source


def test_classes_and_functions_that_refer_to_each_other_end() -> None:
    source = "class A:\n  def m(self): return B()\nclass B:\n  def m(self): return A(), f\ndef g(): return f()\ndef f(): return g(), A, {A, B, f}\n"
    assert key(cell(source)["f"]) == key(cell(source)["f"])
    assert key(cell(source)["f"]) != key(cell(source.replace("return A(), f", "return A(), g"))["f"])
