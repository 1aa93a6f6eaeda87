"""Changes that cells make in libraries, where no name of the notebook shows it: registrations, switches, patches.

Which of a library's functions change something inside it cannot be seen. Those that do have telling names
(`register`, `set_...`, `enable`), and a call of one counts as a change of a setting.
"""

from __future__ import annotations

import ast
import builtins
import dis
import getpass
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from operator import is_
from typing import Any

from wf_jupyter.notebooks.facts import module_name

_CHANGES = re.compile(
    r"""_?(?:
    set(?!p$|diff|xor|$)\w* | (?:un)?register\w* | enable\w* | disable\w* | (?:de)?activate\w* | reset\w*
    | init(?:ialize)?(?:_\w+)? | (?:un)?install\w* | config\w* | setup(?:_\w+)? | use(?:_\w+)?
    | (?:un)?patch\w* | monkeypatch\w* | add_(?!constant$|trend$|lag$)\w+ | addsitedir | clear(?:_\w+)? | purge
    | append | extend | insert
    | update | pop | push(?:_\w+)? | load_dotenv | start | stop | tzset | unsetenv | putenv | umask
    )""",
    re.VERBOSE,
)
#: Functions with such names that only make something of what they are given.
_HARMLESS = frozenset(["operator.setitem", "random.setstate"])
#: Libraries whose settings are looked at themselves; what is registered there is not.
_LOOKED_AT = frozenset(["numpy", "pandas", "matplotlib", "warnings", "logging", "decimal", "locale"])
#: Modules of which every call counts.
_WHOLLY = frozenset(["copyreg"])


def is_users(module: types.ModuleType) -> bool:
    """Whether it is of the user's own code: neither Python's nor installed."""
    path = getattr(module, "__file__", None)
    if module.__name__.partition(".")[0] == "wf_jupyter":
        return False  # wherever it is developed
    if path is None and getattr(module, "__spec__", None) is None:
        return sys.modules.get(module.__name__) is not module  # made by hand
    return isinstance(path, str) and "site-packages" not in path and "/lib/python3" not in path and path[:1] == "/"


# -- calls that change something in a library ---------------------------------------------------------


def calls_in_text(tree: ast.AST) -> Iterator[str]:
    """Dotted names that are called, of those that sound as if they changed something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            path = _dotted_name(node.func)
            if path and _sounds_so(path):
                yield path
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                path = _dotted_name(decorator)
                if path and _sounds_so(path):
                    yield path


def _sounds_so(path: str) -> bool:
    root, _, rest = path.partition(".")
    return root in _WHOLLY or bool(_CHANGES.fullmatch(rest.rpartition(".")[2] or root))


def _dotted_name(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


_NO_STEPS = ("CACHE", "PUSH_NULL", "EXTENDED_ARG")
_CALLS = ("PRECALL", "CALL")


@lru_cache(maxsize=4096)
def calls_in_code(code: types.CodeType) -> frozenset[str]:
    """Calls in a function's code, called or not, and attributes that it sets; what it defines included."""
    found: set[str] = set()
    path = ""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            path = str(instruction.argval)
        elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and path:
            path += f".{instruction.argval}"
        elif instruction.opname in ("STORE_ATTR", "DELETE_ATTR") and path:
            found.add(f"{path}.setattr")
            path = ""
        elif instruction.opname not in _NO_STEPS and not (instruction.opname in _CALLS and instruction.arg == 0):
            path = ""
        if path and _sounds_so(path):
            found.add(path)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= calls_in_code(constant)
    return frozenset(found)


