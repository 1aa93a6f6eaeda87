"""Finding nodes inside arguments and results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wf_jupyter.dsl.nodes import Node

#: Containers that may hold nodes. Others are values: a node hidden in one is refused when it is packed.
_SEQUENCES = (list, tuple, set, frozenset)


def nodes_in(*values: object) -> Iterator[Node]:
    """Every node in `values`, at any depth of lists, tuples, sets and dicts, in order of appearance."""
    yield from _walk(values, set())


def _walk(values: Iterable[object], seen: set[int]) -> Iterator[Node]:
    for value in values:
        if isinstance(value, Node):
            yield value
        elif isinstance(value, (dict, *_SEQUENCES)):
            # A list that contains itself is left after one visit instead of never.
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, dict):
                yield from _walk(value.keys(), seen)
                yield from _walk(value.values(), seen)
            else:
                yield from _walk(value, seen)
