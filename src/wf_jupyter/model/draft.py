"""A workflow as Python objects: what tracing yields and packaging turns into bytes.

A draft lives in one process. Its nodes hold functions and arguments as they are; results of other
nodes stand in the arguments as `NodeRef`s, at any depth of lists, tuples, dicts and sets.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from wf_jupyter.model.graph import Need, NeedKind, ScopeSpec
from wf_jupyter.model.keys import TaskKey
from wf_jupyter.model.policy import TaskOptions


class Absence(enum.Enum):
    """What a task receives in place of the result of a task that was skipped or cancelled."""

    ABSENT = "absent"


ABSENT: Final = Absence.ABSENT


class NodeRef:
    """The result of the node `source`, or the part of it that `path` leads to by `value[key]`.

    `kind` says in which way it is needed: `value`, `outcome` (`wf.allow_failure`) or `first`.
    Subclasses refuse to be used as values; so compare references by these three, never by `==`.
    """

    __slots__ = ("kind", "path", "source")

    source: TaskKey
    path: tuple[object, ...]
    kind: NeedKind

    def __init__(self, source: TaskKey, path: tuple[object, ...] = (), kind: NeedKind = "value") -> None:
        self.source = source
        self.path = path
        self.kind = kind

    @property
    def need(self) -> Need:
        """The dependency that this reference stands for."""
        return Need(self.source, self.kind)


@dataclass(frozen=True, slots=True)
class Items:
    """A list known while tracing: one task per value. The values contain no references."""

    values: Sequence[object]


@dataclass(frozen=True, slots=True)
class Each:
    """One task per node: the results of these whole nodes (`value` only, no paths)."""

    refs: tuple[NodeRef, ...]


#: Where a mapped parameter takes its list from; a `NodeRef` when the list is a result.
Source = Items | Each | NodeRef


@dataclass(slots=True)
class DraftNode:
    """One task call, or one mapped task when `over` is not empty.

    The worker calls `function(*args, **kwargs)`; a mapped parameter is given to it by name.
    A reference in `args` or `kwargs` stands for the input at `position(reference)`; mapped
    parameters come after the needs, in the order of `over`. `splits` are labels as made by
    `path_label`: parts of the result that something is mapped over (only on nodes without `over`).
    """

    key: TaskKey
    name: str
    function: Callable[..., object]
    args: tuple[object, ...] = ()
    kwargs: dict[str, object] = field(default_factory=dict)
    over: dict[str, Source] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    group: str | None = None
    options: TaskOptions = field(default_factory=TaskOptions)
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    splits: list[str] = field(default_factory=list)

    def position(self, ref: NodeRef) -> int:
        """Where the referenced result stands among the inputs; `ValueError` when it was never declared."""
        return self.needs.index(ref.need)

    def sources(self) -> Iterator[TaskKey]:
        """Keys of the nodes that this one waits for, each once, in order of declaration."""
        seen: dict[TaskKey, None] = {need.source: None for need in self.needs}
        for source in self.over.values():
            match source:
                case NodeRef():
                    seen[source.source] = None
                case Each(refs=refs):
                    seen.update((ref.source, None) for ref in refs)
                case Items():
                    pass
        yield from seen


@dataclass(slots=True)
class Draft:
    """A traced workflow: every node comes after those it waits for, and keys are unique.

    `result` is what the body returned, with references inside; `inputs` are bounded texts for people.
    """

    workflow: str
    nodes: list[DraftNode] = field(default_factory=list)
    scopes: list[ScopeSpec] = field(default_factory=list)
    result: object = None
    result_needs: list[Need] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)

    def position(self, ref: NodeRef) -> int:
        """Where the referenced result stands among `result_needs`; `ValueError` when it was never declared."""
        return self.result_needs.index(ref.need)


def path_label(path: Sequence[object]) -> str:
    """How a path is written in `Over.path` and `splits`: empty for the whole, else a JSON array.

    Raises `TypeError` when a key is not plain JSON.
    """
    return json.dumps(list(path)) if path else ""
