"""The keys of a graph's nodes, and the code that each of them covers."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wf_jupyter.model.draft import DraftNode, Items
from wf_jupyter.model.graph import Coverage, Need
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.values.fingerprint.hashing import Unknown
from wf_jupyter.values.fingerprint.keys import Key, Keys

_NOTHING = Coverage()


class NodeKey(NamedTuple):
    """What `NodeSpec` and `Over` hold for the cache."""

    fingerprint: Digest
    given: Digest
    reads: tuple[int, ...]
    items: dict[str, tuple[Digest, ...]]
    coverage: Coverage


class NodeKeys:
    """Computes the keys of one graph's nodes, in the graph's order.

    `inline` says that the tasks will run in this process; `above` is the coverage of the task whose
    expansion the graph is.
    """

    def __init__(self, *, inline: bool = False, above: Coverage = _NOTHING) -> None:
        self._keys = Keys(inline=inline)
        self._above = above
        self._functions: dict[tuple[int, tuple[type[BaseException], ...]], Key | Unknown] = {}
        self._covered: dict[TaskKey, Coverage] = {}
        self._merged: dict[frozenset[int], Coverage] = {}
        self._own: dict[tuple[object, ...], Coverage] = {}

    def of(self, node: DraftNode) -> NodeKey:
        """The key of a node; where something cannot be compared, one that no other submission has."""
        parts: list[Key | Unknown] = [self._function(node)]
        try:
            parts.append(self._keys.of_call(node.function, node.args, node.kwargs, tuple(node.over)))
        except Unknown as unknown:
            parts.append(Unknown(f"its arguments have {unknown}"))
        items = {name: self._items(source.values) for name, source in node.over.items() if isinstance(source, Items)}
        known = [*parts, *(item for part in items.values() for item in part)]
        coverage = self._covered[node.key] = self._merge([self._cover(known), *self._before(node)])
        return NodeKey(
            fingerprint=_digest(parts[0]),
            given=_digest(parts[1]),
            reads=() if isinstance(parts[1], Unknown) else tuple(_positions(node, parts[1])),
            items={name: tuple(map(_digest, found)) for name, found in items.items()},
            coverage=coverage,
        )

    def _function(self, node: DraftNode) -> Key | Unknown:
        # A draft keeps its functions alive, so their ids are unique while it is being packed.
        name = id(node.function), node.retry_on
        if name not in self._functions:
            try:
                self._functions[name] = self._keys.of((node.function, node.retry_on))
            except Unknown as unknown:
                self._functions[name] = Unknown(f"its code has {unknown}")
        return self._functions[name]

    def _items(self, values: Iterable[object]) -> list[Key | Unknown]:
        found: list[Key | Unknown] = []
        for index, value in enumerate(values):
            try:
                found.append(self._keys.of(value))
            except Unknown as unknown:
                found.append(Unknown(f"item {index} has {unknown}"))
        return found

    def _before(self, node: DraftNode) -> Iterator[Coverage]:
        yield self._above
        for source in node.sources():
            yield self._covered[source]

    def _cover(self, parts: Iterable[Key | Unknown]) -> Coverage:
        """What some keys cover; equal ones are one object, so that many nodes share it."""
        modules: dict[str, str] = {}
        is_open, reason = False, ""
        for part in parts:
            if isinstance(part, Unknown):
                reason = reason or str(part)
            elif part.modules or part.is_open:
                modules.update(part.modules)
                is_open = is_open or part.is_open
        return self._share(Coverage(modules=modules, is_open=is_open, reason=reason))

    def _share(self, coverage: Coverage) -> Coverage:
        name = (frozenset(coverage.modules.items()), coverage.is_open, coverage.reason)
        return self._own.setdefault(name, coverage)

    def _merge(self, several: Iterable[Coverage]) -> Coverage:
        distinct = {id(coverage): coverage for coverage in several if coverage is not _NOTHING}
        found = self._merged.get(frozenset(distinct))
        if found is None:
            modules: dict[str, str] = {}
            for coverage in distinct.values():
                modules.update(coverage.modules)
            found = self._share(
                Coverage(
                    modules=modules,
                    is_open=any(coverage.is_open for coverage in distinct.values()),
                    reason=next((one.reason for one in distinct.values() if one.reason), ""),
                )
            )
            self._merged[frozenset(distinct)] = found
        return found


def _digest(key: Key | Unknown) -> Digest:
    return Digest(secrets.token_hex(16)) if isinstance(key, Unknown) else key.digest


def _positions(node: DraftNode, given: Key) -> Iterator[int]:
    for source, kind in given.reads:
        yield node.needs.index(Need(source, kind))
