"""Many executions at once: submit, follow, command, read, recover.

Everything runs on one event loop (`service.runtime` owns it and its thread). An execution that is
not final has a driver; any other is read from the log when somebody asks.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence

import msgspec

from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.errors import InputError, StateConflict, Unreadable
from wf_jupyter.model.events import Event
from wf_jupyter.model.graph import check_graph
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.snapshot import Snapshot, Summary
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Command, Report
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
from wf_jupyter.protocol.pages import HistoryPage
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.execution.active import ActiveExecutions
from wf_jupyter.service.execution.driver import Driver
from wf_jupyter.service.ids import ExecutionIds
from wf_jupyter.service.inline_checks import check_submission
from wf_jupyter.service.peers.peers import Peers
from wf_jupyter.service.peers.recovery import Recovery
from wf_jupyter.service.pools import Pools
from wf_jupyter.service.published.publishing import Publishing
from wf_jupyter.service.queries.execution_reader import ExecutionReader, copy_snapshot
from wf_jupyter.service.queries.history import Histories
from wf_jupyter.service.queries.task_details import TaskDetails
from wf_jupyter.service.subscriptions.broker import Broker, Recent
from wf_jupyter.service.subscriptions.log_follower import LogFollower
from wf_jupyter.service.subscriptions.mailbox import Mailbox
from wf_jupyter.service.subscriptions.subscriptions import Subscribed, Subscriptions
from wf_jupyter.service.uploads import Uploads

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
        self.epoch = store.epoch
        self.trouble = store.trouble
        self._store = store
        self._ids = ExecutionIds(store, clock)
        self._config = config
        self._broker = Broker(notifiers)
        self._reader = ExecutionReader(store)
        self._log_follower = LogFollower(store, self._broker, self._reader.picture)
        self._pools = Pools(factory, self._report)
        self._active = ActiveExecutions(
            store, self._broker, self._reader, self._log_follower, self._pools, clock, config, self._on_finished
        )
        self._peers = Peers(
            store,
            self._broker,
            self._log_follower,
            self.recover,
            self._active.all_parked,
            config.takeover_interval,
        )
        self.following = Subscriptions(
            store, self._broker, self._log_follower, config, self._picture, self._active.__contains__
        )
        self._recovery = Recovery(store, self._reader, self._broker, self._log_follower, clock, config, self._active)
        self._publishing = Publishing(store, self._pools)
        self._histories = Histories(store)
        self.uploads = Uploads(store)
        self.tasks = TaskDetails(store, self._picture, self._head, self._reader.reopen)

    # -- starting and ending ------------------------------------------------------------------

    async def recover(self) -> list[str]:
        """Resume what earlier orchestrators left (`Recovery.run`)."""
        return await self._recovery.run()

    async def look_around(self) -> None:
        """From now on, see what other orchestrators on the same data directory do, and take over what they leave."""
        await self._peers.start()

    async def close(self) -> None:
        """Stop the workers and release the store; what is not final is resumed by the next orchestrator."""
        # Each of them, in the opposite order, whatever becomes of the others.
        async with contextlib.AsyncExitStack() as ending:
            for part in (self._store, self._histories, self._pools, self._active, self._peers):
                ending.push_async_callback(part.close)

    def active_count(self) -> int:
        """Number of executions that are at work, or wait for something to pass. Callable from any thread."""
        return len(self._active)

    def unfinished(self) -> list[tuple[str, str]]:
        """Id and workflow of each execution that goes on here, but for paused ones. Callable from any thread."""
        return self._active.unfinished()

    # -- running ------------------------------------------------------------------------------

    async def submit(self, submission: Submission, source: str = "") -> str:
        """Start an execution and return its id, once that is durable; `source` is one that has its large inputs.

        Raises:
            WorkflowDefinitionError: the graph has a cycle or refers to what is not in it.
            InputError: a blob is missing and was not uploaded, or the workflow has no name.
            StoreError: it cannot be made durable; nothing of it is left.
        """
        if not submission.workflow.strip():
            raise InputError("a workflow needs a name", "workflow")
        check_submission(submission.options, self._config)
        check_graph(submission.graph)
        check_blobs(submission)
        self._active.check(submission.graph, submission.options.executor)
        execution = await self._ids.new()
        await self.uploads.take_over(submission, execution, source)
        await self._active.start(execution, submission, self.epoch)
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
        record, state, picture, blobs = await self._reader.restore(execution)
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
        again = msgspec.structs.replace(again, reuse=reuse)
        return await self.submit(again, "" if submission else execution)

    async def command(self, execution: str, command: Command) -> None:
        """Do what a person asked for; returns when it is durable.

        Raises:
            ExecutionNotFound: there is no such execution.
            StateConflict: its state does not allow that.
        """
        await self._active.command(execution, command)

    # -- reading ------------------------------------------------------------------------------

    async def snapshot(self, execution: str) -> Snapshot:
        """The execution as it is on disk now."""
        return copy_snapshot(await self._picture(execution))

    async def options(self, execution: str) -> ExecutionOptions:
        """Options that the execution was submitted with."""
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
        """Read committed events (`Subscriptions.events`)."""
        return await self.following.events(execution, after, limit, wait)

    async def result(self, execution: str) -> ExecutionResult:
        """The end of an execution; `StateConflict` while it has not ended."""
        driver = self._active.get(execution)
        if driver is not None:
            status = driver.picture.snapshot.status
            if not status.is_final:
                raise StateConflict(f"execution {execution} is {status}: there is no result yet")
        elif (parked := self._active.find_parked(execution)) is not None:
            raise StateConflict(f"execution {execution} is parked: {parked.reason}")
        return await self._reader.result(execution)

    async def task_value(self, execution: str, key: str) -> Input:
        """The result of one task, or of a mapped one as a whole."""
        return await self._reader.task_value(execution, key)

    async def task_error(self, execution: str, key: str) -> bytes | None:
        """The pickled exception of a failed task, when it could be pickled."""
        found = await self._store.values(execution, [(key, "error")])
        return found[key, "error"].data if found else None

    async def history(self, execution: str) -> HistoryPage:
        """Usual durations for the tasks of its workflow, from earlier executions."""
        return await self._histories.of((await self._picture(execution)).snapshot)

    async def delete(self, execution: str) -> None:
        """Forget an execution; `StateConflict` while it runs. One that is parked or cannot be read can be forgotten."""
        self._reader.forget(execution)
        await self._active.delete(execution)

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
        """Subscribe a mailbox to an execution (`Subscriptions.subscribe`)."""
        return await self.following.subscribe(execution, mailbox, after, epoch, encoded=encoded)

    async def unsubscribe(self, execution: str, mailbox: Mailbox) -> None:
        """End a subscription (`Subscriptions.unsubscribe`)."""
        self.following.unsubscribe(execution, mailbox)

    async def resync(self, execution: str, mailbox: Mailbox) -> Snapshot:
        """Read the snapshot of a lagging subscriber (`Subscriptions.resync`)."""
        return await self.following.resync(execution, mailbox)

    async def resync_encoded(self, execution: str, mailbox: Mailbox) -> Recent | None:
        """Read the snapshot of a lagging subscriber as encoded JSON (`Subscriptions.resync_encoded`)."""
        return await self.following.resync_encoded(execution, mailbox)

    # -- published workflows ------------------------------------------------------------------

    async def publish(self, workflow: Published) -> Published:
        """Publish a workflow under its name (`Publishing.publish`)."""
        return await self._publishing.publish(workflow)

    async def workflows(self) -> list[Published]:
        """The newest version of each published workflow, by name."""
        return await self._store.workflows()

    async def workflow(self, name: str) -> Published:
        """The newest version; `WorkflowNotFound`."""
        return await self._store.workflow(name)

    def _up_to_date(self, summary: Summary) -> Summary:
        parked = self._active.find_parked(summary.id) or summary.parked or self._peers.find_parked(summary.id)
        driver = self._active.get(summary.id)
        # The row on disk tells the counts of one turn ago; those of the picture are durable by now.
        if driver is None or driver.picture.snapshot.seq < summary.seq:
            return summary if parked is summary.parked else msgspec.structs.replace(summary, parked=parked)
        live = driver.picture.snapshot
        return msgspec.structs.replace(
            summary, seq=live.seq, status=live.status, counts=dict(live.counts), parked=parked
        )

    # -- inside -------------------------------------------------------------------------------

    async def _picture(self, execution: str) -> Picture:
        # Asked again after reading: a picture of before a retry that happened meanwhile would be a hole.
        while (driver := self._active.get(execution)) is None or driver.picture.snapshot.seq == 0:
            await self._log_follower.catch_up(execution)
            if (followed := self._log_follower.picture(execution)) is not None:
                return self._with_reason(execution, followed)
            try:
                picture = await self._reader.picture(execution)
            except Unreadable as error:
                self._active.parking.park(execution, error)
                return await self._unreadable(execution)
            if execution not in self._active and self._log_follower.picture(execution) is None:
                return self._with_reason(execution, picture)
        return driver.picture

    def _with_reason(self, execution: str, picture: Picture) -> Picture:
        status = picture.snapshot.status
        parked = self._active.find_parked(execution) or self._peers.find_parked(execution)
        # Of an interrupted one the reason stands in its log.
        if parked is not None or not (status.is_final or status is ExecutionStatus.INTERRUPTED):
            picture.snapshot.parked = parked
        return picture

    async def _unreadable(self, execution: str) -> Picture:
        """A picture of what its line in the list says, and why there is no more."""
        summary = await self._store.summary(execution)
        snapshot = empty(execution, self.epoch, summary.created, summary.workflow)
        snapshot.status, snapshot.seq = summary.status, summary.seq
        snapshot.parked = self._active.parking.get(execution)
        return Picture(snapshot)

    def _head(self, execution: str, task: str, attempt: int) -> str | None:
        driver = self._active.get(execution)
        return None if driver is None else driver.head(task, attempt)

    def _report(self, execution: str, report: Report | None) -> None:
        if report is None:
            self._pools.tell_waiting()
        elif not self._active.report(execution, report) and not self._publishing.report(execution, report):
            _log.debug("a report for %s came too late", execution)

    def _on_finished(self, driver: Driver) -> None:
        self._reader.keep_ended(driver.remains())
        self._histories.keep(driver.picture.snapshot)
