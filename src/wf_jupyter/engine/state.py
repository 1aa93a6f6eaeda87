"""The state of one execution as the engine needs it: who waits for whom, and what may run."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from wf_jupyter.model.events import ResultInfo
from wf_jupyter.model.graph import GraphSpec, NodeSpec, ScopeSpec
from wf_jupyter.model.keys import inside
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.reason import Reason
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.model.submission import Submission


@dataclass(slots=True, eq=False)
class Lane:
    """Ready tasks that share their limits: how many may run at once, and the resources that each takes.

    `executor` is where they run, None for the execution's own. `ready` is a queue from which any member
    can be taken in constant time.
    """

    limit: int | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    executor: str | None = None
    running: int = 0
    ready: dict[Task, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Subgraph:
    """A graph inside the execution: the submitted one (`holder` is None) or a task's expansion.

    `prefix` is the scope its keys are relative to; `open` counts its units that are not final;
    `broken` names units whose failure or cancellation nothing in the graph allows for; `returned`
    names the units that its result refers to; `questioned` the nodes whose truth somebody asks for.
    """

    prefix: str
    graph: GraphSpec
    holder: Task | None = None
    open: int = 0
    broken: dict[str, None] = field(default_factory=dict)
    returned: frozenset[str] = frozenset()
    questioned: frozenset[str] = frozenset()
    is_questioned: bool = False

    def __post_init__(self) -> None:
        self.returned = frozenset(self.absolute(need.source) for need in self.graph.result.needs)
        self.questioned = frozenset(
            need.source for node in self.graph.nodes for need in node.needs if need.kind in ("truthy", "falsy")
        )

    def absolute(self, key: str) -> str:
        """A key of this graph as the execution knows it."""
        return inside(self.prefix, key)


@dataclass(slots=True, eq=False)
class Task:
    """One task. `waiting` counts sources that are not final; `dependents` wait for this one.

    `losses` counts attempts that ended for no doing of the task's; `dispatched_at` is when the last was handed over.
    """

    key: str
    node: NodeSpec
    subgraph: Subgraph
    lane: Lane
    group: Group | None = None
    index: int | None = None
    status: TaskStatus = TaskStatus.PENDING
    attempt: int = 0
    losses: int = 0
    dispatched_at: datetime | None = None
    waiting: int = 0
    dependents: list[Task] = field(default_factory=list)
    map_dependents: list[Group] = field(default_factory=list)
    expansion: Subgraph | None = None
    truth: bool | None = None
    lengths: dict[str, int] = field(default_factory=dict)
    result_type: str = ""
    reason: Reason | None = None

    @property
    def is_final(self) -> bool:
        """Whether the task has reached a status that only `retry()` can change."""
        return self.status.is_final

    @property
    def is_ok(self) -> bool:
        """Whether the task has a value."""
        return self.status.has_value


@dataclass(slots=True, eq=False)
class Group:
    """A mapped node. Its items exist once `size` is known; `unsized` counts the lists it still waits for.

    `placeholder` is the task with the group's own key, when it could not be expanded.
    """

    key: str
    node: NodeSpec
    subgraph: Subgraph
    lane: Lane
    size: int | None = None
    unsized: int = 0
    items: list[Task] = field(default_factory=list)
    remaining: int = 0
    dependents: list[Task] = field(default_factory=list)
    map_dependents: list[Group] = field(default_factory=list)
    placeholder: Task | None = None

    @property
    def is_final(self) -> bool:
        """Whether every item is final."""
        if self.placeholder is not None:
            return self.placeholder.is_final
        return self.size is not None and self.remaining == 0

    @property
    def is_ok(self) -> bool:
        """Whether every item has a value."""
        return self.placeholder is None and self.is_final and all(item.is_ok for item in self.items)


Unit = Task | Group


@dataclass(slots=True, eq=False)
class ExecutionState:
    """Everything the engine knows about one execution.

    `unsettled` holds units about which `settle` has to decide; `open` counts tasks that are not
    final plus groups that are not expanded; `stopping` names running tasks that must be stopped;
    `asking` holds tasks that run only if no earlier result is found for them, and `questions` those
    of them that nobody has looked up yet.
    """

    id: str
    workflow: str
    options: ExecutionOptions
    inputs: dict[str, str]
    root: Subgraph
    status: ExecutionStatus = ExecutionStatus.PENDING
    seq: int = 0
    started: datetime | None = None
    units: dict[str, Unit] = field(default_factory=dict)
    nodes: dict[str, tuple[NodeSpec, Subgraph]] = field(default_factory=dict)
    scopes: dict[str, tuple[ScopeSpec, Subgraph]] = field(default_factory=dict)
    subgraphs: dict[str, Subgraph] = field(default_factory=dict)
    lanes: list[Lane] = field(default_factory=lambda: [Lane()])
    unsettled: deque[Unit] = field(default_factory=deque)
    running: dict[str, Task] = field(default_factory=dict)
    retrying: dict[str, Task] = field(default_factory=dict)
    stopping: set[str] = field(default_factory=set)
    open: int = 0
    failed: dict[str, None] = field(default_factory=dict)
    results: dict[str, ResultInfo] = field(default_factory=dict)
    is_paused: bool = False
    is_cancelling: bool = False
    is_failing: bool = False
    asking: dict[str, Task] = field(default_factory=dict)
    questions: list[Task] = field(default_factory=list)
    is_reusing: bool = False
    fresh_from: frozenset[str] = frozenset()
    lineages: dict[Unit, str] = field(default_factory=dict)
    freshness: dict[Unit, bool] = field(default_factory=dict)

    def task(self, key: str) -> Task | None:
        """The task with that key, or None; a group's own key names its placeholder."""
        unit = self.units.get(key)
        if isinstance(unit, Group):
            return unit.placeholder
        return unit

    def lane(self, node: NodeSpec) -> Lane:
        """Where tasks of a node queue: one for all without limits, one per set of resources and executor, one per
        limited map."""
        options = node.options
        if options.max_parallel is None or not node.is_map:
            for lane in self.lanes:
                same = lane.resources == options.resources and lane.executor == options.executor
                if lane.limit is None and same:
                    return lane
        limit = options.max_parallel if node.is_map else None
        self.lanes.append(Lane(limit=limit, resources=options.resources, executor=options.executor))
        return self.lanes[-1]

    def origin(self, unit: Unit) -> Unit:
        """The unit whose value is the value of `unit`: itself, or what its expansion returned, however deep."""
        while isinstance(unit, Task) and unit.expansion is not None and unit.expansion.graph.result.is_alias:
            unit = self.units[unit.expansion.absolute(unit.expansion.graph.result.needs[0].source)]
        return unit

    def is_stopping(self, unit: Unit) -> bool:
        """Whether the unit belongs to a graph whose task is being cancelled."""
        holder = unit.subgraph.holder if self.stopping else None
        while holder is not None and holder.key not in self.stopping:
            holder = holder.subgraph.holder
        return holder is not None

    def is_questioned(self, task: Task) -> bool:
        """Whether the truth of the task's result matters, to its own graph or to one it is returned to."""
        subgraph = task.subgraph
        if task.node.key in subgraph.questioned:
            return True
        return subgraph.is_questioned and subgraph.graph.result.is_alias and task.key in subgraph.returned

    def register(self, subgraph: Subgraph) -> None:
        """Make a graph's nodes known, so that `tasks.added` can refer to them. Idempotent."""
        if subgraph.prefix in self.subgraphs:
            return
        self.subgraphs[subgraph.prefix] = subgraph
        for scope in subgraph.graph.scopes:
            self.scopes[subgraph.absolute(scope.key)] = (scope, subgraph)
        for node in subgraph.graph.nodes:
            self.nodes[subgraph.absolute(node.key)] = (node, subgraph)


def new_state(execution: str, submission: Submission) -> ExecutionState:
    """The state of an execution before its first event."""
    root = Subgraph(prefix="", graph=submission.graph)
    state = ExecutionState(
        id=execution,
        workflow=submission.workflow,
        options=submission.options,
        inputs=dict(submission.inputs),
        root=root,
    )
    if submission.reuse is not None:
        state.is_reusing = True
        state.fresh_from = frozenset(submission.reuse.fresh_from)
    state.register(root)
    return state
