"""Where in a value the thing is that cannot be pickled, said as its author would write it.

Pickle tells the type only ("cannot pickle '_thread.lock' object"), and that of something deep inside another
library's object. So parts are tried one by one: the first part that cannot be sent is looked into, until none
of its own parts is to blame.
"""

from __future__ import annotations

import dis
import functools
import io
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wf_jupyter.values.fingerprint.modules import is_installed
from wf_jupyter.values.preview import shorten

_DEPTH = 40
#: How many parts of one object are tried; each is pickled for it.
_PARTS = 2_000
_HINTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("generator", "async_generator", "map", "filter", "zip"), "Pass what it yields, as a list"),
    (("coroutine",), "Await it first, or call it inside the task"),
    (("module",), "Import it inside the task"),
)
_FILE = "Open it inside the task, and pass its path"
_CREATE = "Create it inside the task, or pass what is needed to create it (a path, a URL, settings) as an argument"
_HELD = "; or leave it out in `__getstate__` of {}"

_REASON_LIMIT = 500
Encode = Callable[[object], object]


class _Spot(NamedTuple):
    """A part of the value: `title` names the variable, `path` the way from there, as Python writes it."""

    value: object
    title: str
    path: str
    owner: str = ""

    def inside(self, value: object, step: str, owner: str = "") -> _Spot:
        return _Spot(value, self.title, self.path + step, owner or self.owner)


def explain_function(function: object, key: str, error: Exception, encode: Encode) -> str:
    """Explain why the code of task `key` cannot be sent: which of its variables is in the way, and what to do.

    `error` is what `encode`, which raises for what cannot be sent, raised for the function.
    """
    explanation = _explain(_Spot(function, f"task {key!r}", ""), encode) or f"it holds what cannot be sent. {_CREATE}"
    return explanation if _is_depth(error) else f"{reason_of(error)}: {explanation}"


def explain_value(value: object, name: str, error: Exception, encode: Encode, hint: str = "") -> str:
    """Explain why a value that is called `name` cannot be sent; `hint` says what else can be done."""
    explanation = None if _is_depth(error) else _explain(_Spot(value, "it", name), encode, hint)
    return reason_of(error) if explanation is None else f"{reason_of(error)}: {explanation}"


def reason_of(error: Exception) -> str:
    """The complaint of pickling."""
    if _is_depth(error):
        return "it is nested too deeply"
    return shorten(str(error) or type(error).__name__, _REASON_LIMIT)


def _is_depth(error: Exception) -> bool:
    return isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError)  # as cloudpickle raises it


def _explain(start: _Spot, encode: Encode, hint: str = "") -> str | None:
    spot = variable = start
    seen = {id(start.value)}
    for _ in range(_DEPTH):
        found = _find_culprit(spot, encode, seen)
        if found is None:
            break
        seen.add(id(found.value))
        if found.title != variable.title:
            variable = found
        spot = found
    else:
        return f"{variable.title} is nested too deeply"
    if spot is start and isinstance(spot.value, types.FunctionType | type | functools.partial | types.MethodType):
        return None
    kind = _kind(spot.value)
    problem = f"is {kind}" if spot.path == variable.path else f"holds {kind} at {spot.path}"
    return f"{variable.title} {problem}. {hint or _hint(spot)}"


def _find_culprit(spot: _Spot, encode: Encode, seen: set[int]) -> _Spot | None:
    for count, part in enumerate(_parts(spot)):
        if count >= _PARTS:
            return None
        if id(part.value) not in seen and not _passes(part.value, encode):
            return part
    return None


def _passes(value: object, encode: Encode) -> bool:
    try:
        encode(value)
    except Exception:  # any object may refuse to be pickled in its own way
        return False
    return True


