"""Waiting for the end of executions that a server runs: a question each, and nothing of what happens on the way.

Where the question cannot be asked (no WebSocket gets through, or the server is an older one) the execution is followed
instead. That the server is lost or restarted ends no wait whose execution it told of before.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable

import msgspec

from wf_jupyter.client.reconnect import Backoff
from wf_jupyter.client.replica import Link, Replica
from wf_jupyter.client.socket import Closed, EventSocket, NotReached, Unasked
from wf_jupyter.errors import ServerUnavailable
from wf_jupyter.model.snapshot import is_at_rest
from wf_jupyter.protocol.messages import MAX_WAIT, Ending
from wf_jupyter.protocol.pages import Standing, standing

#: Seconds in which a server must have said at least where the execution stands.
_PATIENCE = 30.0


class Endings:
    """Asks when executions end; on the background loop only. `follow` blocks, and is called in a thread."""

    def __init__(self, socket: EventSocket, follow: Callable[[str], Replica]) -> None:
        self._socket = socket
        self._follow = follow

    async def of(self, execution: str, timeout: float | None) -> Standing:
        """Where an execution stands as soon as it is at rest, or after `timeout` seconds in any case.

        Raises:
            ExecutionNotFound: there is no such execution (any more).
            ServerUnavailable: nobody said where it stands, for longer than a restart takes.
        """
        wait = _Wait(timeout)
        backoff = Backoff()
        while True:
            try:
                async with asyncio.timeout(wait.patience()):
                    wait.standing = await self._ask(execution, wait)
            except TimeoutError:
                if wait.standing is None:
                    raise ServerUnavailable(f"the server does not say where execution {execution} stands") from None
            except Closed:
                raise
            except ServerUnavailable:
                # What was known before holds until a server says otherwise.
                if wait.standing is None and wait.is_hopeless():
                    raise
                if not wait.is_over():
                    await asyncio.sleep(min(backoff.next_delay(random.random()), wait.seconds_left()))
            if wait.standing is not None and (is_at_rest(wait.standing) or wait.is_over()):
                return wait.standing

    async def _ask(self, execution: str, wait: _Wait) -> Standing:
        try:
            question = Ending(execution_id=execution, wait=wait.next())
            return msgspec.json.decode(await self._socket.ask("ending", question), type=Standing)
        except NotReached:
            raise
        except Unasked:
            return await self._follow_replica(execution, wait)

    async def _follow_replica(self, execution: str, wait: _Wait) -> Standing:
        if wait.replica is None:
            wait.replica = await asyncio.to_thread(self._follow, execution)
        replica = wait.replica
        over = asyncio.Event()
        bell = _Bell(replica, over)
        try:
            if not replica.attach(bell, is_at_rest):
                async with asyncio.timeout(wait.next()):
                    await over.wait()
        except TimeoutError:
            pass
        finally:
            replica.detach(bell)
        return replica.read(standing)


class _Wait:
    """State of one wait: its deadline, and the latest answer."""

    def __init__(self, timeout: float | None) -> None:
        self._began = time.monotonic()
        self._timeout = timeout
        self.standing: Standing | None = None
        self.replica: Replica | None = None

    def seconds_left(self) -> float:
        """Seconds until it is over."""
        return math.inf if self._timeout is None else max(0.0, self._began + self._timeout - time.monotonic())

    def next(self) -> float:
        """Seconds that the next question may wait."""
        return min(self.seconds_left(), MAX_WAIT)

    def is_over(self) -> bool:
        """Whether its time has passed."""
        return self.seconds_left() <= 0

    def is_hopeless(self) -> bool:
        """Whether a server that never answered has had its time."""
        return time.monotonic() - self._began > _PATIENCE

    def patience(self) -> float | None:
        """Seconds for the next answer: as long as the wait takes, and at first long enough to hear of the execution."""
        if self.standing is None:
            return self.next() + _PATIENCE
        return None if self._timeout is None else self.seconds_left()


class _Bell:
    """Rings when the execution has ended."""

    def __init__(self, replica: Replica, over: asyncio.Event) -> None:
        self._replica = replica
        self._over = over

    def on_events(self, events: object) -> None:
        if self._replica.read(is_at_rest):
            self._over.set()

    def on_snapshot(self) -> None:
        self.on_events(())

    def on_link(self, link: Link) -> None:
        pass
