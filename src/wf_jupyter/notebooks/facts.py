"""Facts observed of a cell, what is kept of it, and the orders that a cell is run with.

Names that begin with `@` stand for what is not a variable: `@settings` of the process that any cell may depend on,
`@random` and `@numpy.random`, the states that random numbers come from, `@module x`, a module of the user's by
whichever name a cell calls it, and `@all`, everything above.
"""

from __future__ import annotations

from typing import Any

import msgspec

SETTINGS, ALL = "@settings", "@all"
#: Where a name stands that nothing above has bound.
UNBOUND = "-"
MODULE = "@module "


def module_name(path: str) -> str:
    """The name that stands for a module of the user's, imported as `path` or as what is in it."""
    return MODULE + path.partition(".")[0]


def is_module_name(name: str) -> bool:
    """Whether it stands for a module."""
    return name.startswith(MODULE)


class Written(msgspec.Struct, frozen=True):
    """A name that a cell bound, or whose value it changed.

    `uses` are the names that the value's functions look up; `stored` is the file of a value that can be loaded. It
    `is_new` when nothing had the name before.
    """

    uses: tuple[str, ...] = ()
    stored: str = ""
    is_changed: bool = False
    is_new: bool = False


class Facts(msgspec.Struct, kw_only=True):
    """Facts of a cell's run. `reads` are the names it could look up, functions' included, with or without a value.

    `settings` and `drawn` say what it changed or drew from, `never` why it must run each time, `barrier` why
    everything after it must run in order. Files have stamps: as they were read, and as they were left. `has_drawn` is
    false when only modules drew from `random`, as they were imported. `values` is a digest of all that it wrote, of a
    cell that differs from run to run; empty when not all of it can be seen.
    """

    reads: tuple[str, ...] = ()
    writes: dict[str, Written] = {}
    deletes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()
    seeded: tuple[str, ...] = ()
    files_read: dict[str, str] = {}
    files_written: dict[str, str] = {}
    never: tuple[str, ...] = ()
    barrier: tuple[str, ...] = ()
    has_drawn: bool = True
    values: str = ""


class Record(msgspec.Struct, kw_only=True):
    """A cell as it ran once: reused when what it read stands at the same versions, and its files are the same."""

    key: str
    reads: dict[str, str]
    facts: Facts
    outcome: dict[str, Any]
    seconds: float = 0.0


class Entry(msgspec.Struct, kw_only=True):
    """A cell in one execution: under which key it ran or was reused, and what it read at which version."""

    number: int
    key: str
    reads: dict[str, str]
    facts: Facts
    is_reused: bool = False


class Orders(msgspec.Struct, kw_only=True):
    """For the observer in the trunk: how to run the next cell.

    `reads` are the names that its text looks up, `binds` those it assigns; `calls` are those that may change something
    in a library, `seeds` those it begins with; what it hands on are `handed` and lambdas that mention what is `inside`;
    it asks what `asks` have; when it `is_varying`, what it leaves is
    compared with what it left before. With `has_frames` it calls what looks up names
    that stand in texts. Names to `forget` are not as they would be in a run in order; `load` gives files of values that
    the cell is to find.
    """

    number: int
    reads: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    handed: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    has_frames: bool = False
    seeds: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    is_varying: bool = False
    forget: tuple[str, ...] = ()
    load: dict[str, str] = {}
    values: str = ""
