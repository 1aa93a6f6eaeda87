"""A workflow as data: nodes, what each needs, and what the whole returns.

A graph holds digests, never values: code and arguments travel beside it as blobs of bytes that only
workers and kernels can read. Keys are relative to the scope that the graph is added under.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from wf_jupyter.errors import WorkflowDefinitionError
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.model.policy import TaskOptions

#: `value`: run after it, with its result. `order`: run after it, without its result.
#: `outcome`: run after it whatever happened, with its result or the `TaskError` (`wf.allow_failure`).
#: `truthy` / `falsy`: run only if its result is truthy / falsy (`wf.when`, `wf.unless`).
#: `first`: run when any of the `first` needs has a value (`wf.coalesce`).
NeedKind = Literal["value", "order", "outcome", "truthy", "falsy", "first"]


class Need(msgspec.Struct, frozen=True, array_like=True):
    """One dependency of a node: the key of another node and in which way it is needed."""

    source: TaskKey
    kind: NeedKind = "value"


class Over(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One mapped parameter: where its list comes from.

    Exactly one of: `source` (a node whose value is the list; `path` names a part of that value),
    `literal` (a blob of `length` separately encoded items), or `each` (one node key per item).
    `digests` are those of the single items, given when the graph uses the cache.
    """

    parameter: str
    source: TaskKey | None = None
    path: str = ""
    literal: Digest | None = None
    digests: tuple[Digest, ...] = ()
    length: int | None = None
    each: tuple[TaskKey, ...] | None = None


class Coverage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The code that the key of a cached node covers, for the worker to compare with the code that it loads.

    `modules` gives the digest of the file of each of the user's modules that the node, or what it reads,
    can reach. `is_open` says that its code imports modules by names made at run time, so that no other
    module of the user's may be loaded at all. `reason` says why there is no key, and nothing to compare.
    """

    modules: Mapping[str, str] = {}
    is_open: bool = False
    reason: str = ""


class NodeSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task call (`over` is empty) or one mapped task (`over` has an entry per mapped parameter).

    `code` is the digest of the pickled function, `call` that of the argument template, in which
    upstream results stand as references `(position in needs, path)`. `large` are the blobs of what is
    kept apart from the template: large buffers, which several calls may share. They come after the
    needs, the last one first, and then the values of mapped parameters. `splits` lists the parts of
    the result that something is mapped over (`""` is the whole): the worker stores these as separately
    readable items.

    Where the graph uses the cache: `fingerprint` is a digest of what the function does, with all that it
    can reach, and `given` one of its arguments by content; unlike `code` and `call` they are the same in
    every kernel that means the same. `reads` are positions in `needs`, in the order in which `given` names
    them. A cached node has the digest of its `Coverage` as well.
    """

    key: TaskKey
    name: str
    code: Digest
    call: Digest
    large: tuple[Digest, ...] = ()
    needs: tuple[Need, ...] = ()
    over: tuple[Over, ...] = ()
    group: str | None = None
    options: TaskOptions = TaskOptions()
    splits: tuple[str, ...] = ()
    fingerprint: Digest | None = None
    given: Digest | None = None
    reads: tuple[int, ...] = ()
    coverage: Digest | None = None

    @property
    def is_map(self) -> bool:
        """Whether the node fans out into one task per item."""
        return bool(self.over)

    def sources(self) -> Iterator[TaskKey]:
        """Keys of the nodes that this one waits for, each once, in order of declaration."""
        seen: dict[TaskKey, None] = {need.source: None for need in self.needs}
        for over in self.over:
            if over.source is not None:
                seen[over.source] = None
            seen.update(dict.fromkeys(over.each or ()))
        yield from seen


class ScopeSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sub-workflow: the nodes whose `group` is `key` belong to it."""

    key: str
    name: str
    group: str | None = None


class ResultSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of the graph: a template blob with references into `needs`.

    `is_alias` says that the template is nothing but the one need: the graph's value is that node's.
    For people, `type` and `length` are those of any other value, and `text` shows it: pieces of text,
    and between them positions in `needs` whose results stand there. It is empty when nothing is known.
    """

    template: Digest
    needs: tuple[Need, ...] = ()
    is_alias: bool = False
    type: str = ""
    length: int | None = None
    text: tuple[str | int, ...] = ()


class GraphSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole graph. `nodes` are in an order in which every node comes after those it waits for.

    `arguments` names a blob that tells people what the nodes are called with (`model.arguments`).
    """

    nodes: tuple[NodeSpec, ...]
    result: ResultSpec
    scopes: tuple[ScopeSpec, ...] = ()
    arguments: Digest | None = None


def check_graph(graph: GraphSpec) -> None:
    """Raise `WorkflowDefinitionError` unless keys are unique and each node comes after its sources.

    Coming after one's sources is what makes a cycle impossible; a graph from elsewhere that has one
    cannot be brought into that order, and the message names a node on it.
    """
    known: set[str] = set()
    for node in graph.nodes:
        if not node.key:
            raise WorkflowDefinitionError("a task has an empty key")
        if node.key in known:
            raise WorkflowDefinitionError(f"two tasks have the key {node.key!r}")
        for source in node.sources():
            if source not in known:
                where = "a cycle" if any(other.key == source for other in graph.nodes) else "an unknown task"
                raise WorkflowDefinitionError(f"task {node.key!r} waits for {source!r}: {where}")
        known.add(node.key)
    for need in graph.result.needs:
        if need.source not in known:
            raise WorkflowDefinitionError(f"the result refers to {need.source!r}, which is not in the graph")
