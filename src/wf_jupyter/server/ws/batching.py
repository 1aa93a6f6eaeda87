"""Deliveries as frames: small batches of one topic share a frame, and no frame grows without bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from wf_jupyter.protocol import jsonrpc
from wf_jupyter.protocol.codec import join_arrays
from wf_jupyter.service.subscriptions.broker import EVERYTHING
from wf_jupyter.service.subscriptions.mailbox import Delivery, Events, Lagged

#: Batches are joined up to this many events, and cut beyond `MOST`.
ENOUGH = 256
MOST = 1000
#: The bytes of events that a frame holds at most, unless a single event is larger.
LARGEST = 1 << 20


class Resync(msgspec.Struct, frozen=True):
    """The place in the order where a snapshot of `topic` belongs."""

    topic: str


def frames(deliveries: Sequence[Delivery]) -> Iterator[bytes | Resync]:
    """The frames to send, in order. Each delivery's JSON is made once for all subscribers."""
    gathered: list[Events] = []
    count = size = 0
    for delivery in deliveries:
        if gathered and not (
            isinstance(delivery, Events)
            and (delivery.topic, delivery.execution_id) == (gathered[0].topic, gathered[0].execution_id)
            and count + len(delivery.events) <= ENOUGH
            and size + len(delivery.json) <= LARGEST
        ):
            yield from _frames_of(gathered)
            gathered, count, size = [], 0, 0
        if isinstance(delivery, Lagged):
            yield Resync(delivery.topic)
        else:
            gathered.append(delivery)
            count += len(delivery.events)
            size += len(delivery.json)
    if gathered:
        yield from _frames_of(gathered)


def _frames_of(gathered: Sequence[Events]) -> Iterator[bytes]:
    first = gathered[0]
    if len(gathered) == 1 and (len(first.events) > MOST or len(first.json) > LARGEST):
        for part in _parts(first):
            yield _frame(first, part)
        return
    if first.framed is None or first.framed[0] != len(gathered):
        # Kept for the next socket: those that keep up all send the very same bytes.
        first.framed = (len(gathered), _frame(first, join_arrays([batch.json for batch in gathered])))
    yield first.framed[1]


def _parts(large: Events) -> Iterator[bytes]:
    part: list[bytes] = []
    size = 0
    for encoded in large.encoded:
        if part and (len(part) >= MOST or size + len(encoded) > LARGEST):
            yield b"[%b]" % b",".join(part)
            part, size = [], 0
        part.append(encoded)
        size += len(encoded)
    yield b"[%b]" % b",".join(part)


def _frame(source: Events, events: bytes) -> bytes:
    execution = msgspec.json.encode(source.execution_id)
    if source.topic == EVERYTHING:
        # Says whose it is: a socket may follow the execution itself as well.
        return jsonrpc.frame_notification(
            "events", b'{"execution_id":%b,"subscription":"*","events":%b}' % (execution, events)
        )
    return jsonrpc.frame_notification("events", b'{"execution_id":%b,"events":%b}' % (execution, events))
