"""Conditions and failures as part of the graph: `when`, `unless`, `coalesce`, `allow_failure`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast, overload

from wf_jupyter.dsl import tracing
from wf_jupyter.dsl.nodes import Node
from wf_jupyter.errors import TaskError, WorkflowDefinitionError
from wf_jupyter.model.draft import ABSENT
from wf_jupyter.model.graph import Need, NeedKind

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


# The second `None`: leaving the block swallows no exception, so what is assigned in it is assigned after it.
def when(node: object) -> AbstractContextManager[None, None]:
    """`with wf.when(node):` runs the tasks inside only if the node's result is truthy; else they are skipped."""
    return _condition("when", node, "truthy")


def unless(node: object) -> AbstractContextManager[None, None]:
    """`with wf.unless(node):` runs the tasks inside only if the node's result is falsy; else they are skipped."""
    return _condition("unless", node, "falsy")


@overload
def coalesce(first: A, second: B, /) -> A | B: ...
@overload
def coalesce(*choices: T) -> T: ...
def coalesce(*choices: Any) -> Any:
    """A node with the value of the first of `choices` that was not skipped.

    A choice that is no node is always there, so it can stand last as a default.
    """
    trace = _trace("coalesce")
    if not any(isinstance(choice, Node) for choice in choices):
        raise WorkflowDefinitionError("wf.coalesce(a, b) takes the nodes to choose from, but it was given none")
    return trace.record(
        tracing.Call(
            name="coalesce",
            function=first_present,
            # A plain default comes as a task too: where every need of kind `first` was skipped, so is the rest.
            args=tuple(
                _first(trace, choice if isinstance(choice, Node) else trace.collect(choice)) for choice in choices
            ),
        )
    )


def allow_failure(node: T) -> T | TaskError:
    """The node, as an argument that may be a `TaskError`: what takes it runs even if the node's task failed."""
    trace = _trace("allow_failure")
    if not isinstance(node, Node):
        raise _no_node("allow_failure", node)
    if node.path:
        raise WorkflowDefinitionError(
            f"wf.allow_failure takes a whole result, and {node!r} is a part of one: a task that failed has no parts"
        )
    return cast("T", Node(trace, trace.check_owned(node).source, kind="outcome", is_map=node._is_map))


def first_present(*values: object) -> object:
    """The code of `coalesce`."""
    return next((value for value in values if value is not ABSENT), None)


def _condition(name: str, node: object, kind: NeedKind) -> AbstractContextManager[None, None]:
    trace = _trace(name)
    if not isinstance(node, Node):
        raise WorkflowDefinitionError(
            f"wf.{name} takes a node, but this is a plain {type(node).__name__}: its value is known now, "
            "so an ordinary `if` does it"
        )
    trace.check_owned(node)
    if node.kind != "value":
        raise WorkflowDefinitionError(
            f"wf.{name}: {node!r} may turn out to be an error, which is neither true nor false: "
            "let a task decide, and use its result"
        )
    if node._is_map and not node.path:
        raise WorkflowDefinitionError(
            f"wf.{name}: {node!r} is a list, one entry per mapped item: let a task decide, for example with any(...) "
            "or all(...), and use its result"
        )
    whole = trace.collect(node) if node.path else node
    return cast("AbstractContextManager[None, None]", trace.condition(Need(whole.source, kind)))


def _first(trace: tracing.Trace, node: Node) -> Node:
    if trace.check_owned(node).kind != "value":
        raise WorkflowDefinitionError(f"wf.coalesce: {node!r} may turn out to be an error: give the node itself")
    whole = trace.collect(node) if node.path else node
    return Node(trace, whole.source, kind="first")


def _trace(name: str) -> tracing.Trace:
    trace = tracing.current()
    if trace is None:
        raise WorkflowDefinitionError(f"wf.{name} can be used only inside the body of a workflow")
    return trace


def _no_node(name: str, value: object) -> WorkflowDefinitionError:
    return WorkflowDefinitionError(
        f"wf.{name} takes a node, that is, what a task call returned, not a {type(value).__name__}"
    )
