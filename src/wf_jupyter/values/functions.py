"""Functions of a notebook with a class in their body, whose globals cloudpickle does not send.

It looks for what functions read (`LOAD_GLOBAL`); the body of a class reads the same names by another instruction.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

_READS = ("LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")


def reduce_function(function: FunctionType, reduced: Any) -> Any:
    """Complete, in place, cloudpickle's reduction of a function that goes by value."""
    if isinstance(reduced, tuple) and len(reduced) == 6:
        _, slots = reduced[2]
        scope = function.__globals__
        for name in _names_in_classes(function.__code__):
            if name in scope:
                slots["__globals__"].setdefault(name, scope[name])
    return reduced


def _names_in_classes(code: CodeType) -> Iterator[str]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if not inner.co_flags & inspect.CO_OPTIMIZED:  # the body of a class
                yield from (found.argval for found in dis.get_instructions(inner) if found.opname in _READS)
            yield from _names_in_classes(inner)
