"""Names that a cell reads and binds, by its text alone: without running anything, and without knowing any value.

It is a picture to draw edges with and a first guess to run by; what a cell really did is observed when it runs.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_BUILTINS = frozenset(dir(builtins))
_TIMED_CELL = re.compile(r"^\s*%%(?:time|capture|prun)\b[^\n]*(?:\n|$)")
_TIMED = re.compile(r"^(\s*)%time[ \t]+(?=\S)", re.MULTILINE)
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Flow:
    """Names of the notebook that a cell has to do with.

    `reads` are looked up before the cell binds them itself; `binds` it assigns, defines or imports; `changes` are
    those whose items or attributes it assigns; `deletes` it deletes. `uses` gives what the functions that it defines
    look up when they are called. `texts` are the constants that are texts, `attributes` the names after a dot,
    `imports` the modules that it or a function in it imports. `handed` are those that it gives to others: arguments,
    values of attributes and items, what has a decorator; `inside` what its lambdas mention, which it may give too.
    """

    reads: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    deletes: frozenset[str] = frozenset()
    uses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    attributes: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    handed: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    tree: ast.Module | None = field(default=None, repr=False, compare=False)

    def reads_with(self, uses: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """`reads`, and what functions among them look up in turn; `uses` as of the cells above."""
        found: set[str] = set()
        waiting = list(self.reads)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += uses.get(name, ())
        return frozenset(found)


@lru_cache(maxsize=1024)
def flow_of(source: str) -> Flow:
    """The flow of a cell; of one that is no Python, nothing is known: its `tree` is None."""
    code = python_of(source)
    try:
        tree = ast.parse(code)
        table = symtable.symtable(code, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return Flow()
    reads: set[str] = set()
    bound: set[str] = set()
    for statement in tree.body:
        reads |= _loads(statement) - bound
        bound |= _certainly_bound(statement)
    stored = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    stored |= _global_stores(table)
    deleted = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del)}
    return Flow(
        reads=frozenset(reads | deleted),
        binds=frozenset(stored - deleted),
        changes=frozenset(_find_changes(tree)),
        deletes=frozenset(deleted),
        uses={name: frozenset(names) for name, names in _uses(tree).items()},
        texts=tuple(
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is str
        ),
        attributes=frozenset(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)),
        imports=frozenset(_imports(tree)),
        handed=frozenset(_handed_names(tree)),
        inside=frozenset(
            name.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Lambda)
            for name in ast.walk(node.body)
            if isinstance(name, ast.Name)
        ),
        tree=tree,
    )


@lru_cache(maxsize=1024)
def code_of(source: str) -> str:
    """The part of a cell's text that can make a difference to cells below: not comments, unless they move lines."""
    tree = flow_of(source).tree
    if tree is None or any(line.lstrip().startswith(("%", "!")) for line in source.splitlines()):
        return source
    return ast.dump(tree, include_attributes=True)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _handed_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=arguments, keywords=keywords):
                given = [*arguments, *(each.value for each in keywords)]
            case ast.Assign(targets=targets, value=value) if any(not isinstance(t, ast.Name) for t in targets):
                given = [value]
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if node.decorator_list:
                yield name
                continue
            case _:
                continue
        yield from (each.id for value in given for each in ast.walk(value) if isinstance(each, ast.Name))


def python_of(source: str) -> str:
    """The cell as IPython hands it to Python; magics are calls there."""
    # These run what follows as if they were not there.
    source = _TIMED.sub(r"\1", _TIMED_CELL.sub("", source))
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return source
    try:
        transformer: Any = TransformerManager
        return str(transformer().transform_cell(source))
    except (SyntaxError, ValueError):
        return source


def _loads(statement: ast.stmt) -> set[str]:
    """Global names that a statement, or a function in it when it is called, looks up."""
    found: set[str] = set()
    try:
        table = symtable.symtable(ast.unparse(statement), "<statement>", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    for symbol in table.get_symbols():
        if symbol.is_referenced():
            found.add(symbol.get_name())
    for child in table.get_children():
        found |= _globals_in(child)
    if isinstance(statement, ast.AugAssign):
        found |= {node.id for node in ast.walk(statement.target) if isinstance(node, ast.Name)}
    return found


def _globals_in(table: symtable.SymbolTable) -> set[str]:
    found = {
        symbol.get_name()
        for symbol in table.get_symbols()
        # A class body looks up what it binds itself as well.
        if symbol.is_global() or (table.get_type() == "class" and symbol.is_referenced())
    }
    for child in table.get_children():
        found |= _globals_in(child)
    return found


def _global_stores(table: symtable.SymbolTable) -> set[str]:
    found: set[str] = set()
    for child in table.get_children():
        found |= {s.get_name() for s in child.get_symbols() if s.is_declared_global() and s.is_assigned()}
        found |= _global_stores(child)
    return found


def _certainly_bound(statement: ast.stmt) -> set[str]:
    """Names that are bound whenever the statement has run."""
    match statement:
        case ast.Assign(targets=targets):
            return {name for target in targets for name in _target_names(target)}
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            return {name}
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
        case ast.With(items=items):
            return {name for item in items if item.optional_vars for name in _target_names(item.optional_vars)}
        case _:
            return set()


def _target_names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _target_names(part)
        case ast.Starred(value=value):
            yield from _target_names(value)
        case _:
            return


def _find_changes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            root: ast.expr = node
            while isinstance(root, ast.Attribute | ast.Subscript | ast.Call):
                root = root.func if isinstance(root, ast.Call) else root.value
            if isinstance(root, ast.Name):
                yield root.id


def _uses(tree: ast.Module) -> dict[str, set[str]]:
    """Names that definitions look up when they are used, whoever uses them."""
    found: dict[str, set[str]] = {}
    for statement in ast.walk(tree):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.setdefault(statement.name, set()).update(_loads(statement) - _BUILTINS)
        elif isinstance(statement, ast.Assign) and any(isinstance(n, ast.Lambda) for n in ast.walk(statement.value)):
            for target in statement.targets:
                for name in _target_names(target):
                    found.setdefault(name, set()).update(_loads(statement) - _BUILTINS)
    return found


def identifiers(texts: tuple[str, ...]) -> set[str]:
    """Names that stand in texts: `df.query("a > @limit")`, formulas, magics."""
    return {name for text in texts for name in _IDENTIFIER.findall(text)}
