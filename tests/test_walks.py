"""The walks in docs/architecture.md name functions: each is where it is said to be."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "wf_jupyter"
CHAPTER = "## Following one thing through\n"
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition(CHAPTER)[2].partition("\n## ")[0]
STEPS = re.findall(r"`([\w/]+\.(?:py|ts)): ([\w.#]+)`", TEXT)


def test_there_are_three_walks_and_each_goes_from_end_to_end() -> None:
    walks = re.split(r"^\*\*", TEXT, flags=re.MULTILINE)[1:]
    assert [walk.partition("**")[0] for walk in walks] == ["An execution's id", "One event", "A cancel"]
    for walk in walks:
        places = {path.partition("/")[0] for path, _ in STEPS if f"`{path}: " in walk}
        assert {"server", "service", "frontend"} <= places


@pytest.mark.parametrize(("path", "name"), STEPS)
def test_every_step_is_where_it_is_said_to_be(path: str, name: str) -> None:
    if path.endswith(".py"):
        assert name in set(defined(ast.parse((SOURCE / path).read_text("utf-8"))))
        return
    text = (SOURCE / path.replace("frontend/", "frontend/src/", 1)).read_text("utf-8")
    holder, _, member = name.partition(".")
    if not member:
        assert re.search(rf"^(?:export )?(?:function|class) {holder}\b", text, re.MULTILINE)
        return
    body = re.search(rf"^(?:export )?class {holder}\b.*?^}}", text, re.MULTILINE | re.DOTALL)
    assert body is not None, f"{path} has no class {holder}"
    assert re.search(rf"^  (?:async )?{re.escape(member)}[(<]", body[0], re.MULTILINE), f"{holder} has no {member}"


def defined(tree: ast.Module) -> list[str]:
    """Functions, classes and methods, these as `Holder.method`."""
    names = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
            names += [f"{node.name}.{each.name}" for each in inner]
    return names
