"""Ids that sort by time: 48 bits of milliseconds and 80 random bits, in Crockford's base 32 (as ULIDs).

Within a data directory they never go back, whatever the clock does: lists are ordered by them, and paged.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from wf_jupyter.model.keys import ExecutionId
from wf_jupyter.ports import Clock, Store

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
#: Where the clock is behind, an id follows the newest one by up to so many bits: 65,000 ids advance it by 1 ms.
_STEP_BITS = 64


class ExecutionIds:
    """Makes the ids of one data directory's executions."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._newest = ""

    async def new(self) -> ExecutionId:
        """An id that is greater than any that was ever made for the directory, here or by another process."""
        newest = await self._store.newest_id()
        made = new_execution_id(self._clock(), max(newest, self._newest))
        self._newest = made
        return made


def new_execution_id(now: datetime, after: str = "") -> ExecutionId:
    """A fresh id of 26 lower-case characters, greater than `after`; later ones compare greater, to the millisecond."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    if (last := _number(after)) >= number:
        number = last + 1 + secrets.randbits(_STEP_BITS)
    return ExecutionId("".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)))


def new_epoch(directory: str) -> str:
    """A name for a new stretch of a log: that of the data directory, a dot, and 64 random bits."""
    return f"{directory}.{secrets.token_hex(8)}"


def _number(execution: str) -> int:
    if len(execution) != _LENGTH or not set(execution) <= set(_ALPHABET):
        return 0
    number = 0
    for letter in execution:
        number = number << 5 | _ALPHABET.index(letter)
    return number
