"""Base of events, snapshots and their parts, for those who read them in Python.

They are the JSON objects of the wire, so they can be read like these, too: `event["type"]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

#: Different in every run, and therefore in no `repr`: a saved notebook stays the same.
_OF_THE_RUN = frozenset(
    {
        *("id", "epoch", "time", "created", "started", "ended", "since", "duration", "retry_at", "published"),
        *("worker", "owner", "usage"),
    }
)


class Record:
    """A struct that reads like its JSON object, too, and shows nothing that differs from run to run."""

    __slots__ = ()

    __struct_fields__: ClassVar[tuple[str, ...]]

    def keys(self) -> tuple[str, ...]:
        """The names of its members, as in JSON."""
        return self.__struct_fields__

    def get(self, name: str, default: Any = None) -> Any:
        """The member of that name, or `default` when there is none."""
        return getattr(self, name) if name in self.keys() else default

    def __getitem__(self, name: str) -> Any:
        if name not in self.keys():
            raise KeyError(f"{name!r}; there are: {', '.join(self.keys())}")
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in _OF_THE_RUN)
        return f"{type(self).__name__}({', '.join(shown)})"
