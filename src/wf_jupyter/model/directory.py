"""Promises of a store about its data directory as a whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import msgspec

from wf_jupyter.model.snapshot import Parked, Summary


class DataDirectory(Protocol):
    """A data directory, whatever executions are in it."""

    async def note(self, name: str) -> bytes | None:
        """The note of the data directory under that name, or None."""
        ...

    async def write_note(self, name: str, data: bytes) -> None:
        """Note something of the data directory as a whole, as UTF-8 text; the latest counts."""
        ...

    async def newest_id(self) -> str:
        """The greatest id that an execution of the directory ever had, also of those forgotten; empty without any."""
        ...

    def trouble(self) -> str | None:
        """Reason why nothing can be kept just now, in words; None while all is well. A few system calls."""
        ...


class Peers(msgspec.Struct, frozen=True, kw_only=True):
    """Other owners in the data directory: those that live, and whether any came or went since asked before.

    `parked` are executions of theirs that do not move, as they last told.
    """

    living: frozenset[str]
    are_changed: bool
    parked: Mapping[str, Parked] = {}


class Ownership(Protocol):
    """Ownership of executions: each belongs to one of those who have the directory open, or to nobody."""

    def claim(self, execution: str) -> bool:
        """Own an execution until this process ends or closes the store; False when another one owns it."""
        ...

    async def orphans(self) -> list[str]:
        """Executions that are not final and that no living orchestrator owns, oldest first."""
        ...

    def peers(self) -> Peers:
        """The others who have the directory open. A few system calls; returns at once."""
        ...

    def tell_parked(self, parked: Mapping[str, Parked]) -> None:
        """Tell the others which executions of ours do not move, in place of what was told before; `OSError`.

        A full disk may not keep it from being told: that is why most of them stand still.
        """
        ...

    async def elsewhere(self, newest: int, known: Collection[str]) -> tuple[list[Summary], int]:
        """Executions of others that are not final, `known`, or begun after number `newest`; the newest number."""
        ...

    async def positions(self, executions: Collection[str]) -> dict[str, int]:
        """The last `seq` of each that exists."""
        ...
