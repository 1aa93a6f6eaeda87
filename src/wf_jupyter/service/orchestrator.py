"""Many executions at once: submit, follow, command, read, recover.

Everything runs on one event loop (`service.runtime` owns it and its thread). An execution that is
not final has a driver; any other is read from the log when somebody asks.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
from collections.abc import Mapping, Sequence

import msgspec

from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.engine.state import ExecutionState, new_state
from wf_jupyter.errors import InputError, StateConflict, WorkflowError
from wf_jupyter.model.events import Event
from wf_jupyter.model.graph import check_graph
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.snapshot import Snapshot, Summary
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Command, Recover, Report, Resume, Retry, Start
from wf_jupyter.model.submission import Environment, Reuse, Submission, check_blobs
from wf_jupyter.ports import (
    Clock,
    ExecutionResult,
    ExecutorFactory,
    Input,
    Notifier,
    Published,
    Store,
)
from wf_jupyter.protocol.rest import HistoryPage
from wf_jupyter.service.archive import Archive, copy_snapshot
from wf_jupyter.service.closeup import Closeup
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.execution.driver import Driver
from wf_jupyter.service.execution.resources import Resources
from wf_jupyter.service.execution.result_lookup import ResultLookup
from wf_jupyter.service.following import Following, Subscribed
from wf_jupyter.service.history import Histories
from wf_jupyter.service.hub import Hub, Recent
from wf_jupyter.service.ids import new_epoch, new_execution_id
from wf_jupyter.service.inline_checks import check_command, check_submission
from wf_jupyter.service.mailbox import Mailbox
from wf_jupyter.service.neighbours import Neighbours
from wf_jupyter.service.pools import Pools
from wf_jupyter.service.publishing import Publishing
from wf_jupyter.service.recovery import Recovery
from wf_jupyter.service.tails import Tails

_log = logging.getLogger(__name__)


class Orchestrator:
    """The engine room. All methods are called on its loop; their errors are those of `errors`."""

    def __init__(
        self,
        store: Store,
        factory: ExecutorFactory,
        clock: Clock,
        config: RuntimeConfig,
        notifiers: Sequence[Notifier] = (),
    ) -> None:
        self.server_id = secrets.token_hex(8)
        self.epoch = store.epoch
        self._store = store
        self._clock = clock
        self._config = config
        self._hub = Hub(notifiers)
        self._archive = Archive(store)
        self._resources = Resources(config.resources)
        self._drivers: dict[str, Driver] = {}
        self._tails = Tails(store, self._hub, self._archive.picture)
        self._neighbours = Neighbours(store, self._hub, self._tails, self.recover, config.takeover_interval)
        self.following = Following(store, self._hub, self._tails, config, self._picture, self._drivers.__contains__)
        resume = functools.partial(self._revive, command=Recover())
        self._reviving = asyncio.Lock()
        self._recovery = Recovery(
            store,
            self._archive,
            self._hub,
            self._tails,
            clock,
            config,
            resume,
            self._reviving,
            self._drivers.__contains__,
        )
        self._pools = Pools(factory, self._report)
        self._publishing = Publishing(store, self._pools)
        self._histories = Histories(store)
        self.tasks = Closeup(store, self._picture, self._head)
        self._is_closed = False

    # -- starting and ending ------------------------------------------------------------------

    async def recover(self) -> list[str]:
        """See `Recovery.run`."""
        return await self._recovery.run()

    async def look_around(self) -> None:
        """From now on, see what other orchestrators on the same data directory do, and take over what they leave."""
        await self._neighbours.start()

    async def close(self) -> None:
        """Stop the workers and release the store; what is not final is resumed by the next orchestrator."""
        self._is_closed = True
        await self._neighbours.close()
        await asyncio.gather(*(driver.close() for driver in self._drivers.values()))
        self._drivers.clear()
        await self._pools.close()
        await self._histories.close()
        await self._store.close()

    def active_count(self) -> int:
        """How many executions are not final. Callable from any thread."""
        return len(self._drivers)

    # -- running ------------------------------------------------------------------------------

    async def submit(self, submission: Submission) -> str:
        """Start an execution and return its id, once that is durable.

        Raises:
            WorkflowDefinitionError: the graph has a cycle or refers to what is not in it.
            InputError: a blob is missing, or the workflow has no name.
        """
        if not submission.workflow.strip():
            raise InputError("a workflow needs a name", "workflow")
        check_submission(submission.options, self._config)
        check_graph(submission.graph)
        check_blobs(submission)
        self._resources.check(submission.graph)
        now = self._clock()
        execution = new_execution_id(now)
        state = new_state(execution, submission)
        picture = Picture(empty(execution, self.epoch, now, submission.workflow))
        driver = self._drive(state, picture, dict(submission.blobs), submission)
        try:
            first = Start(epoch=new_epoch(self.epoch))
            await driver.start(first, msgspec.structs.replace(submission, blobs=dict(submission.blobs)))
        except WorkflowError:
            self._drivers.pop(execution, None)
            raise
        # The log knows an execution from its first event on; before and after a restart it must look the same.
        picture.snapshot.created = picture.snapshot.started or now
        return execution

    async def execute(self, name: str, inputs: Mapping[str, object], owner: str = "") -> str:
        """Start a published workflow by name; errors as those of `Publishing.submission` and `submit`."""
        return await self.submit(await self._publishing.submission(name, inputs, owner))

    async def rerun(
        self,
        execution: str,
        from_: Sequence[str] = (),
        environment: Environment | None = None,
        submission: Submission | None = None,
        owner: str = "",
    ) -> str:
        """Start a new execution that takes over every result whose lineage is unchanged; returns its id.

        Args:
            execution: the one to build on; it must be final.
            from_: tasks or mapped tasks to compute anew, with all that comes after them.
            environment: where to run, instead of where the old one ran.
            submission: the workflow traced again with other inputs, instead of the old graph.
            owner: who asks, for display.

        Raises:
            InputError: `from_` names a task that the execution does not have.
            StateConflict: the execution is not final.
        """
        record, state, picture, blobs = await self._archive.restore(execution)
        if not picture.snapshot.status.is_final:
            status = picture.snapshot.status
            raise StateConflict(f"execution {execution} is {status}: it can be rerun when it has ended")
        for key in from_:
            if key not in state.units:
                raise InputError(f"execution {execution} has no task {key!r}", "from")
        old = record.submission
        again = submission or msgspec.structs.replace(
            old, blobs=blobs, environment=environment or old.environment, owner=owner or old.owner
        )
        reuse = Reuse(execution=execution, fresh_from=tuple(from_))
        return await self.submit(msgspec.structs.replace(again, reuse=reuse))

    async def command(self, execution: str, command: Command) -> None:
        """Do what a person asked for; returns when it is durable.

        Raises:
            ExecutionNotFound: there is no such execution.
            StateConflict: its state does not allow that.
        """
        driver = self._drivers.get(execution)
        if driver is None:
            # One after the other: two commands, or one and a takeover, want the same execution.
            async with self._reviving:
                if (driver := self._drivers.get(execution)) is None:
                    await self._command_from_disk(execution, command)
                    return
        await driver.command(command)

    async def _command_from_disk(self, execution: str, command: Command) -> None:
        status = (await self._archive.picture(execution)).snapshot.status
        if status.is_final and not isinstance(command, Retry):
            raise StateConflict(f"execution {execution} is {status}: nothing to do")
        check_command(await self.options(execution), command, self._config)
        if not await asyncio.to_thread(self._store.claim, execution):
            raise StateConflict(
                f"execution {execution} belongs to another Jupyter server or kernel, which runs: ask it there"
            )
        if isinstance(command, Retry) and status.is_final:
            await self._revive(execution, command)
            return
        # It was interrupted, or parked because the disk was full: it goes on, and then does what was asked for.
        driver = await self._revive(execution, Recover())
        if not isinstance(command, Resume) or status is ExecutionStatus.PAUSED:
            await driver.command(command)

    # -- reading ------------------------------------------------------------------------------

    async def snapshot(self, execution: str) -> Snapshot:
        """The execution as it is on disk now."""
        return copy_snapshot(await self._picture(execution))

    async def options(self, execution: str) -> ExecutionOptions:
        """How the execution was asked to run."""
        return (await self._store.record(execution)).submission.options

    async def executions(
        self,
        status: ExecutionStatus | None = None,
        workflow: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Summary]:
        """Executions, newest first."""
        found = await self._store.summaries(status=status, workflow=workflow, limit=limit, before=before)
        return [self._up_to_date(summary) for summary in found]

    async def events(self, execution: str, after: int = 0, limit: int | None = None, wait: float = 0.0) -> list[Event]:
        """See `Following.events`."""
        return await self.following.events(execution, after, limit, wait)

    async def result(self, execution: str) -> ExecutionResult:
        """How an execution ended; `StateConflict` while it has not."""
        if execution in self._drivers:
            status = self._drivers[execution].picture.snapshot.status
            if not status.is_final:
                raise StateConflict(f"execution {execution} is {status}: there is no result yet")
        return await self._archive.result(execution)

    async def task_value(self, execution: str, key: str) -> Input:
        """The result of one task, or of a mapped one as a whole."""
        return await self._archive.task_value(execution, key)

    async def task_error(self, execution: str, key: str) -> bytes | None:
        """The pickled exception of a failed task, when it could be pickled."""
        found = await self._store.values(execution, [(key, "error")])
        return found[key, "error"].data if found else None

    async def history(self, execution: str) -> HistoryPage:
        """What is usual for the tasks of its workflow, from earlier executions."""
        return await self._histories.of((await self._picture(execution)).snapshot)

    async def delete(self, execution: str) -> None:
        """Forget an execution; `StateConflict` while it runs."""
        if execution in self._drivers:
            raise StateConflict(f"execution {execution} is not finished: cancel it first")
        self._archive.forget(execution)
        await self._store.delete(execution)

    # -- following ----------------------------------------------------------------------------

    async def subscribe(
        self,
        execution: str,
        mailbox: Mailbox,
        after: int | None = None,
        epoch: str | None = None,
        *,
        encoded: bool = False,
    ) -> Subscribed:
        """See `Following.subscribe`."""
        return await self.following.subscribe(execution, mailbox, after, epoch, encoded=encoded)

    async def unsubscribe(self, execution: str, mailbox: Mailbox) -> None:
        """See `Following.unsubscribe`."""
        self.following.unsubscribe(execution, mailbox)

    async def resync(self, execution: str, mailbox: Mailbox) -> Snapshot:
        """See `Following.resync`."""
        return await self.following.resync(execution, mailbox)

    async def resync_encoded(self, execution: str, mailbox: Mailbox) -> Recent | None:
        """See `Following.resync_encoded`."""
        return await self.following.resync_encoded(execution, mailbox)

    # -- published workflows ------------------------------------------------------------------

    async def publish(self, workflow: Published) -> Published:
        """See `Publishing.publish`."""
        return await self._publishing.publish(workflow)

    async def workflows(self) -> list[Published]:
        """The newest version of each published workflow, by name."""
        return await self._store.workflows()

    async def workflow(self, name: str) -> Published:
        """The newest version; `WorkflowNotFound`."""
        return await self._store.workflow(name)

    def _up_to_date(self, summary: Summary) -> Summary:
        # The row on disk tells the counts of one turn ago; those of the picture are durable by now.
        driver = self._drivers.get(summary.id)
        if driver is None or driver.picture.snapshot.seq < summary.seq:
            return summary
        live = driver.picture.snapshot
        return msgspec.structs.replace(summary, seq=live.seq, status=live.status, counts=dict(live.counts))

    # -- inside -------------------------------------------------------------------------------

    async def _picture(self, execution: str) -> Picture:
        # Asked again after reading: a picture of before a retry that happened meanwhile would be a hole.
        while (driver := self._drivers.get(execution)) is None or driver.picture.snapshot.seq == 0:
            await self._tails.catch_up(execution)
            if (followed := self._tails.picture(execution)) is not None:
                return followed
            picture = await self._archive.picture(execution)
            if execution not in self._drivers and self._tails.picture(execution) is None:
                return picture
        return driver.picture

    def _head(self, execution: str, task: str, attempt: int) -> str | None:
        driver = self._drivers.get(execution)
        return None if driver is None else driver.head(task, attempt)

    def _report(self, execution: str, report: Report | None) -> None:
        if report is None:
            self._pools.poke()
            return
        driver = self._drivers.get(execution)
        if driver is not None:
            driver.post(report)
        elif not self._publishing.report(execution, report):
            _log.debug("a report for %s came too late", execution)

    def _drive(
        self, state: ExecutionState, picture: Picture, blobs: dict[Digest, bytes], submission: Submission
    ) -> Driver:
        if self._is_closed:
            raise StateConflict("the orchestrator is shutting down")
        driver = Driver(
            state,
            picture,
            blobs,
            store=self._store,
            hub=self._hub,
            pool=self._pools.get(submission.options.executor, submission.environment),
            clock=self._clock,
            config=self._config,
            resources=self._resources,
            lookup=ResultLookup(state, self._store, self._clock, submission.reuse, self._archive.past),
            ended=self._ended,
        )
        self._drivers[driver.state.id] = driver
        self._archive.forget(driver.state.id)
        self._tails.end(driver.state.id, picture.snapshot.seq)
        return driver

    def _ended(self, driver: Driver) -> None:
        if self._drivers.get(driver.state.id) is driver:
            del self._drivers[driver.state.id]
            if driver.picture.snapshot.status.is_final:
                self._archive.keep_ended(driver.remains())
                self._histories.keep(driver.picture.snapshot)

    async def _revive(self, execution: str, command: Recover | Retry) -> Driver:
        """Go on with an execution that is on disk; returns when the command is durable."""
        record, state, picture, blobs = await self._archive.restore(execution)
        # It is ours: nobody else goes on with its log, and subscribers hear the rest of it first.
        await self._tails.catch_up(execution)
        if execution in self._drivers:
            raise StateConflict(f"execution {execution} is running already")
        # What follows is written by another orchestrator than what precedes it, or as another run.
        command = msgspec.structs.replace(command, epoch=new_epoch(self.epoch))
        driver = self._drive(state, picture, blobs, record.submission)
        driver.take_up()
        await driver.start(command)
        return driver
