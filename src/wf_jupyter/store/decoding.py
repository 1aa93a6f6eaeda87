"""The one way in which stored bytes become objects again: what cannot be read is `Unreadable`, and says what it is.

A disk that lies, a foreign program and a version that is not yet written may each leave bytes that make
no sense here. One such row costs what it belongs to, and nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from wf_jupyter.errors import InputError, Unreadable
from wf_jupyter.model.status import ExecutionStatus

T = TypeVar("T", covariant=True)

#: What decoding raises when bytes make no sense; TypeError for a column that holds no bytes at all, InputError for
#: what this version does not allow, and another one may have.
SENSELESS = (msgspec.MsgspecError, ValueError, TypeError, RecursionError, InputError)


class Decoder(Protocol[T]):
    """A decoder of msgspec."""

    def decode(self, body: Any, /) -> T:
        """The object behind the bytes."""
        ...


def decode(decoder: Decoder[T], body: object, what: str) -> T:
    """The object behind stored bytes; `Unreadable` naming `what` they are."""
    try:
        return decoder.decode(body)
    except SENSELESS as error:
        raise unreadable(what, error) from error


def known_status(status: object) -> ExecutionStatus:
    """A stored status; `interrupted` for what is none: such an execution does not move, and can be forgotten."""
    try:
        return ExecutionStatus(status)  # type: ignore[arg-type]
    except ValueError:
        return ExecutionStatus.INTERRUPTED


def decode_time(text: object, what: str) -> datetime:
    """A stored time; `Unreadable`."""
    try:
        return datetime.fromisoformat(text)  # type: ignore[arg-type]
    except SENSELESS as error:
        raise unreadable(what, error) from error


def unreadable(what: str, error: BaseException) -> Unreadable:
    """The error for stored data that make no sense."""
    return Unreadable(f"{what} cannot be read: {error}")
