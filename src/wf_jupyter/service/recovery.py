"""Executions whose orchestrator is gone: taken over and gone on with, or marked as interrupted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from wf_jupyter.errors import WorkflowError
from wf_jupyter.model.events import WorkflowInterrupted
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.ports import Batch, Clock, Store
from wf_jupyter.service.archive import Archive
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.hub import Hub
from wf_jupyter.service.ids import new_epoch
from wf_jupyter.service.tails import Tails

_log = logging.getLogger(__name__)


class Recovery:
    """Takes over what belongs to nobody; `resume` goes on with an execution that was claimed.

    `reviving` is held meanwhile: what somebody commands then finds an execution that goes on.
    """

    def __init__(
        self,
        store: Store,
        archive: Archive,
        hub: Hub,
        tails: Tails,
        clock: Clock,
        config: RuntimeConfig,
        resume: Callable[[str], Awaitable[object]],
        reviving: asyncio.Lock,
        is_run_here: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._archive = archive
        self._hub = hub
        self._tails = tails
        self._clock = clock
        self._policy = config.recovery
        self._resume = resume
        self._reviving = reviving
        self._is_run_here = is_run_here

    async def run(self) -> list[str]:
        """Take over every execution whose orchestrator is gone; returns the ids of those that go on.

        The others are marked as interrupted, until somebody resumes them: when the policy says so,
        and when their tasks run in the thread of a caller who is gone.
        """
        recovered = []
        for execution in await self._store.orphans():
            try:
                async with self._reviving:
                    if await self._take_over(execution):
                        recovered.append(execution)
            except WorkflowError as error:
                _log.error("execution %s cannot be resumed: %s", execution, error)
        return recovered

    async def _take_over(self, execution: str) -> bool:
        """Whether it goes on here."""
        # Somebody's command may have been faster; of several orchestrators only one can claim it.
        if self._is_run_here(execution) or not await asyncio.to_thread(self._store.claim, execution):
            return False
        # And it may have ended since: somebody revived it with a command, and it is run here no more.
        if (await self._archive.picture(execution)).snapshot.status.is_final:
            return False
        options = (await self._store.record(execution)).submission.options
        if self._policy == "resume" and options.executor != "inline":
            await self._resume(execution)
            return True
        await self._interrupt(execution)
        return False

    async def _interrupt(self, execution: str) -> None:
        """Say in its log that the execution does not go on by itself."""
        snapshot = (await self._archive.picture(execution)).snapshot
        if snapshot.status is ExecutionStatus.INTERRUPTED:
            return
        await self._tails.catch_up(execution)
        event = WorkflowInterrupted(
            seq=snapshot.seq + 1, time=self._clock(), epoch=new_epoch(self._store.epoch)
        )
        status, counts = ExecutionStatus.INTERRUPTED, dict(snapshot.counts)
        await self._store.append(Batch(execution=execution, events=(event,), status=status, counts=counts))
        self._tails.end(execution, snapshot.seq)
        self._hub.publish(execution, snapshot.workflow, (event,))
