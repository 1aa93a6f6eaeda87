"""Deliveries as frames: small batches of one execution share a frame, and no frame grows without bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from wf_jupyter.protocol import jsonrpc
from wf_jupyter.protocol.codec import encode_events, joined
from wf_jupyter.service.mailbox import Delivery, Events, Lagged

#: Batches are joined up to this many events, and cut beyond `MOST`.
ENOUGH = 64
MOST = 1000


class Resync(msgspec.Struct, frozen=True):
    """The place in the order where a snapshot of `execution_id` belongs."""

    execution_id: str


def frames(deliveries: Sequence[Delivery]) -> Iterator[bytes | Resync]:
    """The frames to send, in order. Each delivery's JSON is made once for all subscribers."""
    gathered: list[Events] = []
    for delivery in deliveries:
        if gathered and not _fits(gathered, delivery):
            yield from _frames_of(gathered)
            gathered = []
        if isinstance(delivery, Lagged):
            yield Resync(delivery.execution_id)
        else:
            gathered.append(delivery)
    if gathered:
        yield from _frames_of(gathered)


def _fits(gathered: Sequence[Events], delivery: Delivery) -> bool:
    return (
        isinstance(delivery, Events)
        and delivery.execution_id == gathered[0].execution_id
        and sum(len(batch.events) for batch in gathered) + len(delivery.events) <= ENOUGH
    )


def _frames_of(gathered: Sequence[Events]) -> Iterator[bytes]:
    execution = gathered[0].execution_id
    if len(gathered) == 1 and len(gathered[0].events) > MOST:
        events = gathered[0].events
        for start in range(0, len(events), MOST):
            yield _frame(execution, encode_events(events[start : start + MOST]))
    else:
        yield _frame(execution, joined([batch.json for batch in gathered]))


def _frame(execution: str, events: bytes) -> bytes:
    return jsonrpc.framed_notification(
        "events", b'{"execution_id":%b,"events":%b}' % (msgspec.json.encode(execution), events)
    )
