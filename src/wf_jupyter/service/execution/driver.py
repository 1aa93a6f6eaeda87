"""One execution at work: stimulus → step → append → act → fold → publish.

What happened since the last turn is decided together and committed in one transaction. Nobody is
told of an event, and no attempt starts, before that commit. `step` runs ahead of the commit, in
memory; the picture that people see (`self.picture`) does not.

Turns and lookups run in one scope. Whatever fails in it ends all of it: everybody who waits is answered,
slots and resources go back, and `parked` says why. What is on disk stays true, so the execution can be
taken up again from there.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from wf_jupyter.engine.fold import Picture
from wf_jupyter.engine.state import ExecutionState, Task
from wf_jupyter.engine.step import step
from wf_jupyter.errors import OwnershipLost, ServerUnavailable, StateConflict, StoreError, WorkflowError
from wf_jupyter.model.events import Event, TaskCompleted, TaskLog, TaskRetrying
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.snapshot import Parked
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptRequeued,
    AttemptStopped,
    AttemptSucceeded,
    Command,
    Found,
    Printed,
    Report,
    Stimulus,
)
from wf_jupyter.model.submission import Submission
from wf_jupyter.ports import CacheEntry, Clock, Store
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.execution.commit import as_store_error, until_it_works
from wf_jupyter.service.execution.inbox import Answer, Inbox
from wf_jupyter.service.execution.inputs import Values
from wf_jupyter.service.execution.reservation import HandedOver, Reservation
from wf_jupyter.service.execution.resources import Resources
from wf_jupyter.service.execution.result_lookup import ResultLookup
from wf_jupyter.service.execution.retry_timers import RetryTimers
from wf_jupyter.service.execution.running_attempts import RunningAttempts
from wf_jupyter.service.execution.slots import SlotPool
from wf_jupyter.service.execution.turn import Turn
from wf_jupyter.service.queries.execution_reader import Ended
from wf_jupyter.service.subscriptions.broker import Broker

_log = logging.getLogger(__name__)
_LATER = "; what was asked for happens as soon as that has passed"


class Driver:
    """Runs one execution on the orchestrator's loop.

    `post` and `command` feed it; `ended` is called once, when it needs no more turns. `parked` says why
    it does not move: while it waits for a cause to pass, and for good when it ended before its execution.
    """

    def __init__(
        self,
        state: ExecutionState,
        picture: Picture,
        blobs: dict[Digest, bytes],
        *,
        store: Store,
        broker: Broker,
        pools: Callable[[str | None], SlotPool],
        clock: Clock,
        config: RuntimeConfig,
        lookup: ResultLookup,
        resources: Resources,
        handed_over: HandedOver,
        ended: Callable[[Driver], None],
    ) -> None:
        self.state = state
        self.picture = picture
        self.blobs = blobs
        self.parked: Parked | None = None
        self._inbox = Inbox()
        self._timers = RetryTimers(self.post)
        self._values = Values()
        self._attempts = RunningAttempts(
            state,
            blobs,
            self._values,
            store=store,
            pools=pools,
            resources=resources,
            handed_over=handed_over,
            config=config,
            on_capacity=self._inbox.wake,
        )
        self._store = store
        self._broker = broker
        self._clock = clock
        self._lookup = lookup
        self._ended = ended
        self._submission: Submission | None = None
        self._task: asyncio.Task[None] | None = None
        self._scope: asyncio.TaskGroup | None = None
        self._searches: set[asyncio.Task[None]] = set()
        self._entries: list[CacheEntry] = []
        self._over: WorkflowError | None = None

    # -- from outside -------------------------------------------------------------------------

    def start(self, *commands: Command, submission: Submission | None = None) -> Answer:
        """Begin turning with these commands together; the future resolves when the last of them is durable."""
        self._submission = submission
        answers = [self._put(command) for command in commands]
        for answer in answers[:-1]:
            # Whatever keeps it from being done keeps the last one from it, too.
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"execution {self.state.id}")
        return answers[-1]

    def post(self, report: Report) -> None:
        """Something happened to an attempt."""
        if isinstance(report, Printed):
            # At once: what an attempt prints beyond the event log's share must not pile up here.
            kept = self._attempts.keep_printed(report)
            if kept is None:
                return
            report = kept
        self._inbox.post(report)

    def head(self, task: str, attempt: int) -> str | None:
        """Return the committed text of a running attempt (`Logs.head`)."""
        return self._attempts.logs.head(task, attempt)

    async def command(self, command: Command) -> None:
        """Do what somebody asked for; returns when it is durable.

        Raises:
            StateConflict: the state does not allow it; nothing happened.
            StoreError: it cannot be made durable now.
        """
        await self._put(command)

    def remains(self) -> Ended:
        """State kept for late queries after the execution ended."""
        return Ended(self.state, self.picture, self._values, self.blobs)

    async def close(self) -> None:
        """Turn no more; what was committed stays as it is, for the next orchestrator to resume."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def abandon(self) -> None:
        """Stop what runs and turn no more: nobody will go on with the execution."""
        self._attempts.stop_all()
        await self.close()

    def take_up(self) -> None:
        """After a replay: know the failures that some tasks allow, and let retries wait as long as they had left."""
        for shown in self.picture.snapshot.tasks:
            if shown.error is not None and shown.status.is_final:
                self._values.failures[shown.key] = shown.error
        for key, task in self.state.retrying.items():
            self._timers.arm_again(self.picture.tasks[key], task.attempt, self._clock())

    # -- the scope ----------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as self._scope:
                while not self.state.status.is_final or self._inbox:
                    await self._inbox.wait()
                    await self._turn()
                for search in list(self._searches):
                    search.cancel()
            self._over = StateConflict(f"execution {self.state.id} is {self.state.status}: nothing to do")
        except asyncio.CancelledError:
            self._over = ServerUnavailable("the orchestrator is shutting down")
            raise
        except Exception as failure:
            self._stop(failure)
        finally:
            self._release()
        self._ended(self)

    def _stop(self, failure: Exception) -> None:
        """Stop working on an execution that cannot be continued from memory."""
        while isinstance(failure, ExceptionGroup):
            failure = failure.exceptions[0]
        error = as_store_error(failure)
        is_there = self.picture.snapshot.seq > 0
        if is_there or not error.is_temporary:
            # Otherwise whoever submitted is told, and nothing is left of it.
            _log.error(
                "execution %s of %r %s: %s",
                self.state.id,
                self.state.workflow,
                "stops here" if is_there else "could not begin",
                error,
                exc_info=None if isinstance(failure, StoreError) else failure,
            )
        self._over = error
        if isinstance(error, OwnershipLost):
            # It moves, elsewhere: whoever looks at it here is shown its log.
            self._attempts.stop_all()
            return
        kind: Literal["waiting", "stopped"] = "waiting" if error.is_temporary else "stopped"
        self.parked = Parked(kind=kind, reason=str(error), since=self._clock())
        self._attempts.stop_all()

    def _release(self) -> None:
        """Answer everybody who still waits, and want nothing more."""
        self._over = self._over or ServerUnavailable("the orchestrator is shutting down")
        self._inbox.refuse(self._over)
        self._timers.close()
        self._attempts.close()

    def _put(self, command: Command) -> Answer:
        refusal = self._over
        if refusal is None and self.parked is not None:
            refusal = StoreError(self.parked.reason, is_temporary=True)
        return self._inbox.ask(command, refusal)

    # -- one turn -----------------------------------------------------------------------------

    async def _turn(self) -> None:
        turn, decided = Turn(), []
        for stimulus, done in self._inbox.take():
            try:
                happened = step(self.state, stimulus, self._clock(), random.random())
            except StateConflict as conflict:
                if done is not None and not done.done():
                    done.set_exception(conflict)
                continue
            if done is not None:
                decided.append(done)
            turn.events += happened
            self._note(stimulus, turn, counted=bool(happened))
        with self._attempts.reserve() as reservation:
            now = self._clock()
            for start in reservation.starts:
                turn.events += step(self.state, start, now)
            self._attempts.wait_for_room()
            self._search()
            if turn.events:
                await self._append(turn)
            try:
                await self._prepare(reservation, turn, decided)
                self._react(turn.events)
                # First, and on its way, so that workers have something to do while people are told.
                self._attempts.launch(reservation)
                if reservation.starts:
                    await asyncio.sleep(0)
            finally:
                self._tell(turn, decided)
        for key in self.state.stopping:
            self._attempts.stop(key, self.state.running[key].attempt)

    def _note(self, stimulus: Stimulus, turn: Turn, *, counted: bool) -> None:
        """Keep what the engine does not look at: values, blobs, and which attempts ended."""
        match stimulus:
            case Found():
                pass
            case AttemptSucceeded() | AttemptFailed() | AttemptExpanded() | AttemptStopped() | AttemptRequeued():
                self._attempts.on_ended(stimulus.task, stimulus.attempt)
            case _:
                return
        if not counted:
            return
        if isinstance(stimulus, AttemptSucceeded | AttemptFailed | Found):
            for value in stimulus.values:
                self._values.add(stimulus.task, value)
                turn.values.append((stimulus.task, value))
        elif isinstance(stimulus, AttemptExpanded):
            self.blobs.update(stimulus.expansion.blobs)
            turn.expansions.append((stimulus.task, stimulus.expansion))
        if isinstance(stimulus, AttemptSucceeded):
            task = self.state.task(stimulus.task)
            if task is not None and (entry := self._lookup.entry(task, stimulus, self._clock())) is not None:
                self._entries.append(entry)

    async def _append(self, turn: Turn) -> None:
        # Taken before the commit: a search may add to the next batch meanwhile.
        turn.entries, self._entries = self._entries, []
        batch = turn.batch(self.state, self._submission, dict(self.picture.snapshot.counts))
        if batch.submission is not None:
            # Whoever submits is there to be told, and nothing is lost: it is not tried again.
            await self._store.append(batch)
        else:
            await self._until_it_works(lambda: self._store.append(batch))
        self._submission = None

    async def _prepare(self, reservation: Reservation, turn: Turn, decided: Sequence[Answer]) -> None:
        """Have at hand what the executor needs, which may have to be read, or made, on the disk."""
        if not reservation.starts:
            return
        missing = self._attempts.missing(reservation)
        if missing:
            # What is durable is told before anything that may take its time.
            self._tell(turn, decided)
            await self._until_it_works(lambda: self._attempts.fetch(missing))

        async def make_directory() -> None:
            try:
                self._attempts.make_directory()
            except BaseException:
                # Whoever submitted is answered with what is durable, not with what comes after it.
                self._tell(turn, decided)
                raise

        await self._until_it_works(make_directory)

    async def _until_it_works(self, work: Callable[[], Awaitable[None]]) -> None:
        await until_it_works(work, self._on_hindered)
        if self.parked is not None:
            _log.info("execution %s goes on", self.state.id)
            self._show(None)

    def _on_hindered(self, cause: StoreError) -> None:
        """Show what the execution waits for; nobody is kept waiting for it."""
        if self.parked is None:
            _log.info("execution %s waits until this has passed: %s", self.state.id, cause)
        if self.parked is None or self.parked.reason != str(cause):
            since = self._clock() if self.parked is None else self.parked.since
            self._show(Parked(kind="waiting", reason=str(cause), since=since))
        self._inbox.refuse(StoreError(f"{cause}{_LATER}", is_temporary=True))

    def _show(self, parked: Parked | None) -> None:
        self.parked = self.picture.snapshot.parked = parked
        self._broker.lag(self.state.id)

    def _tell(self, turn: Turn, decided: Sequence[Answer]) -> None:
        """Show what is durable now, and answer those who asked for it. Told once, however often called."""
        events = [event for event in turn.events if event.seq > self.picture.snapshot.seq]
        for event in events:
            self.picture.fold(event)
            if isinstance(event, TaskLog):
                self._attempts.logs.on_committed(event)
        if events:
            self._broker.publish(self.state.id, self.state.workflow, events, turn.encoded[-len(events) :])
        for done in decided:
            if not done.done():
                done.set_result(None)

    def _react(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case TaskRetrying():
                    self._timers.arm(event.task, event.attempt, event.delay)
                case TaskCompleted() if event.error is not None:
                    self._values.failures[event.task] = event.error
                case _:
                    pass

    # -- lookups ------------------------------------------------------------------------------

    def _search(self) -> None:
        """Look up what may be known from before; the answers come as stimuli."""
        questions, self.state.questions = self.state.questions, []
        if questions:
            assert self._scope is not None
            search = self._scope.create_task(self._find(questions), name=f"search {self.state.id}")
            self._searches.add(search)
            search.add_done_callback(self._searches.discard)

    async def _find(self, tasks: list[Task]) -> None:
        for task in tasks:
            answer, entry = await self._lookup.find(task)
            if entry is not None:
                self._entries.append(entry)
            self.post(answer)
