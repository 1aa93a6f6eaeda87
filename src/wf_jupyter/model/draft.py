"""A workflow while it is being traced: what tracing yields and packaging turns into a graph.

A draft lives in one process. Functions and arguments are turned into bytes when their call is
recorded, so a node holds digests, and the draft the bytes behind them. Results of other nodes stand
in arguments as `NodeRef`s, at any depth of lists, tuples, dicts and sets.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from wf_jupyter.model.arguments import ArgumentSpec
from wf_jupyter.model.graph import Coverage, Need, NeedKind, ScopeSpec
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.model.policy import TaskOptions


class Absence(enum.Enum):
    """Marker that a task receives in place of the result of a task that was skipped or cancelled."""

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

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class PackedItems:
    """A list as it was at the call: `literal` is the digest of its encoded items."""

    literal: Digest
    length: int

    def __len__(self) -> int:
        return self.length


@dataclass(frozen=True, slots=True)
class Each:
    """One task per node: the results of these whole nodes (`value` only, no paths)."""

    refs: tuple[NodeRef, ...]

    def __len__(self) -> int:
        return len(self.refs)


#: Where a mapped parameter takes its list from; a `NodeRef` when the list is a result.
Source = Items | PackedItems | Each | NodeRef


class NodeKey(NamedTuple):
    """Parts of the key of a result that `NodeSpec` and `Over` hold for the cache."""

    fingerprint: Digest
    given: Digest
    reads: tuple[int, ...]
    items: dict[str, tuple[Digest, ...]]
    coverage: Coverage


@dataclass(slots=True)
class PackedCall:
    """Code and arguments of one call, as they were when it was made; the bytes are in `Draft.blobs`.

    `key` is given when the graph turns out to use the cache.
    """

    code: Digest
    call: Digest
    large: tuple[Digest, ...] = ()
    arguments: Sequence[ArgumentSpec] = ()
    key: NodeKey | None = None


@dataclass(slots=True)
class DraftNode:
    """One task call, or one mapped task when `over` is not empty.

    The worker calls `function(*args, **kwargs)`; a mapped parameter is given to it by name.
    A reference in `args` or `kwargs` stands for the input at `position(reference)`; mapped
    parameters come after the needs, in the order of `over`. `splits` are labels as made by
    `path_label`: parts of the result that something is mapped over (only on nodes without `over`).
    Once the call is `packed`, the bytes are what counts, and the objects are let go.
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
    packed: PackedCall | None = None

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
                case Items() | PackedItems():
                    pass
        yield from seen


@dataclass(slots=True)
class Draft:
    """A traced workflow: every node comes after those it waits for, and keys are unique.

    `result` is what the body returned, with references inside, and `template` its encoded form, None while it
    has none. `inputs` are bounded texts for people. `blobs` holds the bytes behind the digests of packed calls.
    """

    workflow: str
    nodes: list[DraftNode] = field(default_factory=list)
    scopes: list[ScopeSpec] = field(default_factory=list)
    result: object = None
    result_needs: list[Need] = field(default_factory=list)
    template: Digest | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    blobs: Mapping[Digest, bytes] = field(default_factory=dict)

    def position(self, ref: NodeRef) -> int:
        """Where the referenced result stands among `result_needs`; `ValueError` when it was never declared."""
        return self.result_needs.index(ref.need)


def path_label(path: Sequence[object]) -> str:
    """Write a path as in `Over.path` and `splits`: empty for the whole, else a JSON array.

    Raises `TypeError` when a key is not plain JSON.
    """
    return json.dumps(list(path)) if path else ""
