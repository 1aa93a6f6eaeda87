"""Source text that travels with pickled code, so that a traceback made elsewhere names its place and shows its lines.

A cell is no file, and cloudpickle from 3.1.3 on replaces every file name by `<dynamic-code>`. So code objects
are pickled here with the name they were compiled under, and with their own lines. Whoever unpickles them
hands the lines to `linecache`, where `traceback`, `warnings`, `inspect` and the debugger look for them. The name
stays as it was, for an editor's breakpoints hold by it, unless another text is known there by the same name.

What else stands in the cell or file stays where it is: pickles are kept on disk, and a password may be next to
the function.
"""

from __future__ import annotations

import linecache
import sys
from collections import ChainMap
from collections.abc import Iterator
from types import CodeType
from typing import Any

from wf_jupyter.values.ipython import shell as find_shell
from wf_jupyter.values.ipython import shell_reducers
from wf_jupyter.values.reducers import reducers

#: Code that is longer travels without its lines.
LIMIT = 200_000
#: Cells that are looked through for code which a magic such as `%%time` compiled under a name of its own.
_CELLS = 50

_labels: dict[str, str] = {}
_installed: dict[tuple[str, int, str], str] = {}
#: Names behind which `linecache` has only those lines that were installed; the others are empty there.
_partial: set[str] = set()


class Place:
    """Consecutive lines of one file or cell; unpickles as the name under which they are installed."""

    def __init__(self, name: str, lines: list[str], first: int, last: int) -> None:
        self._range = first, last
        self._given = (name, label_of(name), first, "".join(lines))

    def holds(self, first: int, last: int) -> bool:
        """Whether all these lines are among its own."""
        return self._range[0] <= first and last <= self._range[1]

    def __reduce__(self) -> tuple[object, ...]:
        return install, self._given


class Reducer:
    """Pickles the code objects of one `dump`; a function and those inside it share its lines."""

    def __init__(self, table: ChainMap[type, Any]) -> None:
        self._reduce = table[CodeType]
        self._places: dict[str, list[Place]] = {}
        # A plain dict, which the pickler looks into without running Python, as it must for cloudpickle's ChainMap.
        self.table: dict[type, Any] = {}
        for part in reversed(table.maps):
            self.table |= part
        self.table |= {**reducers(), CodeType: self, **shell_reducers(table)}

    def __call__(self, code: CodeType) -> tuple[object, ...]:
        _, arguments = self._reduce(code)
        return build_code, (arguments, self._place(code) or code.co_filename)

    def _place(self, code: CodeType) -> Place | None:
        first, last = code.co_firstlineno, _last_line(code)
        known = self._places.setdefault(code.co_filename, [])
        for place in known:
            if place.holds(first, last):
                return place
        lines = _lines(code)[first - 1 : last]
        if not lines or sum(map(len, lines)) > LIMIT:
            return None
        known.append(Place(code.co_filename, lines, first, last))
        return known[-1]


def build_code(arguments: tuple[Any, ...], name: str) -> CodeType:
    """The code object that was pickled, under the name of its source."""
    return CodeType(*arguments).replace(co_filename=name)


def install(name: str, label: str, first: int, text: str) -> str:
    """Make lines known to this process, the first of them being line `first`; returns the name to find them by."""
    key = (name, first, text)
    unique = _installed.get(key)
    if unique is None or unique not in linecache.cache:
        lines = [f"{line}\n" for line in _split(text)]
        unique = _installed[key] = _free_name(name, first, lines)
    _labels[unique] = label
    return unique


def label_of(name: str) -> str:
    """The name that people know a source by: `Cell In[7]` as in IPython's own tracebacks, else the name of the file."""
    return _labels.get(name) or _cell_label(name) or name


def _free_name(name: str, first: int, lines: list[str]) -> str:
    """The name, or a variant of it where another text is known by that name: both texts are still to be shown."""
    count, variant = 1, name
    while (known := linecache.getlines(variant)) and not _agree(known, first, lines, variant in _partial):
        count += 1
        variant = f"{name[:-1]} {count}>" if name.endswith(">") else f"{name} {count}"
    if not known or variant in _partial:
        _partial.add(variant)
        known = known + ["\n"] * (first - 1 + len(lines) - len(known))
        known[first - 1 : first - 1 + len(lines)] = lines
    # Without a time: what is on the disk may change, the code that was sent does not.
    linecache.cache[variant] = (sum(map(len, known)), None, known, variant)
    return variant


def _agree(known: list[str], first: int, lines: list[str], is_partial: bool) -> bool:
    """Whether the lines stand in a known text, or may be added where nothing is known yet."""
    there = [line.rstrip("\n") for line in known[first - 1 : first - 1 + len(lines)]]
    if is_partial:
        there += [""] * (len(lines) - len(there))
    return len(there) == len(lines) and all(
        one == other.rstrip("\n") or (is_partial and not one) for one, other in zip(there, lines, strict=True)
    )


def _split(text: str) -> list[str]:
    # `splitlines` also splits at form feeds and the like, which Python's own line numbers do not count.
    return text.removesuffix("\n").split("\n")


def _last_line(code: CodeType) -> int:
    """The last line of the code, that of the functions inside included."""
    last = max((end for _, end, _, _ in code.co_positions() if end), default=code.co_firstlineno)
    return max([last, *(_last_line(constant) for constant in code.co_consts if isinstance(constant, CodeType))])


def _lines(code: CodeType) -> list[str]:
    name = code.co_filename
    if lines := linecache.getlines(name):
        return lines
    # Python 3.13 keeps what was typed, or given with -c, by code object.
    registered = getattr(linecache, "_getlines_from_code", None)
    if registered is not None and (lines := registered(code)):
        return list(lines)
    for text in _typed_texts(name):
        if _compiles_to(text, code):
            return [f"{line}\n" for line in _split(text)]
    return []


def _typed_texts(name: str) -> Iterator[str]:
    """Texts that may have been compiled under a name that `linecache` does not know."""
    if name == "<string>" and "-c" in sys.orig_argv[:-1]:
        yield sys.orig_argv[sys.orig_argv.index("-c") + 1]
    found = find_shell()
    for cell in reversed(found.history_manager.input_hist_raw[-_CELLS:] if found is not None else ()):
        if cell.lstrip().startswith("%%"):
            yield found.transform_cell(cell.lstrip().partition("\n")[2])


def _compiles_to(text: str, code: CodeType) -> bool:
    try:
        pending = [compile(text, code.co_filename, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return False
    while pending:
        found = pending.pop()
        if found.co_code == code.co_code and found.co_name == code.co_name:
            return found.co_firstlineno == code.co_firstlineno
        pending.extend(constant for constant in found.co_consts if isinstance(constant, CodeType))
    return False


def _cell_label(name: str) -> str | None:
    found = find_shell()
    try:
        label = found.compile.format_code_name(name) if found is not None else None
    except AttributeError:
        return None  # an IPython older than that method
    return None if label is None else " ".join(label)
