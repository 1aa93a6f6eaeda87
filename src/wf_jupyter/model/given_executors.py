"""Names for executor objects of this process: a submission holds names only, and an object cannot travel.

The orchestrator of the same process finds the object again. Another one cannot run what needs it, and says so.
"""

from __future__ import annotations

from concurrent.futures import Executor

PREFIX = "object:"
#: Stands before the name under which a package offers an executor (entry points of this group).
OFFERED, GROUP = "futures:", "wf_jupyter.executors"

_given: dict[str, Executor] = {}


def name_of(given: object) -> object:
    """The name of an executor object, the same each time; anything else as it is."""
    if not isinstance(given, Executor):
        return given
    for name, known in _given.items():
        if known is given:
            return name
    name = f"{PREFIX}{type(given).__name__}-{len(_given) + 1}"
    _given[name] = given
    return name


def find(name: str) -> Executor | None:
    """The object of that name, if it was given in this process."""
    return _given.get(name)
