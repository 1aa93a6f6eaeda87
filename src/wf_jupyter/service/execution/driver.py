"""One execution at work: stimulus → step → append → act → fold → publish.

What happened since the last turn is decided together and committed in one transaction. Nobody is
told of an event, and no attempt starts, before that commit. `step` runs ahead of the commit, in
memory; the picture that people see (`self.picture`) does not.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from wf_jupyter.engine.fold import Picture
from wf_jupyter.engine.state import ExecutionState, Task
from wf_jupyter.engine.step import step
from wf_jupyter.errors import StateConflict, StoreError
from wf_jupyter.model.events import Event, TaskCompleted, TaskLog, TaskRetrying, WorkflowCompleted
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptStarted,
    AttemptStopped,
    AttemptSucceeded,
    Command,
    Found,
    Printed,
    Report,
    RetryDue,
    Stimulus,
    Value,
)
from wf_jupyter.model.submission import Expansion, Submission
from wf_jupyter.ports import Batch, CacheEntry, Clock, Store
from wf_jupyter.service.archive import Ended
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.execution.coalescing import coalesce
from wf_jupyter.service.execution.commit import commit
from wf_jupyter.service.execution.inputs import Values
from wf_jupyter.service.execution.resources import Resources
from wf_jupyter.service.execution.result_lookup import ResultLookup
from wf_jupyter.service.execution.running_attempts import RunningAttempts
from wf_jupyter.service.execution.slots import SlotPool
from wf_jupyter.service.hub import Hub

_log = logging.getLogger(__name__)


class Driver:
    """Runs one execution on the orchestrator's loop.

    `post` and `command` feed it; `ended` is called once, when it needs no more turns.
    """

    def __init__(
        self,
        state: ExecutionState,
        picture: Picture,
        blobs: dict[Digest, bytes],
        *,
        store: Store,
        hub: Hub,
        pool: SlotPool,
        clock: Clock,
        config: RuntimeConfig,
        lookup: ResultLookup,
        resources: Resources,
        ended: Callable[[Driver], None],
    ) -> None:
        self.state = state
        self.picture = picture
        self.blobs = blobs
        self._values = Values()
        self._attempts = RunningAttempts(
            state, blobs, self._values, store=store, pool=pool, resources=resources, config=config, poke=self.poke
        )
        self._store = store
        self._hub = hub
        self._clock = clock
        self._config = config
        self._lookup = lookup
        self._ended = ended
        self._inbox: list[tuple[Stimulus, asyncio.Future[None] | None]] = []
        self._wake = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._submission: Submission | None = None
        self._task: asyncio.Task[None] | None = None
        self._hindrance: StoreError | None = None
        self._searches: set[asyncio.Task[None]] = set()
        self._found: list[CacheEntry] = []

    def start(self, stimulus: Command, submission: Submission | None = None) -> asyncio.Future[None]:
        """Begin turning; the future resolves when the first turn is durable."""
        self._submission = submission
        done = self._put(stimulus)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"execution {self.state.id}")
        return done

    def post(self, report: Report) -> None:
        """Something happened to an attempt."""
        if isinstance(report, Printed):
            # At once: what an attempt prints beyond the event log's share must not pile up here.
            kept = self._attempts.printed(report)
            if kept is None:
                return
            report = kept
        self._inbox.append((report, None))
        self._wake.set()

    def head(self, task: str, attempt: int) -> str | None:
        """See `Logs.head`."""
        return self._attempts.logs.head(task, attempt)

    def poke(self) -> None:
        """Look again: there may be a free slot."""
        self._wake.set()

    async def command(self, command: Command) -> None:
        """Do what somebody asked for; returns when it is durable.

        Raises:
            StateConflict: the state does not allow it; nothing happened.
        """
        await self._put(command)

    def remains(self) -> Ended:
        """What there is to ask about when it has ended."""
        return Ended(self.state, self.picture, self._values, self.blobs)

    async def close(self) -> None:
        """Turn no more; what was committed stays as it is, for the next orchestrator to resume."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._release()

    def _put(self, command: Command) -> asyncio.Future[None]:
        done = asyncio.get_running_loop().create_future()
        if self._hindrance is not None:
            done.set_exception(self._hindrance)
            return done
        if self._task is not None and self._task.done():
            done.set_exception(StateConflict(f"execution {self.state.id} is {self.state.status}: nothing to do"))
            return done
        self._inbox.append((command, done))
        self._wake.set()
        return done

    async def _run(self) -> None:
        try:
            while not self.state.status.is_final or self._inbox:
                await self._wake.wait()
                self._wake.clear()
                await self._turn()
        except StoreError as error:
            self._park(error)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            _log.exception("execution %s of %r stopped", self.state.id, self.state.workflow)
            self._park(StoreError(f"execution {self.state.id} stopped after an internal error: {error}"))
        finally:
            self._release()
        self._ended(self)

    async def _turn(self) -> None:
        inbox, self._inbox = coalesce(self._inbox), []
        events: list[Event] = []
        values: list[tuple[str, Value]] = []
        expansions: list[tuple[str, Expansion]] = []
        waiting: list[asyncio.Future[None]] = []
        now = self._clock()
        for stimulus, done in inbox:
            try:
                happened = step(self.state, stimulus, now, random.random())
            except StateConflict as conflict:
                if done is not None and not done.done():
                    done.set_exception(conflict)
                continue
            if done is not None:
                waiting.append(done)
            events += happened
            self._note(stimulus, bool(happened), values, expansions)
        # What has just ended woke this execution as well, which plans now in any case.
        self._wake.clear()
        starts = self._plan(events)
        self._search()
        if events:
            try:
                await self._append(events, values, expansions, waiting)
            except StoreError as error:
                self._attempts.abandon(starts)
                _refuse(waiting, error)
                raise
        try:
            # First, so that workers have something to do while people are told.
            await self._act(starts, events)
        finally:
            self._tell(events, waiting)

    def _tell(self, events: list[Event], waiting: list[asyncio.Future[None]]) -> None:
        """Show what is durable now, and answer those who asked for it."""
        for event in events:
            self.picture.fold(event)
            if isinstance(event, TaskLog):
                self._attempts.logs.committed(event)
        if events:
            self._hub.publish(self.state.id, self.state.workflow, events)
        for done in waiting:
            if not done.done():
                done.set_result(None)

    def _note(
        self,
        stimulus: Stimulus,
        counted: bool,
        values: list[tuple[str, Value]],
        expansions: list[tuple[str, Expansion]],
    ) -> None:
        """Keep what the engine does not look at: values, blobs, and which attempts ended."""
        match stimulus:
            case Found():
                pass
            case AttemptSucceeded() | AttemptFailed() | AttemptExpanded() | AttemptStopped():
                self._attempts.landed(stimulus.task, stimulus.attempt)
            case _:
                return
        if not counted:
            return
        if isinstance(stimulus, AttemptSucceeded | AttemptFailed | Found):
            for value in stimulus.values:
                self._values.add(stimulus.task, value)
                values.append((stimulus.task, value))
        elif isinstance(stimulus, AttemptExpanded):
            self.blobs.update(stimulus.expansion.blobs)
            expansions.append((stimulus.task, stimulus.expansion))
        if isinstance(stimulus, AttemptSucceeded):
            task = self.state.task(stimulus.task)
            if task is not None and (entry := self._lookup.entry(task, stimulus, self._clock())) is not None:
                self._found.append(entry)

    def _plan(self, events: list[Event]) -> tuple[AttemptStarted, ...]:
        starts = self._attempts.plan()
        now = self._clock()
        for start in starts:
            events += step(self.state, start, now)
        self._attempts.wait_for_room()
        return starts

    async def _append(
        self,
        events: list[Event],
        values: list[tuple[str, Value]],
        expansions: list[tuple[str, Expansion]],
        waiting: list[asyncio.Future[None]],
    ) -> None:
        def refuse_commands(error: StoreError) -> None:
            # Nobody is kept waiting for room on the disk; what they asked for happens once there is some.
            self._hindrance = error
            _refuse(waiting, StoreError(f"{error}; what was asked for happens as soon as there is room"))

        last = events[-1]
        # Taken before the commit: a search may add to the next batch meanwhile.
        entries, self._found = tuple(self._found), []
        counts = dict(self.picture.snapshot.counts)
        await commit(
            self._store,
            Batch(
                execution=self.state.id,
                events=tuple(events),
                values=tuple(values),
                expansions=tuple(expansions),
                cache=entries,
                submission=self._submission,
                status=self.state.status,
                counts=_count(self.state) if self.state.status.is_final else counts,
                ended=last.time if isinstance(last, WorkflowCompleted) else None,
            ),
            self._config.full_disk_patience,
            refuse_commands,
        )
        self._hindrance = None
        self._submission = None

    def _search(self) -> None:
        """Look up what may be known from before; the answers come as stimuli."""
        questions, self.state.questions = self.state.questions, []
        if questions:
            search = asyncio.get_running_loop().create_task(self._find(questions), name=f"search {self.state.id}")
            self._searches.add(search)
            search.add_done_callback(self._searches.discard)

    async def _find(self, tasks: list[Task]) -> None:
        for task in tasks:
            answer, entry = await self._lookup.find(task)
            if entry is not None:
                self._found.append(entry)
            self.post(answer)

    async def _act(self, starts: tuple[AttemptStarted, ...], events: list[Event]) -> None:
        for event in events:
            match event:
                case TaskRetrying():
                    self._arm(event.task, event.attempt, event.delay)
                case TaskCompleted() if event.error is not None:
                    self._values.failures[event.task] = event.error
                case _:
                    pass
        await self._attempts.launch(starts)
        for key in self.state.stopping:
            self._attempts.stop(key, self.state.running[key].attempt)

    def _arm(self, key: str, attempt: int, delay: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(delay, self._due, key, attempt)

    def _due(self, key: str, attempt: int) -> None:
        self._timers.pop(key, None)
        self.post(RetryDue(task=key, attempt=attempt))

    def take_up(self) -> None:
        """After a replay: know the failures that some tasks allow, and let retries wait as long as they had left."""
        now = self._clock()
        for shown in self.picture.snapshot.tasks:
            if shown.error is not None and shown.status.is_final:
                self._values.failures[shown.key] = shown.error
        for key, task in self.state.retrying.items():
            due = self.picture.tasks[key].retry_at
            self._arm(key, task.attempt, 0.0 if due is None else max(0.0, (due - now).total_seconds()))

    def _park(self, error: StoreError) -> None:
        """Stop working on an execution whose log cannot be continued; what is on disk stays true."""
        self._hindrance = error
        _log.error("execution %s of %r is parked: %s", self.state.id, self.state.workflow, error)
        self._attempts.stop_all()
        for _, done in self._inbox:
            if done is not None and not done.done():
                done.set_exception(error)

    def _release(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for search in self._searches:
            search.cancel()
        self._timers.clear()
        self._attempts.release()


def _refuse(waiting: list[asyncio.Future[None]], error: StoreError) -> None:
    for done in waiting:
        if not done.done():
            done.set_exception(error)


def _count(state: ExecutionState) -> dict[str, int]:
    """Tasks by status, counted from the engine's state: the picture is one turn behind while committing."""
    counts = {status.value: 0 for status in TaskStatus}
    for key in state.units:
        task = state.task(key)
        if task is not None:
            counts[task.status.value] += 1
    return counts
