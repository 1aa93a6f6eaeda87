"""Messages between the executor and its worker hosts on a cluster, by way of Dask's events.

Events go through the scheduler on connections that are open anyway: they reach workers also where nobody
but the scheduler can be reached, and what is said in one turn travels as one message. The scheduler keeps
the latest thousand of each topic, so what is larger than `EVENT_LIMIT` is not sent as an event but fetched or put.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from wf_jupyter.model.keys import Digest
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptStopped,
    AttemptSucceeded,
    Displayed,
    Printed,
    Progressed,
    Report,
)
from wf_jupyter.model.submission import Environment
from wf_jupyter.ports import Attempt

#: Both sides must be of the same make.
PROTOCOL = 3
EVENT_LIMIT = 16_384


class _Message(msgspec.Struct, frozen=True, array_like=True):
    pass


# -- to a worker host -------------------------------------------------------------------------


class Source(_Message, frozen=True):
    """Where a value is that is not on a disk which everybody sees: the worker, and the file there."""

    address: str
    path: str


class Start(_Message, frozen=True, tag=1):
    """Run an attempt. Its code and arguments are empty where `code` and `call` name blobs.

    `inode` is that of the attempt's directory where the executor runs, 0 when there is none.
    """

    token: int
    attempt: Attempt
    code: Digest | None
    call: Digest | None
    inode: int
    sources: Mapping[str, Source]


class Stop(_Message, frozen=True, tag=2):
    """Interrupt an attempt, or do not begin it."""

    token: int


class Revoke(_Message, frozen=True, tag=3):
    """Give back those of these attempts that have not begun."""

    tokens: tuple[int, ...]


class ReleasePlaces(_Message, frozen=True, tag=4):
    """Give these places back to the cluster."""

    keys: tuple[str, ...]


class ValueAvailable(_Message, frozen=True, tag=5):
    """A value that was asked for is in this file now; None when there is none to be had."""

    path: str
    local: str | None


# -- from a worker host -----------------------------------------------------------------------


class PlacesHeld(_Message, frozen=True, tag=20):
    """The host has these places now, of so many that its worker could give."""

    keys: tuple[str, ...]
    threads: int


class Began(_Message, frozen=True, tag=21):
    """The attempt runs."""

    token: int


class Reported(_Message, frozen=True, tag=22):
    """A report about the attempt, of the kind at that place of `REPORTS`; empty when it is to be fetched.

    `age`: so many seconds ago, when this was said, it had begun to run. Clocks of two machines differ, seconds do not.
    """

    token: int
    kind: int
    report: bytes
    age: float = 0.0


class Revoked(_Message, frozen=True, tag=23):
    """Attempts that have not begun and will not."""

    tokens: tuple[int, ...]


class ValueNeeded(_Message, frozen=True, tag=24):
    """The host sees no file of that name."""

    path: str


class Settings(msgspec.Struct, frozen=True):
    """Settings of the worker hosts."""

    topic: str
    environment: Environment
    is_own: bool
    grace: float
    idle_seconds: float


ToHost = Start | Stop | Revoke | ReleasePlaces | ValueAvailable
FromHost = PlacesHeld | Began | Reported | Revoked | ValueNeeded

#: Reports as they are numbered in `Reported`; the first four end an attempt.
REPORTS = (AttemptSucceeded, AttemptExpanded, AttemptFailed, AttemptStopped, Printed, Progressed, Displayed)
FINALS = 4
_decoders: list[msgspec.msgpack.Decoder[Any]] = [msgspec.msgpack.Decoder(kind) for kind in REPORTS]
encode = msgspec.msgpack.Encoder().encode
decode_to_host = msgspec.msgpack.Decoder(list[ToHost]).decode
decode_from_host = msgspec.msgpack.Decoder(list[FromHost]).decode
decode_settings = msgspec.msgpack.Decoder(Settings).decode


def kind_of(report: Report) -> int:
    """The number of the report's kind."""
    return REPORTS.index(type(report))


def report_from(kind: int, data: bytes) -> Report:
    """The report of that kind."""
    report: Report = _decoders[kind].decode(data)
    return report
