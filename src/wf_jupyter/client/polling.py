"""The way around a WebSocket that cannot be had: asking for new events, one execution after the other.

Used where a proxy lets no WebSocket through, and for executions beyond what one socket may follow.
One task asks for all of them in turn, so that their number costs time but no connections.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from weakref import WeakSet

from wf_jupyter.client.reconnect import Backoff
from wf_jupyter.client.replica import Replica
from wf_jupyter.errors import WorkflowError
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.protocol.codec import DecodedPage

#: Seconds between two rounds.
_PAUSE = 0.5

#: Asks for the events of an execution after a `seq`.
Ask = Callable[[str, int], Awaitable[DecodedPage]]
#: Asks for the snapshot of an execution.
AskAfresh = Callable[[str], Awaitable[Snapshot]]


class Poller:
    """Keeps replicas up to date by asking; on the background loop only."""

    def __init__(self, ask: Ask, ask_afresh: AskAfresh) -> None:
        self._ask = ask
        self._ask_afresh = ask_afresh
        self._replicas: WeakSet[Replica] = WeakSet()
        self._task: asyncio.Task[None] | None = None

    def add(self, replica: Replica) -> None:
        """Ask for this one's events from now on."""
        self._replicas.add(replica)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._serve(), name="wf_jupyter polling")

    def discard(self, replica: Replica) -> None:
        """Events of this one come another way."""
        self._replicas.discard(replica)

    def __contains__(self, replica: Replica) -> bool:
        """Whether this one's events are asked for."""
        return replica in self._replicas

    async def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _serve(self) -> None:
        backoff = Backoff()
        while self._replicas:
            # What has ended changes only by a retry, and our own retries refresh their replica themselves.
            for replica in [replica for replica in self._replicas if not replica.status.is_final]:
                try:
                    await self._update(replica)
                except WorkflowError:
                    replica.set_link("reconnecting")
                    await asyncio.sleep(backoff.next_delay(random.random()))
                else:
                    backoff.reset()
                    replica.set_link("live")
            await asyncio.sleep(_PAUSE)

    async def _update(self, replica: Replica) -> None:
        epoch, seq = replica.position
        page = await self._ask(replica.id, seq)
        # Meanwhile a socket may have taken over, and got further.
        if replica.position != (epoch, seq):
            return
        if page.epoch == epoch:
            replica.fold(page.events)
        else:
            replica.replace(await self._ask_afresh(replica.id))