def all_names(code: types.CodeType) -> set[str]:
    """Names and attributes that the code, and what it defines, mentions."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= all_names(constant)
    return found


def global_names(code: types.CodeType) -> set[str]:
    """Names that the code, and what it defines, looks up or sets as globals; modules that it imports are `@module`s."""
    found = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"):
            found.add(str(instruction.argval))
        elif instruction.opname == "IMPORT_NAME":
            found.add(module_name(str(instruction.argval)))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= global_names(constant)
    return found


def changes_by(calls: Iterable[str], namespace: Mapping[str, Any]) -> Iterator[str]:
    """Select the calls that are of libraries."""
    for call in sorted(set(calls)):
        root, _, rest = call.partition(".")
        value = namespace.get(root)
        if not _is_of_library(root, value, is_called=not rest):
            continue
        home = getattr(value, "__name__" if rest else "__module__", None) or root
        name = call.rpartition(".")[2]
        if home.partition(".")[0] in _LOOKED_AT and "register" not in name:
            continue
        if f"{home}.{rest}" not in _HARMLESS:
            yield f"what {call}() changes"


def _is_of_library(name: str, value: object, *, is_called: bool) -> bool:
    if isinstance(value, types.ModuleType):
        return not is_users(value)
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        # The methods of a class of the user's are seen in the class.
        module = sys.modules.get(getattr(value, "__module__", None) or "__main__")
        return module is not None and module.__name__ != "__main__" and not is_users(module)
    return not is_called and library_of(name, value) is not None


def library_of(name: str, value: object) -> str | None:
    """The installed module that has this very object under this name."""
    if value is None or isinstance(value, int | float | str | types.ModuleType):
        return None
    for found, module in list(sys.modules.items()):
        if found in ("__main__", "__mp_main__") or is_users(module):  # the notebook itself, for multiprocessing
            continue
        if getattr(module, "__dict__", {}).get(name) is value:
            return found
    return None


# -- patched functions --------------------------------------------------------------------------------


class Members:
    """The functions of the modules that the notebook has names for, and of their classes, as they were.

    It is asked after each cell, and there are some ten thousand: places whose objects are the same are passed over.
    """

    def __init__(self) -> None:
        self._known: dict[Any, tuple[dict[str, Any], list[type]]] = {}
        self._tables: dict[types.ModuleType, dict[str, int]] = {}

    def find_changed(self, namespace: Mapping[str, Any]) -> list[str]:
        """Names of functions that were replaced, or of members added to a class, since the last call."""
        found: list[str] = []
        modules = _modules(namespace)
        for module in modules:
            self._look(module, found)
            inner = [each for each in self._known[module][0].values() if _is_part(each, module)]
            if len(inner) <= _PARTS:
                # `import html.entities` binds `html` alone.
                modules += [each for each in inner if each not in modules]
            for each in self._known[module][1]:
                self._look(each, found)
            if module.__name__ not in _BUSY:
                self._look_at_tables(module, found)
        return found

    def _look_at_tables(self, module: types.ModuleType, found: list[str]) -> None:
        """Find what is put into a public list or dict of a library's, or taken from it."""
        tables = {
            name: _shallow_digest(member)
            for name, member in self._known[module][0].items()
            if type(member) in (dict, list, set) and name[:1] != "_"
        }
        before = self._tables.get(module)
        if before is not None and before != tables:
            found += [f"{module.__name__}.{name}" for name, state in tables.items() if before.get(name, state) != state]
        self._tables[module] = tables

    def _look(self, place: Any, found: list[str]) -> None:
        members = vars(place)
        known = self._known.get(place)
        if known is not None and len(known[0]) == len(members) and all(map(is_, members.values(), known[0].values())):
            return
        names = _of_notebook(members) if known is None else _find_replaced(place, members, known[0])
        found += [f"{place.__name__}.{name}" for name in names if (place, name) not in _BY_KERNEL]
        inner = [] if isinstance(place, type) else [each for each in members.values() if isinstance(each, type)]
        self._known[place] = dict(members), [each for each in inner if each.__flags__ & _HEAP_TYPE]


#: Of larger packages only what the notebook has names for is looked at.
_PARTS = 12


def _is_part(value: object, package: types.ModuleType) -> bool:
    return isinstance(value, types.ModuleType) and value.__name__.rpartition(".")[0] == package.__name__


#: Modules whose tables Python itself fills.
_BUSY = frozenset(["sys", "os", "builtins", "linecache", "warnings", "weakref", "gc", "signal"])
_LONG = 1_000


def _shallow_digest(table: Any) -> int:
    if len(table) > _LONG:
        return len(table)
    values = table.values() if type(table) is dict else table
    return hash((len(table), *map(id, values)))


#: What the kernel itself puts there for each cell.
_BY_KERNEL = ((builtins, "input"), (getpass, "getpass"))


def _of_notebook(members: Mapping[str, Any]) -> Iterator[str]:
    """Names in a module, not known before, that the notebook defined."""
    for name, value in list(members.items()):
        if getattr(value, "__module__", "") == "__main__" and not isinstance(value, type):
            yield name


def _find_replaced(place: Any, members: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    for name, value in list(members.items()):
        then = before.get(name, _absent)
        # A module may well load its own parts when they are asked for.
        if then is _absent:
            is_public_data = name[:1] != "_" and (type(value) in _CONSTANTS or isinstance(place, type))
            if is_public_data or (isinstance(place, type) and _is_function(value)):
                yield name
        elif then is not value and (_is_function(then) or (type(then) in _CONSTANTS and name[:1] != "_")):
            yield name


#: What is not put anew in the place of the like by a library itself.
_CONSTANTS = (str, bytes, int, float, bool, tuple)


_absent: Any = object()


def _is_function(value: object) -> bool:
    return callable(value) or hasattr(type(value), "__get__")


def _modules(namespace: Mapping[str, Any]) -> list[types.ModuleType]:
    modules: dict[types.ModuleType, None] = {builtins: None}
    for value in list(namespace.values()):
        if isinstance(value, types.ModuleType):
            modules[value] = None
        elif isinstance(value, type | types.FunctionType):
            module = sys.modules.get(value.__module__ or "")
            if module is not None:
                modules[module] = None
    for module in list(modules):
        top = sys.modules.get(module.__name__.partition(".")[0])
        if top is not None:
            modules[top] = None
    return [module for module in modules if module.__name__ != "__main__"]


_HEAP_TYPE = 1 << 9
