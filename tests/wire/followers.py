"""Clients that fold what they are told, to be compared with what is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from tests.wire.client import MinimalClient
from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.model.events import Event
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.store.sqlite import SqliteStore


class Follower(MinimalClient):
    """A minimal client with a picture."""

    def __init__(self, url: str, headers: dict[str, str], execution: str) -> None:
        super().__init__(url, headers, execution, self._load, self._apply, longest_pause=0.05)
        self.picture: Picture | None = None

    @property
    def is_final(self) -> bool:
        """Whether it knows the end."""
        return self.picture is not None and self.picture.snapshot.status.is_final

    def _load(self, snapshot: dict[str, Any]) -> None:
        self.picture = Picture(msgspec.convert(snapshot, Snapshot))

    def _apply(self, event: dict[str, Any]) -> None:
        assert self.picture is not None
        self.picture.fold(msgspec.convert(event, Event))


async def on_disk(store: SqliteStore, execution: str) -> Snapshot:
    """The fold of the whole log."""
    record, events = await store.record(execution), await store.events(execution)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    picture = Picture(empty(execution, store.epoch, record.created, record.submission.workflow))
    for event in events:
        picture.fold(event)
    return picture.snapshot


async def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)
