"""Finding nodes inside arguments and results."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from wf_jupyter.dsl.nodes import Node

#: Containers that may hold nodes. Others are values: a node hidden in one is refused when it is packed.
_SEQUENCES = (list, tuple, set, frozenset)
_END = object()


def nodes_in(*values: object) -> Iterator[Node]:
    """Every node in `values`, at any depth of lists, tuples, sets and dicts, in order of appearance."""
    # A stack instead of recursion: how deeply lists are nested is for pickling to judge.
    open_: list[Iterator[object]] = [iter(values)]
    seen: set[int] = set()
    while open_:
        value = next(open_[-1], _END)
        if value is _END:
            open_.pop()
        elif isinstance(value, Node):
            yield value
        elif isinstance(value, (dict, *_SEQUENCES)):
            # A list that contains itself is left after one visit instead of never.
            if id(value) in seen:
                continue
            seen.add(id(value))
            open_.append(chain(value.keys(), value.values()) if isinstance(value, dict) else iter(value))
