"""Which finished executions are forgotten, and when.

The policy is a pure function over what the store says it holds; `Retention` applies it now and then,
a few executions at a time, so that running executions hardly notice.

Ages do not trust the wall clock (`observed_time`): an execution is as old as the time that was seen to pass
since it was first seen to have ended. What is too old is announced in the log, and forgotten after a grace.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from wf_jupyter.errors import ExecutionNotFound, StateConflict
from wf_jupyter.ports import Clock, Holding, Store
from wf_jupyter.service.observed_time import Observed, advance

#: Seconds between two looks at the store; fewer when executions are kept for minutes only, or there is more to do.
INTERVAL, SHORTEST, BACKLOG = 600.0, 1.0, 60.0
DAY = 86_400.0
T = TypeVar("T")
#: Of the age that executions are kept for, as much is added at most by a wall clock that nobody saw advance, and
#: passes at least between the announcement and the end, but no more than a day.
SHARE = 0.1
#: Of all finished executions, as many are forgotten in one look: a twentieth, or these.
FEW = 20
#: Seconds between two executions that are removed: running ones come first.
_PAUSE = 0.01
_TIME, _MARKS = "retention.time", "retention.marks"

_log = logging.getLogger(__name__)


class Mark(msgspec.Struct, array_like=True):
    """When an execution was first seen to have ended, and announced, in seconds that passed for the directory.

    `ended` is the end that was seen: after a retry it is another one.
    """

    ended: str
    since: float
    announced: float | None = None


_to_time = msgspec.json.Decoder(Observed)
_to_marks = msgspec.json.Decoder(dict[str, Mark])


def _understood(decoder: msgspec.json.Decoder[T], note: bytes | None) -> T | None:
    """Decode a note; None for what makes no sense: time is counted anew, and nothing forgotten too early."""
    try:
        return None if note is None else decoder.decode(note)
    except (msgspec.MsgspecError, ValueError):
        _log.warning("what the data directory noted of its executions' ages makes no sense: they are counted anew")
        return None


def find_expired(
    holdings: Sequence[Holding], ages: Mapping[str, float], *, age: float | None = None, size: int | None = None
) -> list[str]:
    """Executions to forget, the oldest first.

    Those older than `age` seconds go, and then as many of the oldest as it takes to hold no
    more than `size` bytes. An execution that has not ended, or that one builds on, is never among
    them. A file that several executions share counts once, and is freed with the last of them.
    """
    sharing = Counter(file for holding in holdings for file in holding.files)
    total = sum(holding.size for holding in holdings)
    total += sum({file: length for holding in holdings for file, length in holding.files.items()}.values())
    forgotten = []
    ended = (holding for holding in holdings if holding.ended is not None)
    for holding in sorted(ended, key=lambda held: (-ages.get(held.id, 0.0), held.id)):
        is_old = age is not None and ages.get(holding.id, 0.0) > age
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
    """Keeps a data directory within its policy, from `start` to `close`, on the orchestrator's loop.

    `seconds` is a clock that cannot jump.
    """

    def __init__(
        self,
        store: Store,
        delete: Callable[[str], Awaitable[None]],
        clock: Clock,
        *,
        days: float | None,
        size: int | None,
        interval: float = INTERVAL,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._delete = delete
        self._clock = clock
        self._age = None if days is None else days * DAY
        self._size = size
        shortest = None if days is None else max(SHORTEST, days * DAY * SHARE / 2)
        self._interval = interval if shortest is None else min(interval, shortest)
        self._limit = SHARE * (self._age or 90 * DAY)
        self._grace = min(DAY, SHARE * (self._age or 0.0))
        self._seconds = seconds
        self._looked: float | None = None
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
        """Forget what the policy does not keep, or the first part of it; returns the ids."""
        wanted, total = await self._find_expired()
        most = max(FEW, total // 20)
        forgotten = []
        for execution in wanted[:most]:
            try:
                await self._delete(execution)
            except (ExecutionNotFound, StateConflict):
                continue  # another orchestrator was faster, or somebody retried it meanwhile
            forgotten.append(execution)
            await asyncio.sleep(_PAUSE)
        if forgotten:
            left = len(wanted) - most
            later = f"; {left} more go later" if left > 0 else ""
            _log.info("forgot %d executions beyond the retention policy%s", len(forgotten), later)
        return forgotten

    async def _find_expired(self) -> tuple[list[str], int]:
        """Executions that are to be forgotten now, and how many have ended."""
        passed, is_set_back = await self._observe()
        holdings = await self._store.holdings()
        before = await self._store.note(_MARKS)
        known = _understood(_to_marks, before) or {}
        marks = {
            holding.id: mark
            if (mark := known.get(holding.id)) is not None and mark.ended == holding.ended.isoformat()
            else Mark(holding.ended.isoformat(), passed)
            for holding in holdings
            if holding.ended is not None
        }
        ages = {execution: passed - mark.since for execution, mark in marks.items()}
        old = await asyncio.to_thread(find_expired, holdings, ages, age=self._age)
        for execution in marks.keys() - set(old) if not is_set_back else marks:
            marks[execution].announced = None
        self._announce([execution for execution in old if marks[execution].announced is None], marks, passed)
        after = msgspec.json.encode(marks)
        if after != before:
            await self._store.write_note(_MARKS, after)
        due = [execution for execution in old if passed - (marks[execution].announced or passed) >= self._grace]
        surplus = (
            await asyncio.to_thread(find_expired, holdings, ages, size=self._size) if self._size is not None else []
        )
        return [*due, *(execution for execution in surplus if execution not in set(due))], len(marks)

    async def _observe(self) -> tuple[float, bool]:
        """Measure how much time has passed for the directory, and whether its clock went back."""
        now, wall = self._seconds(), self._clock().timestamp()
        elapsed = 0.0 if self._looked is None else now - self._looked
        known = _understood(_to_time, await self._store.note(_TIME)) or Observed(wall=wall)
        observed = advance(known, wall, elapsed, self._limit)
        await self._store.write_note(_TIME, msgspec.json.encode(observed))
        # After the write: what could not be kept has not been seen.
        self._looked = now
        return observed.passed, observed.passed < known.passed

    def _announce(self, executions: Sequence[str], marks: Mapping[str, Mark], passed: float) -> None:
        for execution in executions:
            marks[execution].announced = passed
        if executions and self._age is not None and self._grace:
            _log.warning(
                "%d executions that ended more than %g days ago will be forgotten in %g hours, the first is %s "
                "(ended %s). To keep them, set c.WorkflowExtension.retention_days to more, or to None",
                len(executions),
                self._age / DAY,
                round(self._grace / 3600, 3),
                executions[0],
                marks[executions[0]].ended,
            )

    async def _run(self) -> None:
        while True:
            try:
                forgotten = await self.sweep()
            except Exception as error:
                forgotten = []
                _log.warning("the retention policy could not be applied: %s", error)
            await asyncio.sleep(min(BACKLOG, self._interval) if len(forgotten) >= FEW else self._interval)
