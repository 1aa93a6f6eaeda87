"""The engine under every mix of graphs, reports, commands and crashes that Hypothesis can think of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.examples import examples
from wf_jupyter.engine import invariants
from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.engine.lineage import lineage
from wf_jupyter.engine.plan import count_wanted, executors, plan
from wf_jupyter.engine.state import ExecutionState, new_state
from wf_jupyter.engine.step import rebuild, settle_all, step
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.events import NODE_LOST, Event, Failure, ResultInfo, WorkflowRetried
from wf_jupyter.model.graph import GraphSpec, Need, NodeSpec, Over, ResultSpec, check_graph
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.model.policy import ExecutionOptions, TaskOptions
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptRequeued,
    AttemptStarted,
    AttemptStopped,
    AttemptSucceeded,
    Cancel,
    CancelTask,
    Displayed,
    Found,
    NotFound,
    Pause,
    Printed,
    Progressed,
    Recover,
    Resume,
    Retry,
    RetryDue,
    Start,
    Stimulus,
)
from wf_jupyter.model.submission import Environment, Expansion, Reuse, Submission

START = datetime(2026, 1, 1, tzinfo=UTC)
BLOB = Digest("b")
FREE = {"gpu": 2.0}
AGAIN = ("failed", "skipped", "cancelled")
NEEDS = ("value", "order", "outcome", "truthy", "falsy", "first")


@st.composite
def overs(draw: st.DrawFn, keys: list[TaskKey], position: int) -> Over:
    name = f"p{position}"
    shape = draw(st.sampled_from(("literal", "source", "source", "each"))) if keys else "literal"
    if shape == "source":
        return Over(parameter=name, source=draw(st.sampled_from(keys)))
    if shape == "each":
        return Over(parameter=name, each=tuple(draw(st.lists(st.sampled_from(keys), min_size=1, max_size=3))))
    return Over(parameter=name, literal=BLOB, length=draw(st.integers(0, 3)))


@st.composite
def graphs(draw: st.DrawFn, largest: int = 7, cache: tuple[bool, ...] = (False, False, False, True)) -> GraphSpec:
    nodes: list[NodeSpec] = []
    keys: list[TaskKey] = []
    for number in range(draw(st.integers(0, largest))):
        key = TaskKey(f"t{number}")
        sources = draw(st.lists(st.sampled_from(keys), max_size=3)) if keys else []
        needs = tuple(
            Need(source, draw(st.sampled_from(NEEDS) if draw(st.booleans()) else st.just("value")))
            for source in sources
        )
        over = tuple(draw(overs(keys, position)) for position in range(draw(st.sampled_from((0, 0, 1, 1, 2)))))
        options = TaskOptions(
            retries=draw(st.sampled_from((0, 0, 1, 2))),
            trigger_rule=draw(st.sampled_from(("all_success", "all_success", "all_done", "one_failed"))),
            max_parallel=draw(st.sampled_from((None, None, 1, 2))),
            cache=draw(st.sampled_from(cache)),
            resources=draw(st.sampled_from(({}, {}, {"gpu": 1.0}, {"gpu": 2.0}))),
            executor=draw(st.sampled_from((None, None, "local", "dask"))),
        )
        nodes.append(
            NodeSpec(key=key, name=key, code=BLOB, call=BLOB, needs=needs, over=over, options=options, splits=("",))
        )
        keys.append(key)
    returned = draw(st.lists(st.sampled_from(keys), max_size=2, unique=True)) if keys else []
    graph = GraphSpec(nodes=tuple(nodes), result=ResultSpec(template=BLOB, needs=tuple(Need(key) for key in returned)))
    check_graph(graph)
    return graph


class EngineMachine(RuleBasedStateMachine):
    """Plays orchestrator and workers; crashes by forgetting all but the log."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.log: list[bytes] = []
        self.expansions: list[tuple[str, Expansion]] = []
        self.picture = Picture(empty("e", "epoch", START))
        self.started: dict[str, int] = {}
        self.subgraphs = 0
        self.losses = 0
        self.requeues = 0

    def fresh(self) -> ExecutionState:
        environment = Environment(executable="python", directory="/", path=())
        return new_state(
            "e",
            Submission(
                workflow="w",
                graph=self.graph,
                blobs={},
                environment=environment,
                options=self.options,
                reuse=self.reuse,
            ),
        )

    def feed(self, stimulus: Stimulus) -> list[Event]:
        self.now += timedelta(seconds=1)
        happened = step(self.state, stimulus, self.now, 0.25)
        for event in happened:
            self.log.append(msgspec.json.encode(event))
            self.picture.fold(event)
        if isinstance(stimulus, AttemptExpanded) and happened:
            self.expansions.append((stimulus.task, stimulus.expansion))
        return happened

    def replayed(self) -> ExecutionState:
        state = self.fresh()
        rebuild(state, self.expansions, [msgspec.json.decode(line, type=Event) for line in self.log])
        assert settle_all(state, self.now) == [], "a replay must not cause new events"
        return state

    def running(self) -> list[str]:
        return [key for key, task in self.state.running.items() if task.expansion is None]

    @initialize(
        graph=graphs(),
        on_failure=st.sampled_from(("continue", "continue", "fail_fast")),
        most=st.sampled_from((None, None, 1, 3)),
        reuse=st.sampled_from((None, None, Reuse(execution="old"), Reuse(execution="old", fresh_from=("t1",)))),
    )
    def begin(self, graph: GraphSpec, on_failure: str, most: int | None, reuse: Reuse | None) -> None:
        self.graph = graph
        self.reuse = reuse
        self.options = ExecutionOptions(on_failure=on_failure, max_parallel=most)  # type: ignore[arg-type]
        self.state = self.fresh()
        self.feed(Start())

    @rule(slots=st.integers(1, 4))
    def start_attempts(self, slots: int) -> None:
        starts: list[AttemptStarted] = []
        left = dict(FREE)
        for executor in executors(self.state):
            given = [f"{executor}{n}" for n in range(slots)]
            more = plan(self.state, given, left, executor, len(starts))
            assert len(more) == count_wanted(self.state, slots, left, executor, len(starts))
            for start in more:
                options = self.state.units[start.task].node.options
                assert options.executor == executor
                for name, amount in options.resources.items():
                    left[name] -= amount
            starts += more
        for start in starts:
            assert self.feed(start), "a planned attempt starts"
            assert start.attempt == self.started.get(start.task, 0) + 1, "attempts count up"
            self.started[start.task] = start.attempt
        most = self.options.max_parallel
        assert most is None or len(self.running()) <= most

    @precondition(lambda self: self.running())
    @rule(data=st.data(), length=st.sampled_from((None, 0, 1, 2, 3)), truth=st.booleans())
    def succeed(self, data: st.DataObject, length: int | None, truth: bool) -> None:
        key = data.draw(st.sampled_from(self.running()))
        self.feed(
            AttemptSucceeded(
                task=key,
                attempt=self.state.running[key].attempt,
                duration=1.0,
                result=ResultInfo(type="int"),
                lengths={} if length is None else {"": length},
                truth=truth,
            )
        )

    @precondition(lambda self: self.running())
    @rule(data=st.data(), retriable=st.booleans(), is_lost=st.booleans())
    def fail(self, data: st.DataObject, retriable: bool, is_lost: bool) -> None:
        key = data.draw(st.sampled_from(self.running()))
        failure = Failure(kind="raised", type="ValueError", message="no", retriable=retriable)
        if is_lost and self.losses < 3:
            # A node of a cluster went: it runs again, whatever its retries are.
            self.losses += 1
            failure = Failure(kind="worker_lost", type=NODE_LOST, message="lost")
        self.feed(AttemptFailed(task=key, attempt=self.state.running[key].attempt, duration=1.0, failure=failure))

    @precondition(lambda self: self.running() and self.subgraphs < 4)
    @rule(data=st.data(), graph=graphs(largest=4))
    def expand(self, data: st.DataObject, graph: GraphSpec) -> None:
        key = data.draw(st.sampled_from(self.running()))
        self.subgraphs += 1
        self.feed(
            AttemptExpanded(
                task=key,
                attempt=self.state.running[key].attempt,
                duration=1.0,
                expansion=Expansion(graph=graph, blobs={}),
            )
        )

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.running()))
        self.feed(AttemptStopped(task=key, attempt=self.state.running[key].attempt, duration=1.0))

    @precondition(lambda self: self.running() and self.requeues < 5)
    @rule(data=st.data())
    def requeue(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.running()))
        attempt = self.state.running[key].attempt
        is_stopping = key in self.state.stopping
        self.requeues += 1
        self.feed(AttemptRequeued(task=key, attempt=attempt))
        assert key not in self.running()
        if not is_stopping:
            self.started[key] = attempt - 1  # it counts as not started

    @precondition(lambda self: self.running())
    @rule(data=st.data(), what=st.sampled_from(("print", "progress", "display")))
    def talk(self, data: st.DataObject, what: str) -> None:
        key = data.draw(st.sampled_from(self.running()))
        attempt = self.state.running[key].attempt
        reports: dict[str, Stimulus] = {
            "print": Printed(task=key, attempt=attempt, stream="stdout", text="hello"),
            "progress": Progressed(task=key, attempt=attempt, done=1, total=2),
            "display": Displayed(task=key, attempt=attempt, data={"text/plain": "x"}),
        }
        assert len(self.feed(reports[what])) == 1

    @rule(data=st.data())
    def late_reports_change_nothing(self, data: st.DataObject) -> None:
        tasks = [task for task in invariants.all_tasks(self.state) if task.attempt]
        if not tasks:
            return
        task = data.draw(st.sampled_from(tasks))
        late = task.attempt - 1 if task.key in self.state.running else task.attempt
        assert not self.feed(AttemptStopped(task=task.key, attempt=late, duration=1.0))

    @precondition(lambda self: self.state.asking)
    @rule(data=st.data(), length=st.sampled_from((None, 0, 2)), is_known=st.booleans())
    def look_up(self, data: st.DataObject, length: int | None, is_known: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.state.asking)))
        assert lineage(self.state, self.state.asking[key]) == lineage(self.replayed(), self.replayed().asking[key])
        if is_known:
            lengths = {} if length is None else {"": length}
            self.feed(Found(task=key, result=ResultInfo(type="int"), lengths=lengths, truth=True))
        else:
            self.feed(NotFound(task=key))

    @precondition(lambda self: self.state.retrying)
    @rule(data=st.data())
    def retry_is_due(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.state.retrying)))
        self.feed(RetryDue(task=key, attempt=self.state.retrying[key].attempt))

    @rule(command=st.sampled_from((Cancel(), Pause(), Resume(), Resume(), Retry())))
    def command(self, command: Stimulus) -> None:
        before = len(self.log)
        try:
            self.feed(command)
        except StateConflict:
            assert len(self.log) == before, "a refused command changes nothing"

    @rule(data=st.data())
    def retry_some(self, data: st.DataObject) -> None:
        before = {task.key: task.status for task in invariants.all_tasks(self.state)}
        if not before:
            return
        keys = data.draw(st.lists(st.sampled_from(sorted(before)), min_size=1, max_size=2, unique=True))
        try:
            (retried, *_) = self.feed(Retry(tasks=tuple(keys)))
        except StateConflict:
            busy = self.state.is_failing or {"running", "retrying"} & set(before.values())
            able = self.state.status in ("failed", "cancelled") or (self.state.status == "running" and not busy)
            assert not able or any(before[key] not in AGAIN for key in keys)
            return
        assert isinstance(retried, WorkflowRetried)
        assert set(keys) <= set(retried.tasks), "what was named runs again"
        assert all(before[key] in AGAIN for key in retried.tasks), "what has a value keeps it"

    @rule(data=st.data())
    def cancel_one(self, data: st.DataObject) -> None:
        parts = list(self.state.units)
        if not parts:
            return
        key = data.draw(st.sampled_from(parts))
        part = [
            unit for unit in self.state.units.values() if unit.key == key or unit.key.startswith((key + "/", key + "["))
        ]
        was_open = any(not unit.is_final for unit in part)
        try:
            self.feed(CancelTask(task=key))
        except StateConflict:
            assert not was_open
            return
        left = [unit.key for unit in part if not unit.is_final and unit.key in self.state.units]
        ended = {task.key for task in invariants.all_tasks(self.state) if task.is_final}
        waiting = [
            left_key for left_key in left if (task := self.state.task(left_key)) is not None and task.key not in ended
        ]
        assert set(waiting) <= self.state.stopping, "what is cancelled has ended or is being stopped"

    @precondition(lambda self: not self.state.status.is_final)
    @rule()
    def crash_and_recover(self) -> None:
        lost = self.running()
        stopped = {key for key in lost if key in self.state.stopping}
        self.state = self.replayed()
        self.feed(Recover())
        again = [
            key for key in stopped if (task := self.state.task(key)) is None or task.status is not TaskStatus.CANCELLED
        ]
        assert not again, "what was being cancelled does not run again"
        assert not [key for key in lost if key in self.state.running], "attempts died with the orchestrator"
        for key in list(self.state.retrying):
            self.feed(RetryDue(task=key, attempt=self.state.retrying[key].attempt))

    @invariant()
    def what_must_hold_holds(self) -> None:
        invariants.check(self.state)

    @invariant()
    def a_replay_of_the_log_gives_the_same_state(self) -> None:
        assert essence(self.replayed()) == essence(self.state)

    @invariant()
    def the_picture_shows_the_state(self) -> None:
        shown = {task.key: task.status for task in self.picture.snapshot.tasks}
        assert shown == {task.key: task.status for task in invariants.all_tasks(self.state)}
        assert self.picture.snapshot.status == self.state.status
        counted = {name: count for name, count in self.picture.snapshot.counts.items() if count}
        assert sum(counted.values()) == len(shown)
        assert self.picture.snapshot.seq == len(self.log) == self.state.seq

    def teardown(self) -> None:
        """Every execution ends once nobody interferes any more."""
        if not hasattr(self, "state"):
            return
        if self.state.is_paused and not self.state.status.is_final:
            self.command(Resume())
        for _ in range(2000):
            if self.state.status.is_final:
                break
            for key in list(self.state.retrying):
                self.feed(RetryDue(task=key, attempt=self.state.retrying[key].attempt))
            for key in list(self.state.asking):
                self.feed(NotFound(task=key))
            self.start_attempts(4)
            for key in self.running():
                attempt = self.state.running[key].attempt
                if key in self.state.stopping:
                    self.feed(AttemptStopped(task=key, attempt=attempt, duration=1.0))
                else:
                    result = ResultInfo(type="list")
                    self.feed(
                        AttemptSucceeded(
                            task=key, attempt=attempt, duration=1.0, result=result, lengths={"": 2}, truth=True
                        )
                    )
        assert self.state.status.is_final, f"the execution hangs: {essence(self.state)}"
        invariants.check(self.state)


def essence(state: ExecutionState) -> dict[str, object]:
    """All that a replay must give again. What waits for a timer is derived from the clock, so not part of it."""
    return {
        "status": state.status,
        "seq": state.seq,
        "open": state.open,
        "flags": (state.is_paused, state.is_cancelling, state.is_failing),
        "stopping": set(state.stopping),
        "tasks": {
            task.key: (task.status, task.attempt, task.truth, task.lengths, task.expansion is not None)
            for task in invariants.all_tasks(state)
        },
        "sizes": {key: getattr(unit, "size", None) for key, unit in state.units.items()},
        # A task that was looked up in vain is ready here and asked for again after a replay.
        "ready": {
            task.key
            for task in invariants.all_tasks(state)
            if (task in task.lane.ready or task.key in state.asking) and task.key not in state.retrying
        },
        "broken": {prefix: set(subgraph.broken) for prefix, subgraph in state.subgraphs.items() if subgraph.broken},
    }


TestEngine = EngineMachine.TestCase
TestEngine.settings = settings(
    max_examples=examples(150),
    stateful_step_count=40,
    deadline=None,
    # A failure is told at once: shrinking it takes longer than a test may take, and then hides what it was.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
