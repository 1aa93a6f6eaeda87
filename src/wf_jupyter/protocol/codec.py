"""Events and values as bytes, tolerant of what a newer peer may send.

An event type that this version does not know decodes to `UnknownEvent`: its `seq` still counts, so
that a reader can tell "skipped" from "lost".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar, get_args

import msgspec

from wf_jupyter.model.events import Event
from wf_jupyter.protocol.problems import input_error

T = TypeVar("T")


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a type from a newer version: only what all events have."""

    seq: int
    time: datetime
    type: str


class DecodedPage(msgspec.Struct, frozen=True):
    """`EventPage` as a reader has it: consecutive events, and the epoch of the log just before them."""

    epoch: str
    events: list[Event | UnknownEvent]


class _Page(msgspec.Struct, frozen=True):
    epoch: str
    events: msgspec.Raw


class _Notice(msgspec.Struct, frozen=True):
    execution_id: str
    events: msgspec.Raw


_encoder = msgspec.json.Encoder()
_event = msgspec.json.Decoder(Event)
_events = msgspec.json.Decoder(list[Event])
_raw_events = msgspec.json.Decoder(list[msgspec.Raw])
_unknown = msgspec.json.Decoder(UnknownEvent)
_notice = msgspec.json.Decoder(_Notice)
_page = msgspec.json.Decoder(_Page)


def encode_events(events: Sequence[Event]) -> bytes:
    """A JSON array of events."""
    return _encoder.encode(events)


def join_arrays(arrays: Iterable[bytes]) -> bytes:
    """Several JSON arrays as one, without reading them."""
    inner = [array[1:-1] for array in arrays]
    return b"[" + b",".join(part for part in inner if part) + b"]"


def decode_event(data: bytes | str) -> Event | UnknownEvent:
    """One event; `InputError` when it is none."""
    try:
        event: Event = _event.decode(data)
        return event
    except msgspec.ValidationError as error:
        try:
            unknown = _unknown.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise input_error(error, "event") from None
        if unknown.type in _known_types():
            raise input_error(error, "event") from None
        return unknown
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise input_error(error, "event") from None


def decode_events(data: bytes) -> list[Event | UnknownEvent]:
    """A JSON array of events; `InputError` when it is none."""
    try:
        return list(_events.decode(data))
    except msgspec.ValidationError:
        # Rare: one of them is from a newer version, and each has to be looked at by itself.
        return [decode_event(raw) for raw in _each(data)]
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise input_error(error, "events") from None


def decode_event_page(data: bytes) -> DecodedPage:
    """The answer to `GET executions/{id}/events`; `InputError` when it is none."""
    page = decode(data, _page)
    return DecodedPage(page.epoch, decode_events(bytes(page.events)))


def decode_event_notice(params: bytes) -> tuple[str, list[Event | UnknownEvent]]:
    """The parameters of an `events` notification: execution id and events."""
    notice = decode(params, _notice)
    return notice.execution_id, decode_events(bytes(notice.events))


def decode(data: bytes, decoder: msgspec.json.Decoder[T] | msgspec.msgpack.Decoder[T], whole: str = "") -> T:
    """Decode with any msgspec decoder; `InputError` naming the field when the data does not fit."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise input_error(error, whole) from None


def _each(data: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in _raw_events.decode(data)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise input_error(error, "events") from None


def _known_types() -> frozenset[str]:
    return frozenset(str(kind.__struct_config__.tag) for kind in get_args(Event))
