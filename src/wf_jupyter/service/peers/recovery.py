"""Executions whose orchestrator is gone: taken over and gone on with, or marked as interrupted."""

from __future__ import annotations

import asyncio

from wf_jupyter.errors import ExecutionNotFound
from wf_jupyter.model.events import WorkflowInterrupted
from wf_jupyter.model.snapshot import Parked
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Recover
from wf_jupyter.ports import Batch, Clock, Store
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.execution.active import ActiveExecutions
from wf_jupyter.service.ids import new_epoch
from wf_jupyter.service.queries.execution_reader import ExecutionReader
from wf_jupyter.service.subscriptions.broker import Broker
from wf_jupyter.service.subscriptions.log_follower import LogFollower

#: Why an execution does not go on by itself.
INLINE = (
    "its tasks ran in the thread of a program that is gone: in a notebook or script, "
    "wf.get_execution(id).resume() goes on with it there, cancel() gives it up"
)
LEFT = "the Jupyter server that ran it is gone, and the recovery policy of the next one leaves it until it is resumed"

NOBODY = "the process that ran it is gone: it goes on with the next notebook or Jupyter server that uses this directory"


class Recovery:
    """Takes over what belongs to nobody."""

    def __init__(
        self,
        store: Store,
        reader: ExecutionReader,
        broker: Broker,
        log_follower: LogFollower,
        clock: Clock,
        config: RuntimeConfig,
        active: ActiveExecutions,
    ) -> None:
        self._store = store
        self._reader = reader
        self._broker = broker
        self._log_follower = log_follower
        self._clock = clock
        self._policy = config.recovery
        self._active = active

    async def run(self) -> list[str]:
        """Take over every execution whose orchestrator is gone; returns the ids of those that go on.

        The others are marked as interrupted, until somebody resumes them: when the policy says so,
        and when their tasks run in the thread of a caller who is gone. One that cannot be taken over is
        parked with the reason, and keeps nobody else from it. Who only looks (`leave`) changes nothing.
        """
        recovered = []
        for execution in await self._store.orphans():
            if self._policy == "leave":
                if (await self._store.summary(execution)).status is not ExecutionStatus.INTERRUPTED:
                    self._active.parking.keep(execution, Parked(kind="stopped", reason=NOBODY, since=self._clock()))
                continue
            try:
                async with self._active.lock:
                    if await self._take_over(execution):
                        recovered.append(execution)
            except ExecutionNotFound:
                continue  # somebody deleted it meanwhile
            except Exception as failure:
                self._active.parking.park(execution, failure, self._try_again)
        return recovered

    async def _try_again(self, execution: str) -> None:
        """From the beginning: it may not even be claimed, or another orchestrator was faster."""
        try:
            async with self._active.lock:
                goes_on = await self._take_over(execution)
        except ExecutionNotFound:
            goes_on = False
        if not goes_on:
            self._active.parking.leave(execution)
            self._broker.lag(execution)

    async def _take_over(self, execution: str) -> bool:
        """Whether it goes on here."""
        # Somebody's command may have been faster; of several orchestrators only one can claim it.
        if execution in self._active or not await asyncio.to_thread(self._store.claim, execution):
            return False
        # And it may have ended since: somebody revived it with a command, and it is run here no more.
        if (await self._reader.picture(execution)).snapshot.status.is_final:
            return False
        options = (await self._store.record(execution)).submission.options
        if self._policy == "resume" and options.executor != "inline":
            await self._active.take_up(execution, Recover())
            return True
        await self._interrupt(execution, INLINE if options.executor == "inline" else LEFT)
        return False

    async def _interrupt(self, execution: str, reason: str) -> None:
        """Say in its log that the execution does not go on by itself, and why."""
        snapshot = (await self._reader.picture(execution)).snapshot
        if snapshot.status is ExecutionStatus.INTERRUPTED:
            return
        await self._log_follower.catch_up(execution)
        event = WorkflowInterrupted(
            seq=snapshot.seq + 1, time=self._clock(), epoch=new_epoch(self._store.epoch), reason=reason
        )
        status, counts = ExecutionStatus.INTERRUPTED, dict(snapshot.counts)
        await self._store.append(Batch(execution=execution, events=(event,), status=status, counts=counts))
        self._log_follower.end(execution, snapshot.seq)
        self._broker.publish(execution, snapshot.workflow, (event,))
