"""Which finished executions are forgotten, and when.

The policy is a pure function over what the store says it holds; `Retention` applies it now and then,
one execution at a time, so that running executions hardly notice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from wf_jupyter.errors import ExecutionNotFound, StateConflict, WorkflowError
from wf_jupyter.ports import Clock, Holding, Store

#: Seconds between two looks at the store.
INTERVAL = 600.0
#: Seconds between two executions that are removed: running ones come first.
_PAUSE = 0.01

_log = logging.getLogger(__name__)


def expired(
    holdings: Sequence[Holding], now: datetime, *, age: timedelta | None = None, size: int | None = None
) -> list[str]:
    """Executions to forget, the one that ended first coming first.

    Those that ended longer than `age` ago go, and then as many of the oldest as it takes to hold no
    more than `size` bytes. An execution that has not ended, or that one builds on, is never among
    them. A file that several executions share counts once, and is freed with the last of them.
    """
    sharing = Counter(file for holding in holdings for file in holding.files)
    total = sum(holding.size for holding in holdings)
    total += sum({file: length for holding in holdings for file, length in holding.files.items()}.values())
    forgotten = []
    for holding in sorted(holdings, key=lambda held: (held.ended is None, held.ended, held.id)):
        if holding.ended is None:
            break
        is_old = age is not None and now - holding.ended > age
        is_surplus = size is not None and total > size
        if holding.is_needed or not (is_old or is_surplus):
            continue
        forgotten.append(holding.id)
        total -= holding.size
        for file, length in holding.files.items():
            sharing[file] -= 1
            if not sharing[file]:
                total -= length
    return forgotten


class Retention:
    """Keeps a data directory within its policy, from `start` to `close`, on the orchestrator's loop."""

    def __init__(
        self,
        store: Store,
        delete: Callable[[str], Awaitable[None]],
        clock: Clock,
        *,
        days: float | None,
        size: int | None,
        interval: float = INTERVAL,
    ) -> None:
        self._store = store
        self._delete = delete
        self._clock = clock
        self._age = None if days is None else timedelta(days=days)
        self._size = size
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look at the store now, and then every `interval` seconds."""
        if self._age is not None or self._size is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="retention")

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> list[str]:
        """Forget what the policy does not keep; returns the ids."""
        holdings = await self._store.holdings()
        wanted = await asyncio.to_thread(expired, holdings, self._clock(), age=self._age, size=self._size)
        forgotten = []
        for execution in wanted:
            try:
                await self._delete(execution)
            except (ExecutionNotFound, StateConflict):
                continue  # another orchestrator was faster, or somebody retried it meanwhile
            forgotten.append(execution)
            await asyncio.sleep(_PAUSE)
        return forgotten

    async def _run(self) -> None:
        while True:
            try:
                forgotten = await self.sweep()
                if forgotten:
                    _log.info("forgot %d executions beyond the retention policy", len(forgotten))
            except WorkflowError as error:
                _log.warning("the retention policy could not be applied: %s", error)
            await asyncio.sleep(self._interval)
