"""Random programs of modules and notebook cells: a change of what the task reaches gives another key, and only that."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.unit.values.fingerprint.test_content import Kernel
from wf_jupyter.values.fingerprint import Keys

#: How a unit refers to module `{m}`: a line at its top, and an expression in its body.
IN_MODULES = [
    ("import {m}", "{m}.v()"),
    ("from {m} import v as {m}_v", "{m}_v()"),
    ("import {m} as other_{m}", "other_{m}.C().m()"),
    ("", "__import__('{m}').v()"),
    ("import importlib", "importlib.import_module('{m}').v()"),
    ("from {m} import C as {m}_C\nclass {m}_D({m}_C): pass", "{m}_D().m()"),
    ("import {m}\n{m}_all = {'v': [{m}.v]}", "{m}_all['v'][0]()"),
    ("import {m}\n{m}_o = {m}.C()", "{m}_o.m()"),
    ("import {m}\n{m}_b = {m}.C().m", "{m}_b()"),
    ("import {m}, functools\n{m}_p = functools.partial({m}.v)", "{m}_p()"),
]
#: How a definition of a notebook refers to another one, `{n}`: a function, and `C{n}`, a class.
IN_CELLS = [
    ("", "{n}()"),
    ("", "C{n}().m()"),
    ("{n}_all = [{n}]", "{n}_all[0]()"),
    ("{n}_o = C{n}()", "{n}_o.m()"),
    ("{n}_s = {{n}, C{n}}", "len({n}_s)"),
    ("def {n}_w(g):\n  def w(): return g()\n  return w\n{n}_d = {n}_w({n})", "{n}_d()"),
    ("class {n}_D(C{n}): pass", "{n}_D().m()"),
    ("import functools\n{n}_c = functools.lru_cache({n})", "{n}_c()"),
    ("class {n}_P:\n  p = property(lambda self: {n}())", "{n}_P().p"),
]
UNIT = "{top}\nK_{name} = {value}\ndef {f}(): return (K_{name}, {uses})\nclass {c}:\n  def m(self): return {f}()\n"


@dataclass(frozen=True)
class Program:
    """Units, each referring to earlier ones; the first `modules` are files, the others one cell that ends with `f`."""

    modules: int
    uses: tuple[tuple[tuple[int, int], ...], ...]

    def reached(self) -> set[int]:
        found, pending = set(), [len(self.uses) - 1]
        while pending:
            unit = pending.pop()
            if unit not in found:
                found.add(unit)
                pending += [other for other, _ in self.uses[unit]]
        return found

    def source(self, unit: int, value: int) -> str:
        tops: list[str] = []
        bodies: list[str] = []
        for other, style in self.uses[unit]:
            styles, name = (IN_MODULES, f"wf_m{other}") if other < self.modules else (IN_CELLS, f"n{other}")
            for kept, text in zip((tops, bodies), styles[style % len(styles)], strict=True):
                kept.append(text.replace("{m}", name).replace("{n}", name))
        name = f"n{unit}"
        f, c = ("v", "C") if unit < self.modules else (name, f"C{name}")
        return UNIT.format(top="\n".join(tops), name=name, value=value, uses=", ".join(bodies), f=f, c=c)

    def files(self, values: list[int]) -> dict[str, str]:
        return {f"wf_m{unit}.py": self.source(unit, values[unit]) for unit in range(self.modules)}

    def cell(self, values: list[int]) -> str:
        units = range(self.modules, len(self.uses))
        return "\n".join(self.source(unit, values[unit]) for unit in units) + f"\nf = n{len(self.uses) - 1}\n"


@st.composite
def programs(draw: st.DrawFn) -> Program:
    modules, total = draw(st.integers(1, 3)), draw(st.integers(4, 7))
    uses = []
    for unit in range(total):
        # A module cannot refer to the notebook.
        others = st.integers(0, (min(unit, modules) if unit < modules else unit) - 1) if unit else st.nothing()
        pairs = st.tuples(others, st.integers(0, 89))
        chosen = draw(st.lists(pairs, max_size=2, unique_by=lambda pair: pair[0])) if unit else []
        uses.append(tuple(chosen))
    return Program(modules, tuple(uses))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("modules")
    sys.path.insert(0, str(made))
    yield made
    sys.path.remove(str(made))


@pytest.fixture(scope="module")
def kernel(folder: Path) -> Iterator[Kernel]:
    made = Kernel(4)
    made.ask("exec", f"import sys, importlib\nsys.dont_write_bytecode = True\nsys.path.insert(0, {str(folder)!r})")
    yield made
    made.close()


FORGET = "for name in [name for name in sys.modules if name.startswith('wf_m')]: del sys.modules[name]\n"


def key(folder: Path, program: Program, values: list[int]) -> str:
    for name, source in program.files(values).items():
        (folder / name).write_text(source)
    importlib.invalidate_caches()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    space: dict[str, object] = {"__name__": "__main__", "sys": sys}
    try:
        exec(FORGET, space)
        exec(compile(program.cell(values), "<cell>", "exec", dont_inherit=True), space)
        return Keys().of(space["f"]).digest
    finally:
        sys.dont_write_bytecode = writes
        exec(FORGET, space)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=programs(), data=st.data())
def test_a_key_changes_exactly_with_what_the_task_reaches(
    folder: Path, kernel: Kernel, program: Program, data: st.DataObject
) -> None:
    values = [10 + unit for unit in range(len(program.uses))]
    first = key(folder, program, values)
    kernel.ask("exec", f"importlib.invalidate_caches()\n{FORGET}\n{program.cell(values)}")
    assert kernel.ask("eval", "f") == first, "in another process, with another hash seed"
    changed = data.draw(st.integers(0, len(values) - 1))
    values[changed] += 1000
    assert (key(folder, program, values) != first) == (changed in program.reached())
