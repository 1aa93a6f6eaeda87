"""The orchestrator while everything around it fails: faults at every call of the store and of the executor.

Nobody waits for ever, no slot or resource is lost, every log is a history that the engine can continue,
and what is shown is the fold of what is on disk. After causes that pass nothing has to be resumed by hand.
`tests/slow/test_faults.py` plays many more histories, and tells which faults they met where.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.property.test_engine_machine import BLOB, graphs
from wf_jupyter.engine import invariants
from wf_jupyter.errors import ExecutionNotFound, StateConflict, StoreError, WorkflowError
from wf_jupyter.model.graph import GraphSpec
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.snapshot import is_at_rest
from wf_jupyter.model.stimuli import Cancel, CancelTask, Command, Pause, Resume, Retry
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.orchestrator import Orchestrator
from wf_jupyter.service.queries.execution_reader import fold_log, replay
from wf_jupyter.store.memory import MemoryData, MemoryStore
from wf_jupyter.testing import Faults, FaultyStore, ScriptedExecutor, VirtualLoop
from wf_jupyter.values import container

EXAMPLES = int(os.environ.get("WF_JUPYTER_FAULT_EXAMPLES", "25"))
#: What is called while executions run, are commanded, taken over, rerun and deleted.
STORE = (
    *("append", "values", "cached", "adopt", "directory", "events", "record", "blobs", "claim"),
    *("summaries", "delete", "write_history", "orphans", "newest_id", "positions"),
)
EXECUTOR = ("start", "stop", "slots")
PASSING = ("full", "inodes", "slow")
KINDS = (*PASSING, "corrupt", "bug")
LIST = container.pack([b"item"] * 3)
HERE = Environment(executable="python", directory="/", path=())
GPU = 2.0

met: Counter[tuple[str, str]] = Counter()
played: Counter[str] = Counter()


def fault(kind: str) -> Exception | float:
    match kind:
        case "full":
            return StoreError("the disk is full", is_temporary=True)
        case "inodes":
            return OSError(28, "No space left on device")
        case "corrupt":
            return StoreError("the database disk image is malformed")
        case "slow":
            return 0.5
        case _:
            return RuntimeError("a bug")


class FaultMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)
        self.loop = VirtualLoop()
        self.unheard: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.unheard.append(str(context)))
        self.data = MemoryData()
        self.faults = Faults()
        self.executors: list[ScriptedExecutor] = []
        self.asked: list[tuple[str, asyncio.Task[Any]]] = []
        self.has_passing_faults_only = True
        self.open()

    # -- plumbing -----------------------------------------------------------------------------

    def open(self) -> None:
        def factory(name: str, environment: Environment, report: Any) -> ScriptedExecutor:
            self.executors.append(ScriptedExecutor(report, 2, self.faults))
            return self.executors[-1]

        async def opened() -> Orchestrator:
            store: Any = FaultyStore(MemoryStore(self.data), self.faults)
            config = RuntimeConfig(data_dir=Path(), resources={"gpu": GPU})
            return Orchestrator(store, factory, self.loop.clock, config)

        self.executors = []
        self.orchestrator = self.loop.run_until_complete(opened())

    def settle(self, seconds: float = 0.0) -> None:
        async def settled() -> None:
            for _ in range(40):
                await asyncio.sleep(0)
            if seconds:
                await asyncio.sleep(seconds)
                for _ in range(40):
                    await asyncio.sleep(0)

        self.loop.run_until_complete(settled())

    def ask(self, what: str, coroutine: Any) -> asyncio.Task[Any]:
        task = self.loop.create_task(coroutine)
        self.asked.append((what, task))
        self.settle()
        return task

    def answers(self) -> None:
        """Whoever was answered with an error got one of ours, or that of the fault."""
        for what, task in self.asked:
            error = task.exception() if task.done() and not task.cancelled() else None
            assert error is None or isinstance(error, WorkflowError | OSError | RuntimeError), (what, error)
            assert error is None or "IllegalTransition" not in repr(error), (what, error)
        self.asked = [(what, task) for what, task in self.asked if not task.done()]

    def draw(self, data: st.DataObject) -> str:
        """An execution, drawn by its position: ids differ from run to run."""
        executions = list(self.data.executions)
        return executions[data.draw(st.integers(0, len(executions) - 1))]

    def running(self) -> list[tuple[ScriptedExecutor, tuple[str, str, int]]]:
        return [(executor, key) for executor in self.executors for key in list(executor.running)]

    def draw_attempt(self, data: st.DataObject) -> tuple[ScriptedExecutor, tuple[str, str, int]]:
        running = self.running()
        return running[data.draw(st.integers(0, len(running) - 1))]

    # -- what happens -------------------------------------------------------------------------

    @initialize(
        graph=graphs(largest=5, cache=(False, True)),
        kinds=st.sampled_from((PASSING, KINDS)),
        places=st.lists(
            st.tuples(st.sampled_from(STORE + EXECUTOR), st.sampled_from((0, 0, 1, 2, 4)), st.integers(0, 4)),
            min_size=10,
            max_size=24,
        ),
    )
    def begin(self, graph: GraphSpec, kinds: tuple[str, ...], places: list[tuple[str, int, int]]) -> None:
        """What will fail, and at which of its calls, is settled before anything happens."""
        self.submit(graph, "continue")
        for number, (method, after, kind) in enumerate(places):
            self.arm([method], kinds[kind % len(kinds)], 1 + number % 2, after)

    @precondition(lambda self: len(self.data.executions) < 3)
    @rule(graph=graphs(largest=4, cache=(False, True)), on_failure=st.sampled_from(("continue", "fail_fast")))
    def submit(self, graph: GraphSpec, on_failure: str) -> None:
        submission = Submission(
            workflow="w",
            graph=graph,
            blobs={BLOB: LIST},
            environment=HERE,
            options=ExecutionOptions(on_failure=on_failure),  # type: ignore[arg-type]
        )
        self.ask("submit", self.orchestrator.submit(submission))
        played["submitted"] += 1

    @precondition(lambda self: self.running())
    @rule(data=st.data(), how=st.sampled_from(("list", "value", "fail", "fail", "say")), length=st.integers(0, 3))
    def report(self, data: st.DataObject, how: str, length: int) -> None:
        executor, key = self.draw_attempt(data)
        match how:
            case "list" | "value":
                executor.succeed(key, length if how == "list" else None)
            case "fail":
                executor.fail(key)
            case _:
                executor.say(key, "hello")
        self.settle()

    @precondition(lambda self: self.running())
    @rule(data=st.data(), graph=graphs(largest=3))
    def expand(self, data: st.DataObject, graph: GraphSpec) -> None:
        executor, key = self.draw_attempt(data)
        executor.expand(key, graph, {BLOB: LIST})
        self.settle()

    @precondition(lambda self: self.data.executions)
    @rule(data=st.data(), command=st.sampled_from((Cancel(), Pause(), Resume(), Resume(), Retry())))
    def command(self, data: st.DataObject, command: Command) -> None:
        execution = self.draw(data)
        self.ask(type(command).__name__, self.orchestrator.command(execution, command))

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def cancel_task(self, data: st.DataObject) -> None:
        _, (execution, task, _) = self.draw_attempt(data)
        self.ask("cancel task", self.orchestrator.command(execution, CancelTask(task=task)))

    @precondition(lambda self: self.running())
    @rule()
    def all_that_runs_succeeds(self) -> None:
        for _ in range(8):
            for executor, key in self.running():
                executor.succeed(key, 2)
            self.settle()

    @precondition(lambda self: len(self.data.executions) < 5 and self.finished())
    @rule(data=st.data())
    def rerun(self, data: st.DataObject) -> None:
        finished = self.finished()
        execution = finished[data.draw(st.integers(0, len(finished) - 1))]
        self.ask("rerun", self.orchestrator.rerun(execution))
        played["reruns"] += 1

    @rule(
        methods=st.lists(st.sampled_from(STORE + EXECUTOR), min_size=1, max_size=4),
        kind=st.sampled_from(PASSING),
        times=st.integers(1, 3),
        after=st.integers(0, 2),
    )
    def something_fails_for_a_while(self, methods: list[str], kind: str, times: int, after: int) -> None:
        self.arm(methods, kind, times, after)

    @rule(methods=st.lists(st.sampled_from(STORE + EXECUTOR), min_size=1, max_size=2), kind=st.sampled_from(KINDS))
    def something_breaks(self, methods: list[str], kind: str) -> None:
        self.arm(methods, kind, 1, 0)

    @precondition(lambda self: self.data.executions)
    @rule(data=st.data(), what=st.sampled_from(("executions", "snapshot", "events", "result")))
    def read(self, data: st.DataObject, what: str) -> None:
        execution = () if what == "executions" else (self.draw(data),)
        self.ask(what, getattr(self.orchestrator, what)(*execution))

    def arm(self, methods: list[str], kind: str, times: int, after: int) -> None:
        for method in methods:
            # What an executor refuses is always a bug: it has no disk of its own.
            if method in STORE or kind not in PASSING:
                self.has_passing_faults_only &= kind in PASSING
                self.faults.fail(method, fault(kind), times=times, after=after)

    def finished(self) -> list[str]:
        return [execution for execution, held in self.data.executions.items() if held.status.is_final]

    @rule(seconds=st.sampled_from((0.3, 5.0, 60.0)))
    def time_passes(self, seconds: float) -> None:
        self.settle(seconds)

    @rule(is_stubborn=st.booleans())
    def attempts_are_stubborn(self, is_stubborn: bool) -> None:
        for executor in self.executors:
            executor.stubborn = is_stubborn

    @precondition(lambda self: self.running())
    @rule(is_killed=st.booleans())
    def restart(self, is_killed: bool) -> None:
        played["kills" if is_killed else "restarts"] += 1
        if is_killed:
            # Nothing of what it does from here on counts.
            self.data.living.clear()
        self.loop.run_until_complete(self.orchestrator.close())
        self.settle(5.0)
        waiting = [what for what, task in self.asked if not task.done()]
        assert not waiting, f"nobody answers after the end: {waiting}"
        self.open()
        self.ask("recover", self.orchestrator.recover())

    @precondition(lambda self: self.data.executions)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        execution = self.draw(data)
        self.ask("delete", self.orchestrator.delete(execution))

    # -- what must hold -----------------------------------------------------------------------

    @invariant()
    def every_log_is_a_history(self) -> None:
        for execution, held in self.data.executions.items():
            assert [event.seq for event in held.events] == list(range(1, len(held.events) + 1))
            invariants.check(self.replayed(execution))

    @invariant()
    def what_is_shown_is_what_is_on_disk(self) -> None:
        for execution, held in self.data.executions.items():
            driver = self.orchestrator._active.get(execution)
            if driver is None:
                continue
            shown = driver.picture.snapshot
            assert shown.seq <= len(held.events), "nobody is told what is not on disk"
            folded = fold_log(execution, shown.epoch, self.record(execution), held.events[: shown.seq]).snapshot
            assert folded.tasks == shown.tasks and folded.counts == shown.counts and folded.status == shown.status

    @invariant()
    def every_failure_is_heard(self) -> None:
        self.answers()
        assert not self.unheard, self.unheard

    def record(self, execution: str) -> Any:
        return self.loop.run_until_complete(MemoryStore(self.data).record(execution))

    def replayed(self, execution: str) -> Any:
        return replay(execution, self.record(execution), self.data.executions[execution].events)

    def teardown(self) -> None:
        """Once nothing fails any more and somebody resumes what stopped, everything ends and everybody is answered."""
        try:
            self.end()
        finally:
            logging.disable(logging.NOTSET)
            met.update(self.faults.injected)
            played["histories"] += 1
            self.loop.close()

    def end(self) -> None:
        self.faults.clear()
        # As a server does that could not start.
        self.ask("recover", self.orchestrator.recover())
        self.settle(60.0)
        if self.has_passing_faults_only:
            lines = self.loop.run_until_complete(self.orchestrator.executions())
            parked = [line.parked for line in lines if line.parked is not None]
            assert not parked, f"goes on when somebody resumes it, although the cause has passed: {parked}"
        for executor in self.executors:
            executor.stubborn = False
        for _ in range(300):
            self.settle(15.0)
            self.answers()
            assert not self.asked, f"still waits: {self.asked}"
            for executor, key in self.running():
                executor.succeed(key, 2)
            lines = self.loop.run_until_complete(self.orchestrator.executions())
            unfinished = [line for line in lines if not line.status.is_final]
            for line in unfinished:
                snapshot = self.loop.run_until_complete(self.orchestrator.snapshot(line.id))
                if is_at_rest(snapshot) or snapshot.status in ("paused", "interrupted"):
                    self.ask("resume", self.resume(line.id))
            if not unfinished and not self.running():
                break
        states = {line.id: (line.status, line.parked) for line in unfinished}
        assert not unfinished and not self.running(), f"never ends: {states}"
        self.settle(15.0)
        self.everything_was_returned()
        self.loop.run_until_complete(self.orchestrator.close())
        gc.collect()
        self.settle()
        self.every_failure_is_heard()

    async def resume(self, execution: str) -> None:
        try:
            await self.orchestrator.command(execution, Resume())
        except (StateConflict, ExecutionNotFound):
            pass

    def everything_was_returned(self) -> None:
        active = self.orchestrator._active
        assert len(active._handed_over) == 0, "the executor has nothing, and somebody holds its slots"
        assert active._resources.free == {"gpu": GPU}
        for pool in self.orchestrator._pools._pools.values():
            assert not pool._reserved and not pool._held, (pool._reserved, pool._held)


TestFaults = FaultMachine.TestCase
TestFaults.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    # A history is worth more than a short one: shrinking takes minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def table() -> str:
    """Faults that were met, by place and kind."""
    kinds = sorted({kind for _, kind in met})
    lines = [f"{'':<16}" + "".join(f"{kind:>14}" for kind in kinds)]
    for place in (*STORE, *EXECUTOR):
        lines.append(f"{place:<16}" + "".join(f"{met[place, kind] or '–':>14}" for kind in kinds))
    return "\n".join([*lines, f"{met.total()} faults in {dict(played)}"])
