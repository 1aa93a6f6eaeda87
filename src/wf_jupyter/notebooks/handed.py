"""Functions that a cell handed to others, by the names they look up: whoever has them may call them, unseen."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from wf_jupyter.notebooks.content import Look
from wf_jupyter.notebooks.facts import Orders

#: Settings that functions of the notebook may be among.
_HOOKS = frozenset(["logging", "Python's own settings", "IPython's settings", "numpy's options", "pandas' options"])
#: Of a value of more objects, what it was given is kept under its own id alone.
_MANY = 1_000


class Handed:
    """Names that functions look up which libraries hold, and objects that cannot be looked into."""

    def __init__(self) -> None:
        self.to_libraries: set[str] = set()
        self._to_objects: dict[int, set[str]] = {}

    def find(self, orders: Orders, names: Mapping[str, Any], look: Callable[[str, Any], Look]) -> set[str]:
        """Names that functions look up which the cell gave to others."""
        looks = [look(name, names[name]) for name in orders.handed if name in names and _acts(names[name])]
        return set(orders.inside).union(*(each.uses for each in looks))

    def to_object(self, value: object, look: Look, handed: set[str]) -> None:
        """The value, which cannot be looked into, may have got these."""
        for mark in look.marks if len(look.marks) <= _MANY else (id(value),):
            self._to_objects.setdefault(mark, set()).update(handed)

    def with_given(self, look: Look) -> Look:
        """A look that uses what the value may have got as well."""
        if not look.is_opaque or not self._to_objects:
            return look
        given = (self._to_objects[mark] for mark in look.marks & self._to_objects.keys())
        return replace(look, uses=look.uses.union(*given))

    def note(self, effects: Iterable[str], settings: Iterable[str], handed: set[str], looks: Iterable[Look]) -> None:
        """A cell changed libraries, by functions of these looks among others: they may hold what it handed on."""
        effects = [*effects]
        if effects:
            handed = handed.union(*(look.uses for look in looks if look.changes or _is_patched(effects)))
        if effects or not _HOOKS.isdisjoint(settings):
            self.to_libraries |= handed


def _is_patched(effects: Iterable[str]) -> bool:
    return any(not effect.startswith("what ") for effect in effects)


def _acts(value: object) -> bool:
    """Whether it is, or has, code of the notebook's."""
    is_code = isinstance(value, types.FunctionType | types.MethodType | functools.partial | type)
    return "__main__" in (getattr(value, "__module__", "") if is_code else "", type(value).__module__)
