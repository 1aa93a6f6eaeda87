"""Nodes: what a task call returns inside a workflow body, before there is a result.

A node can be passed on, mapped over, indexed, and ordered. Whatever would need the value itself
raises `WorkflowDefinitionError` at that line and says what to write instead: a node that silently
took part in a comparison or a string would make a workflow that runs and is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NoReturn, Protocol

from wf_jupyter.errors import WorkflowDefinitionError
from wf_jupyter.model.draft import NodeRef
from wf_jupyter.model.graph import NeedKind
from wf_jupyter.model.keys import TaskKey


class Recorder(Protocol):
    """The trace that a node belongs to, as far as the node needs it."""

    def order(self, node: Node, earlier: tuple[object, ...]) -> None:
        """Let `node` wait for the nodes in `earlier`."""
        ...


class Node(NodeRef):
    """The promised result of a task call. `node[key]` is an item of it, `node.after(...)` orders."""

    __slots__ = ("_is_map", "_outputs", "_trace")

    def __init__(
        self,
        trace: Recorder,
        source: TaskKey,
        path: tuple[object, ...] = (),
        kind: NeedKind = "value",
        *,
        is_map: bool = False,
        outputs: tuple[object, ...] | None = None,
    ) -> None:
        super().__init__(source, path, kind)
        self._trace = trace
        self._is_map = is_map
        self._outputs = outputs

    def after(self, *nodes: object) -> Node:
        """Let this node's task start only when those of `nodes` have ended well; returns this node.

        Only the order is declared: their results are not passed on.
        """
        self._trace.order(self, nodes)
        return self

    def __getitem__(self, key: object) -> Node:
        if isinstance(key, NodeRef):
            raise WorkflowDefinitionError(
                f"{self!r} cannot be indexed with another result, {key!r}: do it inside a task that takes both"
            )
        if self.kind != "value":
            raise WorkflowDefinitionError(
                f"{self!r} may turn out to be an error, which has no items: look at it inside a task"
            )
        if self._is_map and not self.path and not isinstance(key, int | slice):
            raise WorkflowDefinitionError(
                f"the value of the mapped task {self.source!r} is a list, so its items are numbers, not {key!r}: "
                "pick the key inside the next task"
            )
        return Node(self._trace, self.source, (*self.path, key), is_map=self._is_map)

    def __iter__(self) -> Iterator[Node]:
        if self._outputs is None:
            self._refuse("be looped over or unpacked", "use `task.map(node)`, or declare `@wf.task(outputs=n)`")
        return iter([self[key] for key in self._outputs])

    def __repr__(self) -> str:
        item = "".join(f"[{key!r}]" for key in self.path)
        description = f"the result of {str(self.source)!r}{item}"
        return f"<{description}>" if self.kind == "value" else f"<{description}, if it succeeds>"

    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> NoReturn:
        # Libraries probe private names of whatever they are handed; that is no misuse by the author.
        if name.startswith("_"):
            raise AttributeError(f"a node has no attribute {name!r}")
        self._refuse(f"give its attribute {name!r}", "use it inside a task; an item is `node[key]`")

    def _refuse(self, what: str, instead: str) -> NoReturn:
        raise WorkflowDefinitionError(
            f"{self!r} cannot {what}: while the workflow's body is traced no task has run yet; {instead}"
        )


_IN_A_TASK = "do this inside a task that takes the node as an argument"
_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_BITWISE = ("and", "or", "xor", "lshift", "rshift")

#: (special methods, what a node cannot do, what to write instead)
_REFUSALS: tuple[tuple[str, str, str], ...] = (
    ("bool", "decide an `if`, `while`, `and`, `or` or `not`", "use `with wf.when(node):`, or decide inside a task"),
    ("len length_hint", "give its length", _IN_A_TASK),
    ("next reversed aiter anext", "be looped over", "use `task.map(node)`"),
    ("contains", "be searched with `in`", _IN_A_TASK),
    ("int float complex index round trunc floor ceil", "be made a number", _IN_A_TASK),
    ("str format bytes fspath", "be made text", "do it inside a task; to look at the node itself use `repr(node)`"),
    ("eq ne lt le gt ge", "be compared", _IN_A_TASK),
    ("neg pos abs invert divmod rdivmod", "be calculated with", _IN_A_TASK),
    (
        " ".join(side + name for name in (*_ARITHMETIC, *_BITWISE) for side in ("", "r", "i")),
        "be calculated with",
        _IN_A_TASK,
    ),
    ("setitem delitem", "be changed", "return the changed value from a task"),
    ("call", "be called", "call it inside a task"),
    ("enter exit aenter aexit", "be used in `with`", "a condition is `with wf.when(node):`"),
    ("await", "be awaited", "pass it on as it is: the next task receives the value"),
    ("array", "be made an array", _IN_A_TASK),
)


def _refusal(what: str, instead: str) -> Callable[..., NoReturn]:
    def refuse(self: Node, *_: object, **__: object) -> NoReturn:
        self._refuse(what, instead)

    return refuse


for _names, _what, _instead in _REFUSALS:
    for _name in _names.split():
        setattr(Node, f"__{_name}__", _refusal(_what, _instead))
