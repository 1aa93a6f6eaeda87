"""What a store promises of its data directory as a whole."""

from __future__ import annotations

from typing import Protocol


class DataDirectory(Protocol):
    """A data directory, whatever executions are in it."""

    async def note(self, name: str) -> bytes | None:
        """What was noted of the data directory under that name, or None."""
        ...

    async def write_note(self, name: str, data: bytes) -> None:
        """Note something of the data directory as a whole, as UTF-8 text; the latest counts."""
        ...

    async def newest_id(self) -> str:
        """The greatest id that an execution of the directory ever had, also of those forgotten; empty without any."""
        ...

    def trouble(self) -> str | None:
        """Why nothing can be kept just now, in words; None while all is well. A few system calls."""
        ...
