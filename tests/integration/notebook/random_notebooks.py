"""Notebooks by chance, of lines that share, change, rebind and hide things, and what plain Python prints for them."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

#: Each is a cell; `{n}` is a number by chance, `{a}`, `{b}` are names of the notebook.
FIRST = "import random\nimport numpy as np\nrandom.seed({n})\nnp.random.seed({n})\n" + "\n".join(
    f"{name} = [{number}]" for number, name in enumerate("abcdef")
)
LINES = (
    "{a} = [{n}]",
    "{a} = [{n}] + list({b})",
    "{a} = {b}",
    "{a}.append({n})",
    "{a}.append(len({b}))",
    "{a}.extend({b}[:2])",
    "{a} = sorted({b}, key=str)",
    "print({a}, {b})",
    "print(sum(map(str, {a}), '') if False else len({a}))",
    "def show():\n    return {a}[-1:]\nprint(show())",
    "def grow(k={n}):\n    {a}.append(k)\n    return {a}",
    "try:\n    print(grow())\nexcept Exception as error:\n    print(type(error).__name__)",
    "try:\n    print(show())\nexcept Exception as error:\n    print(type(error).__name__)",
    "holder = {{'x': {a}, 'y': [{b}]}}",
    "try:\n    holder['x'].append({n})\n    print(holder['y'])\nexcept Exception:\n    print('none')",
    "array = np.arange({n} % 5 + 2)\nview = array[1:]",
    "try:\n    view += {n}\n    print(array)\nexcept Exception as error:\n    print(type(error).__name__)",
    "print(random.random())",
    "print(np.random.rand(2).round(6))",
    "np.set_printoptions(precision={n} % 4 + 1)",
    "print(np.array([1.23456789]) * {n})",
    "{a} = [random.randrange(100)]",
    "for {a}_i in range(2):\n    {b}.append({a}_i)",
    "class Box:\n    items = {a}\n    def put(self, v={n}):\n        self.items.append(v)\n        return len({b})",
    "try:\n    print(Box().put(), Box.items)\nexcept Exception as error:\n    print(type(error).__name__)",
    "lam = lambda: ({a}, {n})",
    "try:\n    print(lam())\nexcept Exception as error:\n    print(type(error).__name__)",
    "gen = (i * {n} for i in range(9))",
    "try:\n    print(next(gen))\nexcept Exception as error:\n    print(type(error).__name__)",
    "with open('{a}.txt', 'w') as file:\n    print(file.write('x' * ({n} % 7 + len({b}))))",
    "try:\n    print(open('{a}.txt').read())\nexcept Exception as error:\n    print(type(error).__name__)",
    "{a}_copy = [*{b}]\nprint({a}_copy is {b}, {a}_copy == {b})",
    "del {a}\n{a} = [{n}]",
    "{a}[:] = [{n}]",
    "{a}, {b} = {b}, {a}",
)  # fmt: skip


class Chance:
    """Cells, and edits of them, from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def cell(self) -> str:
        a, b = self._random.sample("abcdef", 2)
        lines = self._random.sample(LINES, self._random.choice((1, 1, 2)))
        return "\n".join(line.format(a=a, b=b, n=self._random.randrange(100)) for line in lines)

    def notebook(self, size: int) -> list[str]:
        return [FIRST.format(n=self._random.randrange(100)), *(self.cell() for _ in range(size))]

    def edit(self, cells: Sequence[str]) -> list[str]:
        """One cell replaced, or its text changed a little."""
        place = self._random.randrange(1, len(cells))
        new = self._random.choice((self.cell(), cells[place] + f"\n{self.cell()}", cells[place] + "\n# edited"))
        return [new if index == place else cell for index, cell in enumerate(cells)]


_PLAIN = """
import contextlib, io, json, sys
names, found = {"__name__": "__main__"}, []
for cell in json.load(sys.stdin):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        exec(compile(cell, "<cell>", "exec"), names)
    found.append([["stdout", text.getvalue()]] if text.getvalue() else [])
print(json.dumps(found))
"""


def printed(cells: Sequence[str], folder: Path) -> list[list[tuple[str, str]]]:
    """What the cells print when plain Python runs them one after another, in a fresh process."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    command = [sys.executable, "-c", _PLAIN]
    done = subprocess.run(command, input=json.dumps(cells), capture_output=True, text=True, cwd=folder, check=True)
    return [[(kind, text) for kind, text in cell] for cell in json.loads(done.stdout)]
