"""Reads of a piece of code: globals, attributes and modules, as its instructions say.

`co_names` lists attributes and globals alike, so a global that merely shares an attribute's name would
count. The instructions tell them apart, and hold the modules that a body imports.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from types import CodeType
from typing import NamedTuple, TypeVar

T = TypeVar("T")

#: Reading a namespace by names made at run time: whatever it holds may be used.
NAMESPACES = ("eval", "exec", "globals", "__builtins__")
#: Running a file that no import names.
_RUNNERS = ("exec_module", "load_module", "run_path", "run_module", "spec_from_file_location", "SourceFileLoader")
_IMPORTERS = ("import_module", "__import__")
_GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "DELETE_GLOBAL")
_BETWEEN = ("PUSH_NULL", "PRECALL", "CACHE", "NOP")
_MOST = 20_000


class Import(NamedTuple):
    """`from .name import members`: `level` counts the dots. `package` is what a relative name is relative to."""

    name: str
    level: int = 0
    members: tuple[str, ...] = ()
    package: str = ""


class Reads(NamedTuple):
    """Names that code reads, nested functions and classes included.

    `is_open` says that it imports modules whose names are made at run time. `looks` names what in it reads
    its namespace by names made at run time, `runs` what runs files that no import names.
    """

    globals: tuple[str, ...]
    attributes: frozenset[str]
    imports: tuple[Import, ...]
    is_open: bool
    looks: str
    runs: str


class Identities:
    """Remembers what was computed for an object, by identity: equal code objects may differ in what matters here."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, object]] = {}

    def get(self, key: object, compute: Callable[[], T]) -> T:
        """The value for `key`, computed once while it is remembered."""
        known = self._known.get(id(key))
        if known is None:
            if len(self._known) > _MOST:
                self._known.clear()
            known = self._known[id(key)] = key, compute()
        return known[1]  # type: ignore[return-value]


_known = Identities()


def reads(code: CodeType) -> Reads:
    """Find what `code` reads."""
    return _known.get(code, lambda: _read(code))


def _read(code: CodeType) -> Reads:
    names: set[str] = set()
    attributes: set[str] = set()
    imports: set[Import] = set()
    looks: set[str] = set()
    runs: set[str] = set()
    is_open = False
    for inner in _nested_codes(code):
        constants: list[object] = []
        importer, literal = "", ""
        for step in dis.get_instructions(inner):
            operation, given = step.opname, step.argval
            if literal:
                # `import_module(".name", "package")`: the package may stand in the next constant.
                package = given if operation == "LOAD_CONST" and isinstance(given, str) else ""
                imports.add(_resolve_import(literal, package))
                literal = ""
            if importer and operation not in _BETWEEN:
                if operation == "LOAD_CONST" and isinstance(given, str):
                    literal = given
                else:
                    is_open = True
                importer = ""
            if operation in ("LOAD_CONST", "LOAD_SMALL_INT"):
                constants.append(given)
            elif operation == "IMPORT_NAME":
                level, members = constants[-2:]
                names_of = members if isinstance(members, tuple) else ()
                imports.add(Import(given, level if isinstance(level, int) else 0, tuple(map(str, names_of))))
            elif operation in _GLOBALS:
                names.add(given)
                if given in NAMESPACES:
                    looks.add(given)
            elif operation in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"):
                attributes.add(given)
            if operation.startswith("LOAD_") and isinstance(given, str) and operation != "LOAD_CONST":
                if given in _IMPORTERS:
                    importer = given
                if given in _RUNNERS:
                    runs.add(given)
    return Reads(
        globals=tuple(sorted(names)),
        attributes=frozenset(attributes),
        imports=tuple(sorted(imports)),
        is_open=is_open,
        looks=" and ".join(sorted(looks)),
        runs=" and ".join(sorted(runs)),
    )


def _resolve_import(name: str, package: str) -> Import:
    level = len(name) - len(name.lstrip("."))
    return Import(name[level:], level, (), package)


def _nested_codes(code: CodeType) -> Iterator[CodeType]:
    pending = [code]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(constant for constant in current.co_consts if isinstance(constant, CodeType))
