"""Tracing: running a workflow's body once to learn its graph.

While a body runs, `current()` is its trace, and every task call is recorded there instead of being
carried out. The trace follows the context (`contextvars`), so two notebooks' threads or two asyncio
tasks can trace at the same time. A trace is closed when its body has ended; from then on its nodes
are refused everywhere.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from wf_jupyter.dsl.inputs import previews
from wf_jupyter.dsl.nodes import Node
from wf_jupyter.dsl.order import order_nodes, path_between
from wf_jupyter.dsl.references import nodes_in
from wf_jupyter.errors import WorkflowDefinitionError
from wf_jupyter.model.draft import Draft, DraftNode, NodeRef, Source
from wf_jupyter.model.graph import Need, NeedKind, ScopeSpec
from wf_jupyter.model.keys import TaskKey, inside, number_key
from wf_jupyter.model.policy import TaskOptions
from wf_jupyter.values.recording import Recorder

_active: ContextVar[Trace | None] = ContextVar("wf_jupyter_trace", default=None)


def current() -> Trace | None:
    """The trace of the body that is running here, or None outside of one."""
    return _active.get()


@dataclass(slots=True)
class Call:
    """A task call as it is about to be recorded."""

    name: str
    function: Callable[..., object]
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    over: Mapping[str, Source] = field(default_factory=dict)
    options: TaskOptions = field(default_factory=TaskOptions)
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    outputs: tuple[object, ...] | None = None


class Trace:
    """One tracing of one workflow body with everything it calls."""

    def __init__(self, workflow: str, *, inline: bool = False) -> None:
        self.workflow = workflow
        self.is_open = True
        self._nodes: dict[TaskKey, DraftNode] = {}
        self._position: dict[TaskKey, int] = {}
        self._scopes: list[ScopeSpec] = []
        self._scope: str | None = None
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}
        self._conditions: list[Need] = []
        self._bodies: list[object] = []
        self._has_forward_edges = False
        self._recorder = Recorder(inline=inline)

    # -- recording ------------------------------------------------------------------------------

    def record(self, call: Call) -> Node:
        """Add a task call, or a mapped one, and return the node that stands for its result."""
        needs = dict.fromkeys(self.check_owned(ref).need for ref in nodes_in(call.args, *call.kwargs.values()))
        needs.update(dict.fromkeys(self._conditions))
        key = self._fresh_key(call.name)
        node = DraftNode(
            key=key,
            name=call.name,
            function=call.function,
            args=call.args,
            kwargs=dict(call.kwargs),
            over=dict(call.over),
            needs=list(needs),
            group=self._scope,
            options=call.options,
            retry_on=call.retry_on,
        )
        # Now, and not when the body has ended: what it changes meanwhile is meant for later calls.
        self._recorder.pack(node)
        self._position[key] = len(self._nodes)
        self._nodes[key] = node
        is_map = bool(call.over)
        return Node(self, key, is_map=is_map, outputs=None if is_map else call.outputs)

    def know(self, bound: inspect.BoundArguments) -> None:
        """Take note of what is secret in the inputs of a body, so that it is recognised inside of other values."""
        for name, value in bound.arguments.items():
            self._recorder.hide_secrets(name, value)

    def previews(self, bound: inspect.BoundArguments) -> dict[str, str]:
        """The inputs of a body as texts without secrets."""
        return {name: self._recorder.mask(text) for name, text in previews(bound).items()}

    def collect(self, value: object) -> Node:
        """A task that passes on `value`, whose nodes have their results by then.

        It turns what only arguments can express (a part of a result, a list that mixes results and
        plain values, an allowed failure) into the whole result of one task.
        """
        return self.record(Call(name="collect", function=passed_on, args=(value,)))

    def node(self, key: TaskKey) -> DraftNode:
        """The recorded call behind a node of this trace."""
        return self._nodes[key]

    def check_owned(self, ref: Node) -> Node:
        """`ref` itself; `WorkflowDefinitionError` when it comes from another tracing."""
        if ref._trace is not self:
            raise foreign(ref)
        return ref

    def order(self, node: Node, earlier: tuple[object, ...]) -> None:
        """Let `node` wait for the nodes in `earlier`; a cycle is refused, naming the tasks on it."""
        if not self.is_open:
            raise foreign(node)
        for other in _flat(earlier):
            if not isinstance(other, Node):
                raise WorkflowDefinitionError(
                    f"{node!r}.after() takes nodes, that is, what a task call returned, not {_describe_value(other)}"
                )
            self._add_order(node.source, self.check_owned(other))

    def _add_order(self, key: TaskKey, other: Node) -> None:
        source = other.source
        if self._has_forward_edges or self._position[source] >= self._position[key]:
            chain = path_between(self._nodes, source, key)
            if chain is not None:
                circle = " → ".join(repr(str(step)) for step in reversed([*chain, source]))
                raise WorkflowDefinitionError(
                    f"{str(key)!r} cannot run after {str(source)!r}, which waits for it: {circle} is a cycle"
                )
            self._has_forward_edges = True
        kind: NeedKind = "order" if other.kind == "value" else other.kind
        needs = self._nodes[key].needs
        if Need(source, kind) not in needs and Need(source, "value") not in needs:
            needs.append(Need(source, kind))

    # -- scopes ---------------------------------------------------------------------------------

    @contextmanager
    def body(self, owner: object, name: str) -> Iterator[None]:
        """While the body of `owner` runs; one that is already running must not start again."""
        if any(running is owner for running in self._bodies):
            raise WorkflowDefinitionError(
                f"the workflow {name!r} calls itself: a body is traced before anything has run, so it would never "
                f"end; let a task return `{name}.bind(...)` to go on depending on a result"
            )
        self._bodies.append(owner)
        try:
            yield
        finally:
            self._bodies.pop()

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Inside, keys are prefixed with a new scope's key and numbered anew."""
        outer = self._scope
        key = self._fresh_key(name)
        self._scopes.append(ScopeSpec(key=key, name=name, group=outer))
        self._scope = key
        try:
            yield
        finally:
            self._scope = outer

    @contextmanager
    def condition(self, need: Need) -> Iterator[None]:
        """Inside, every call has this need as well."""
        self._conditions.append(need)
        try:
            yield
        finally:
            self._conditions.pop()

    def _fresh_key(self, name: str) -> TaskKey:
        base = inside(self._scope or "", name)
        while True:
            count = self._counts[base] = self._counts.get(base, 0) + 1
            key = TaskKey(number_key(base, count))
            # A task may be named `fetch-2` by its author, which is also the second call of `fetch`.
            if key not in self._taken:
                self._taken.add(key)
                return key

    # -- the end --------------------------------------------------------------------------------

    def finish(self, result: object) -> Draft:
        """The draft of everything recorded, for a body that returned `result`."""
        needs = dict.fromkeys(self.check_owned(ref).need for ref in nodes_in(result))
        nodes = order_nodes(self._nodes) if self._has_forward_edges else list(self._nodes.values())
        result = self._recorder.hide_secrets("", result)
        template = self._recorder.template(self.workflow, result, list(needs))
        return Draft(
            workflow=self.workflow,
            nodes=nodes,
            scopes=list(self._scopes),
            result=result,
            result_needs=list(needs),
            template=template,
            blobs=self._recorder.blobs,
        )


@contextmanager
def tracing(workflow: str, *, inline: bool = False) -> Iterator[Trace]:
    """A new trace, current inside the `with` block and closed after it. `inline`: its tasks run in this process."""
    trace = Trace(workflow, inline=inline)
    token = _active.set(trace)
    try:
        yield trace
    finally:
        trace.is_open = False
        _active.reset(token)


def foreign(node: Node) -> WorkflowDefinitionError:
    """The error for a node that is used outside of the tracing that made it."""
    trace = node._trace
    home = f"the workflow {trace.workflow!r}" if isinstance(trace, Trace) else "another workflow"
    ended = isinstance(trace, Trace) and not trace.is_open
    return WorkflowDefinitionError(
        f"{node!r} belongs to {home}"
        + (", whose body has ended" if ended else ", which is being traced elsewhere")
        + ": nodes can only be used inside the body that made them; outside of it read `execution.result()`"
    )


def passed_on(value: object) -> object:
    """The code of `collect`."""
    return value


def _flat(values: tuple[object, ...]) -> Iterator[object]:
    for value in values:
        if isinstance(value, list | tuple) and not isinstance(value, NodeRef):
            yield from value
        else:
            yield value


def _describe_value(value: object) -> str:
    return f"a {type(value).__name__}"
