"""Ids that sort by time: 48 bits of milliseconds and 80 random bits, in Crockford's base 32 (as ULIDs)."""

from __future__ import annotations

import secrets
from datetime import datetime

from wf_jupyter.model.keys import ExecutionId

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_execution_id(now: datetime) -> ExecutionId:
    """A fresh id of 26 lower-case characters; later ones compare greater, to the millisecond."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return ExecutionId("".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)))


def new_epoch(directory: str) -> str:
    """A name for a new stretch of a log: that of the data directory, a dot, and 64 random bits."""
    return f"{directory}.{secrets.token_hex(8)}"
