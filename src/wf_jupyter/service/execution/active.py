"""The executions that run here: started, taken up from their logs, commanded, parked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.engine.state import ExecutionState, new_state
from wf_jupyter.errors import ExecutionNotFound, StateConflict, Unreadable
from wf_jupyter.model.graph import GraphSpec
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.snapshot import Parked
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptRequeued,
    AttemptStopped,
    AttemptSucceeded,
    Command,
    Recover,
    Report,
    Resume,
    Retry,
    Start,
)
from wf_jupyter.model.submission import Submission
from wf_jupyter.owner_thread import OwnerThread
from wf_jupyter.ports import Clock, Store
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.execution.driver import Driver
from wf_jupyter.service.execution.parking import Parking, TakeUp
from wf_jupyter.service.execution.reservation import HandedOver
from wf_jupyter.service.execution.resources import Resources
from wf_jupyter.service.execution.result_lookup import ResultLookup
from wf_jupyter.service.execution.slots import SlotPool
from wf_jupyter.service.ids import new_epoch
from wf_jupyter.service.inline_checks import check_command
from wf_jupyter.service.pools import Pools
from wf_jupyter.service.queries.execution_reader import ExecutionReader
from wf_jupyter.service.subscriptions.broker import Broker
from wf_jupyter.service.subscriptions.log_follower import LogFollower


class ActiveExecutions:
    """Owns a driver per execution that is not final. `finished` is called with one that ended.

    `lock` is held while an execution is taken up: of two commands, or a command and a takeover, one waits.
    """

    def __init__(
        self,
        store: Store,
        broker: Broker,
        reader: ExecutionReader,
        log_follower: LogFollower,
        pools: Pools,
        clock: Clock,
        config: RuntimeConfig,
        finished: Callable[[Driver], None],
    ) -> None:
        self._store = store
        self._broker = broker
        self._reader = reader
        self._log_follower = log_follower
        self._pools = pools
        self._clock = clock
        self._config = config
        self._finished = finished
        # A resource that is returned may be what an execution in another environment waits for.
        self._resources = Resources(config.resources, pools.tell_waiting, config.gpus)
        self._handed_over = HandedOver()
        self._thread = OwnerThread("the set of running executions")
        self._drivers: dict[str, Driver] = {}
        self._is_closed = False
        self.lock = asyncio.Lock()
        self.parking = Parking(self._take_up_again, broker.lag, clock)

    def __contains__(self, execution: object) -> bool:
        return execution in self._drivers

    def __len__(self) -> int:
        return len(self._drivers)

    def unfinished(self) -> list[tuple[str, str]]:
        """Id and workflow of each that goes on, but for paused ones. Callable from any thread."""
        shown = [driver.picture.snapshot for driver in list(self._drivers.values())]
        return [(each.id, each.workflow) for each in shown if not each.status.is_final and each.status != "paused"]

    def get(self, execution: str) -> Driver | None:
        """The driver of an execution that runs here."""
        self._thread.check()
        return self._drivers.get(execution)

    def find_parked(self, execution: str) -> Parked | None:
        """Reason why an execution does not move, whether or not it has a driver; None when nothing keeps it."""
        driver = self._drivers.get(execution)
        return self.parking.get(execution) if driver is None else driver.parked

    def all_parked(self) -> dict[str, Parked]:
        """Every one that does not move, by its id, with the reason."""
        driven = {execution: driver.parked for execution, driver in self._drivers.items() if driver.parked is not None}
        return {**self.parking.all(), **driven}

    def check(self, graph: GraphSpec, executor: str) -> None:
        """Refuse a graph that asks for more than there is (`Resources.check`)."""
        self._resources.check(graph, executor)

    async def start(self, execution: str, submission: Submission, epoch: str) -> None:
        """Begin a new execution; returns when it is durable. Nothing is left of one that cannot be made so."""
        self._thread.check()
        now = self._clock()
        state = new_state(execution, submission)
        picture = Picture(empty(execution, epoch, now, submission.workflow))
        driver = self._drive(state, picture, dict(submission.blobs), submission)
        first = Start(epoch=new_epoch(epoch))
        await driver.start(first, submission=msgspec.structs.replace(submission, blobs=dict(submission.blobs)))
        # The log knows an execution from its first event on; before and after a restart it must look the same.
        picture.snapshot.created = picture.snapshot.started or now

    async def command(self, execution: str, command: Command) -> None:
        """Do what a person asked for; returns when it is durable. Errors as those of `Orchestrator.command`."""
        self._thread.check()
        driver = self._drivers.get(execution)
        if driver is None:
            async with self.lock:
                if (driver := self._drivers.get(execution)) is None:
                    await self._command_from_disk(execution, command)
                    return
        await driver.command(command)

    async def take_up(self, execution: str, first: Recover | Retry, *then: Command) -> None:
        """Go on with an execution that is on disk; returns when the last of the commands is durable."""
        self._thread.check()
        try:
            record, state, picture, blobs = await self._reader.restore(execution)
        except Unreadable as error:
            self.parking.park(execution, error)
            raise
        # It is ours: nobody else goes on with its log, and subscribers hear the rest of it first.
        await self._log_follower.catch_up(execution)
        if execution in self._drivers:
            raise StateConflict(f"execution {execution} is running already")
        driver = self._drive(state, picture, blobs, record.submission)
        driver.take_up()
        # What follows is written by another orchestrator than what precedes it, or as another run.
        await driver.start(msgspec.structs.replace(first, epoch=new_epoch(self._store.epoch)), *then)

    def report(self, execution: str, report: Report) -> bool:
        """Hear of an attempt; False when no execution that runs here has it.

        What it held goes back even when nobody is interested in how it ended.
        """
        self._thread.check()
        if isinstance(report, AttemptSucceeded | AttemptExpanded | AttemptFailed | AttemptStopped | AttemptRequeued):
            self._handed_over.on_ended((execution, report.task, report.attempt))
        driver = self._drivers.get(execution)
        if driver is None:
            return False
        driver.post(report)
        return True

    async def delete(self, execution: str) -> None:
        """Forget it; `StateConflict` while it runs. A parked one is not waited for; if that fails, it stays so."""
        self._thread.check()
        was_going_on, again = await self._let_go(execution)
        try:
            await self._store.delete(execution)
        except ExecutionNotFound:
            raise
        except Exception as failure:
            if was_going_on:
                self.parking.park(execution, failure, again)
            raise

    async def _let_go(self, execution: str) -> tuple[bool, TakeUp | None]:
        """Whether it was to go on, and does not; and how, if not as those do that ran here."""
        was_parked = self.parking.get(execution) is not None
        driver = self._drivers.get(execution)
        if driver is not None:
            if driver.parked is None:
                raise StateConflict(f"execution {execution} is not finished: cancel it first")
            await driver.abandon()
            self._drivers.pop(execution, None)
        return was_parked or driver is not None, self.parking.leave(execution)

    async def close(self) -> None:
        """Stop turning; what is not final is resumed by the next orchestrator."""
        self._thread.check()
        self._is_closed = True
        await self.parking.close()
        await asyncio.gather(*(driver.close() for driver in self._drivers.values()))
        self._drivers.clear()

    async def _command_from_disk(self, execution: str, command: Command) -> None:
        status = (await self._reader.picture(execution)).snapshot.status
        if status.is_final and not isinstance(command, Retry):
            raise StateConflict(f"execution {execution} is {status}: nothing to do")
        check_command((await self._store.record(execution)).submission.options, command, self._config)
        if not await asyncio.to_thread(self._store.claim, execution):
            raise StateConflict(
                f"execution {execution} belongs to another Jupyter server or kernel, which runs: ask it there"
            )
        if isinstance(command, Retry) and status.is_final:
            await self.take_up(execution, command)
        elif isinstance(command, Resume) and status is not ExecutionStatus.PAUSED:
            # It was interrupted or is parked: going on is what was asked for.
            await self.take_up(execution, Recover())
        else:
            # In one turn, so that nothing of what is to be cancelled starts first.
            await self.take_up(execution, Recover(), command)

    async def _take_up_again(self, execution: str) -> None:
        async with self.lock:
            if execution in self._drivers:
                return
            # While it stood still it may have gone to another orchestrator, or have ended there.
            is_ours = await asyncio.to_thread(self._store.claim, execution)
            if is_ours and not (await self._reader.picture(execution)).snapshot.status.is_final:
                await self.take_up(execution, Recover())
                return
        self.parking.leave(execution)
        self._broker.lag(execution)

    def _drive(
        self, state: ExecutionState, picture: Picture, blobs: dict[Digest, bytes], submission: Submission
    ) -> Driver:
        if self._is_closed:
            raise StateConflict("the orchestrator is shutting down")
        own, environment = submission.options.executor, submission.environment

        def pools(executor: str | None) -> SlotPool:
            return self._pools.get(executor or own, environment)

        for executor in {None, *(node.options.executor for node in submission.graph.nodes)}:
            pools(executor)  # one that is not to be had is refused before anything is stored
        driver = Driver(
            state,
            picture,
            blobs,
            store=self._store,
            broker=self._broker,
            pools=pools,
            clock=self._clock,
            config=self._config,
            resources=self._resources,
            handed_over=self._handed_over,
            lookup=ResultLookup(state, self._store, self._clock, submission.reuse, self._reader.past),
            ended=self._on_ended,
        )
        self._drivers[state.id] = driver
        self.parking.leave(state.id)
        self._reader.forget(state.id)
        self._log_follower.end(state.id, picture.snapshot.seq)
        return driver

    def _on_ended(self, driver: Driver) -> None:
        execution = driver.state.id
        if self._drivers.get(execution) is driver:
            del self._drivers[execution]
        if driver.picture.snapshot.status.is_final:
            self._finished(driver)
        elif driver.parked is not None and driver.picture.snapshot.seq > 0:
            self.parking.keep(execution, driver.parked)
        else:
            self._broker.lag(execution)
