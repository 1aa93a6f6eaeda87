"""A code object by what it does: its instructions and what they use, and not where it stands in a file."""

from __future__ import annotations

import dis
import marshal
from collections.abc import Iterator
from types import CodeType
from typing import Any

from wf_jupyter.values.fingerprint.bytecode import Identities
from wf_jupyter.values.fingerprint.hashing import hash_all, hash_parts, text

_known = Identities()


def code_digest(code: CodeType) -> bytes:
    """The digest of a code object.

    Names of parameters count, as arguments may be given by name; those of local variables do too, as
    `locals()` shows them; so does the docstring. The table of exception handlers stands beside the
    instructions since Python 3.11. Names of files and numbers of lines do not count.
    """
    return _known.get(code, lambda: _digest(code))


def _digest(code: CodeType) -> bytes:
    if "__firstlineno__" in code.co_names:
        return hash_all([b"class body", text(code.co_name), *_body_of_class(code)])
    numbers = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return hash_all(
        [
            text(code.co_name),
            marshal.dumps((numbers, names), 2),
            code.co_code,
            getattr(code, "co_exceptiontable", b""),
            *map(_constant, code.co_consts),
        ]
    )


def _body_of_class(code: CodeType) -> Iterator[bytes]:
    """Describe a class's body. From Python 3.13 on it stores the number of its line, and a set of names."""
    steps = list(dis.get_instructions(code))
    yield getattr(code, "co_exceptiontable", b"")
    for step, following in zip(steps, [*steps[1:], steps[-1]], strict=True):
        if following.opname == "STORE_NAME" and following.argval in ("__firstlineno__", "__static_attributes__"):
            continue
        argument = _constant(step.argval) if step.opcode in dis.hasconst else text(repr((step.arg, step.argval)))
        yield hash_parts(text(step.opname), argument)


def _constant(value: Any) -> bytes:
    match value:
        case CodeType():
            return hash_parts(b"code", code_digest(value))
        case frozenset():
            return hash_all([b"frozenset", *sorted(map(_constant, value))])
        case tuple():
            return hash_all([b"tuple", *map(_constant, value)])
        case slice():
            return hash_all([b"slice", *map(_constant, (value.start, value.stop, value.step))])
        case _:
            return hash_parts(type(value).__name__.encode(), marshal.dumps(value, 2))
