"""Results from before: the cache, and the execution that a rerun builds on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from wf_jupyter.engine.lineage import lineage
from wf_jupyter.engine.state import ExecutionState, Task
from wf_jupyter.errors import WorkflowError
from wf_jupyter.model.events import ResultInfo
from wf_jupyter.model.stimuli import AttemptSucceeded, Found, NotFound
from wf_jupyter.model.submission import Reuse
from wf_jupyter.ports import CacheEntry, Clock, Store

#: By how much clocks of several machines may differ.
_SKEW = timedelta(minutes=1)
_log = logging.getLogger(__name__)


class PastResult(msgspec.Struct, frozen=True):
    """Result of a task of a finished execution."""

    task: str
    parts: tuple[str, ...]
    result: ResultInfo
    lengths: Mapping[str, int]
    truth: bool | None


#: The results of one execution by lineage.
Past = Mapping[str, PastResult]


class ResultLookup:
    """Finds earlier results for the tasks of one execution."""

    def __init__(
        self,
        state: ExecutionState,
        store: Store,
        clock: Clock,
        reuse: Reuse | None,
        past: Callable[[str], Awaitable[Past]],
    ) -> None:
        self._state = state
        self._store = store
        self._clock = clock
        self._reuse = reuse
        self._read_past = past
        self._past: asyncio.Future[Past] | None = None

    async def find(self, task: Task) -> tuple[Found | NotFound, CacheEntry | None]:
        """An earlier result for the task, and the entry that lets later executions find it here as well."""
        try:
            found = await self._in_past(task)
            if found is None and task.node.options.cache is not False:
                return await self._in_cache(task)
        except WorkflowError as error:
            # What cannot be read is computed again.
            _log.info("task %s of execution %s is computed: %s", task.key, self._state.id, error)
            found = None
        return found or NotFound(task=task.key), None

    def entry(self, task: Task, report: AttemptSucceeded, now: datetime) -> CacheEntry | None:
        """The entry by which a fresh result is found, if its task is cached and its worker ran the code of its key."""
        if task.node.options.cache is False or not report.is_kept:
            return None
        return CacheEntry(
            key=lineage(self._state, task),
            task=task.key,
            result=report.result,
            lengths=report.lengths,
            truth=report.truth,
            created=now,
        )

    async def _in_cache(self, task: Task) -> tuple[Found | NotFound, CacheEntry | None]:
        missing = NotFound(task=task.key), None
        known = await self._store.cached(lineage(self._state, task), self._state.id)
        if known is None:
            return missing
        entry, _, values = known
        lifetime = task.node.options.cache
        age = self._clock() - entry.created
        # From the future: a clock was wrong, and nobody knows how old it is.
        if not isinstance(lifetime, bool) and not -_SKEW <= age <= timedelta(seconds=lifetime):
            return missing
        found = Found(task=task.key, result=entry.result, values=values, lengths=entry.lengths, truth=entry.truth)
        return found, msgspec.structs.replace(entry, task=task.key)

    async def _in_past(self, task: Task) -> Found | None:
        if self._reuse is None:
            return None
        if self._past is None:
            self._past = asyncio.ensure_future(self._read_past(self._reuse.execution))
        past = (await self._past).get(lineage(self._state, task))
        if past is None:
            return None
        stored = await self._store.values(self._reuse.execution, [(past.task, part) for part in past.parts])
        if len(stored) < len(past.parts):
            return None
        values = await self._store.adopt(list(stored.values()), self._state.id)
        if values is None:
            return None
        return Found(task=task.key, result=past.result, values=values, lengths=past.lengths, truth=past.truth)
