"""The keys of a graph's nodes, and the code that each of them covers."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

from wf_jupyter.model.draft import DraftNode, Items, NodeKey, PackedItems
from wf_jupyter.model.graph import Coverage, Need
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.values.fingerprint.hashing import Unknown
from wf_jupyter.values.fingerprint.keys import Key, Keys
from wf_jupyter.values.library_options import read_options

_NOTHING = Coverage()


class NodeKeys:
    """Computes the keys of one graph's nodes, in the graph's order, each while its call is recorded.

    `inline` says that the tasks will run in this process.
    """

    def __init__(self, *, inline: bool = False) -> None:
        self._inline = inline
        self._keys = Keys(inline=inline)
        self._functions: dict[Digest, Key | Unknown] = {}
        self._covered: dict[TaskKey, Coverage] = {}
        self._merged: dict[frozenset[int], Coverage] = {}
        self._own: dict[tuple[object, ...], Coverage] = {}

    def of(self, node: DraftNode, code: Digest | None = None, *, is_simple: bool = False) -> NodeKey:
        """The key of a node; where something cannot be compared, one that no other submission has.

        `code` is the same for a function that is known to be what it was at an earlier call. With
        `is_simple` the arguments hold nothing but plain values: no object that was looked at before can
        have changed since.
        """
        keys = self._keys if is_simple else Keys(inline=self._inline)
        parts: list[Key | Unknown] = [self._function(node, code)]
        try:
            parts.append(keys.of_call(node.function, node.args, node.kwargs, tuple(node.over)))
        except Unknown as unknown:
            parts.append(Unknown(f"its arguments have {unknown}"))
        items = {
            name: self._items(keys, source.values) for name, source in node.over.items() if isinstance(source, Items)
        }
        known = [*parts, *(item for part in items.values() for item in part)]
        coverage = self._covered[node.key] = self._merge([self._cover(known), *self._before(node)])
        return NodeKey(
            fingerprint=_digest(parts[0]),
            given=_digest(parts[1]),
            reads=() if isinstance(parts[1], Unknown) else tuple(_positions(node, parts[1])),
            items={name: tuple(map(_digest, found)) for name, found in items.items()},
            coverage=coverage,
        )

    def unknown(self, node: DraftNode, reason: str) -> NodeKey:
        """The key of a node that cannot be compared with any other."""
        parts = [Unknown(reason)] * 2
        items = {
            name: tuple(_digest(parts[0]) for _ in range(len(source)))
            for name, source in node.over.items()
            if isinstance(source, Items | PackedItems)
        }
        coverage = self._covered[node.key] = self._merge([self._cover(parts), *self._before(node)])
        return NodeKey(_digest(parts[0]), _digest(parts[1]), (), items, coverage)

    def _function(self, node: DraftNode, code: Digest | None) -> Key | Unknown:
        # Of code that runs in this process more counts than its bytes tell.
        known = None if code is None or self._inline else self._functions.get(code)
        if known is None:
            try:
                options = read_options()
                parts = (node.function, node.retry_on, options) if options else (node.function, node.retry_on)
                known = Keys(inline=self._inline).of(parts)
            except Unknown as unknown:
                known = Unknown(f"its code has {unknown}")
            if code is not None:
                self._functions[code] = known
        return known

    def _items(self, keys: Keys, values: Iterable[object]) -> list[Key | Unknown]:
        found: list[Key | Unknown] = []
        for index, value in enumerate(values):
            try:
                found.append(keys.of(value))
            except Unknown as unknown:
                found.append(Unknown(f"item {index} has {unknown}"))
        return found

    def _before(self, node: DraftNode) -> Iterator[Coverage]:
        for source in node.sources():
            yield self._covered.get(source, _NOTHING)

    def _cover(self, parts: Iterable[Key | Unknown]) -> Coverage:
        """Coverage of some keys; equal ones are one object, so that many nodes share it."""
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