def _parts(spot: _Spot) -> Iterator[_Spot]:
    match spot.value:
        case types.FunctionType():
            yield from _parts_of_function(spot.value, spot)
        case types.MethodType():
            yield spot.inside(spot.value.__self__, ".__self__")
            yield spot.inside(spot.value.__func__, "")
        case functools.partial():
            here = spot if spot.path else spot.inside(None, "functools.partial(...)")
            yield here.inside(spot.value.func, ".func")
            yield from _parts_of_container(spot.value.args, here, ".args")
            yield from _parts_of_container(spot.value.keywords, here, ".keywords")
        case staticmethod() | classmethod():
            yield spot.inside(spot.value.__func__, "")
        case property():
            for function in (spot.value.fget, spot.value.fset, spot.value.fdel):
                yield spot.inside(function, "")
        case type():
            name = spot.value.__qualname__
            for member, value in vars(spot.value).items():
                # A class is pickled with all that is defined in it.
                yield _Spot(value, f"the attribute {member!r} of class {name}", f"{name}.{member}")
            for base in spot.value.__bases__:
                yield _Spot(base, f"class {base.__qualname__}", base.__qualname__)
        case dict() | list() | tuple() | set() | frozenset():
            yield from _parts_of_container(spot.value, spot, "")
        case _:
            yield from _parts_of_object(spot.value, spot)


def _parts_of_function(function: types.FunctionType, spot: _Spot) -> Iterator[_Spot]:
    user = spot.title if not spot.path and spot.title.startswith("task ") else f"{function.__qualname__}()"
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield _Spot(cell.cell_contents, f"the variable {name!r} of the surrounding function that {user} uses", name)
        except ValueError:  # not assigned yet
            continue
    for name in dict.fromkeys(_globals_of(code)):
        if name in function.__globals__:
            yield _Spot(function.__globals__[name], f"the global {name!r} that {user} uses", name)
    names = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True)) | (function.__kwdefaults__ or {})
    for name, value in given.items():
        yield _Spot(value, f"the default of parameter {name!r} of {user}", name)
    for name, value in vars(function).items():
        yield _Spot(value, f"the attribute {name!r} of {user}", f"{function.__qualname__}.{name}")


def _parts_of_container(value: Any, spot: _Spot, step: str) -> Iterator[_Spot]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield spot.inside(item, f"{step}[{_write_key(key)}]")
        for key in value:
            yield spot.inside(key, f"{step} (a key)")
    else:
        ordered = isinstance(value, Sequence)
        for index, item in enumerate(value):
            yield spot.inside(item, f"{step}[{index}]" if ordered else f"{step} (an item)")


def _parts_of_object(value: object, spot: _Spot) -> Iterator[_Spot]:
    kind = type(value).__qualname__ if _is_users(type(value)) else ""
    try:
        reduced: Any = value.__reduce_ex__(4)
    except Exception:  # it cannot be taken apart: so it is the one
        return
    if not isinstance(reduced, tuple):
        return
    _, args, state, items, pairs = (*reduced[:5], None, None, None)[:5]
    for part in state if isinstance(state, tuple) else (state,):
        if isinstance(part, Mapping):
            for name, member in part.items():
                yield spot.inside(member, f".{name}", kind)
        elif part is not None:
            yield spot.inside(part, "", kind)
    for index, item in enumerate(items or ()):
        yield spot.inside(item, f"[{index}]", kind)
    for key, item in pairs or ():
        yield spot.inside(item, f"[{_write_key(key)}]", kind)
    for item in args or ():
        yield spot.inside(item, "", kind)


def _globals_of(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _globals_of(constant)


def _write_key(key: object) -> str:
    text = repr(key) if isinstance(key, str | int | float | bool | bytes | tuple | None) else type(key).__name__
    return text if len(text) <= 60 else f"{text[:59]}…"


def _kind(value: object) -> str:
    kind = type(value)
    module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    name = f"{module}{kind.__qualname__}"
    return f"{'an' if name.lstrip('_')[:1].lower() in tuple('aeiou') else 'a'} {name}"


def _is_users(kind: type) -> bool:
    top = kind.__module__.partition(".")[0]
    path = getattr(sys.modules.get(top), "__file__", None) or ""
    return top == "__main__" or (top not in sys.stdlib_module_names and not is_installed(top, path))


def _hint(spot: _Spot) -> str:
    kind = type(spot.value).__name__
    for names, hint in _HINTS:
        if kind in names:
            return hint
    advice = _FILE if isinstance(spot.value, io.IOBase) else _CREATE
    return advice + (_HELD.format(spot.owner) if spot.owner else "")
