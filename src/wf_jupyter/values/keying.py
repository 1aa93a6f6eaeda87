"""When the cache's keys of a draft's calls are computed: at the call, like their bytes, and only where they are used.

Whether a graph uses the cache is known at its first cached call. Until then the objects of the calls
before it are held; their keys are computed at that moment if they still have the bytes of their call.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from wf_jupyter.model.draft import DraftNode, Items, NodeKey, NodeRef, PackedCall, Source
from wf_jupyter.values.fingerprint import NodeKeys

_ATOMS = (type(None), bool, int, float, complex, str, bytes)
_DEEPEST, _WIDEST = 4, 100

#: A node whose objects are gone, and what they were: arguments, and what is mapped over.
_Objects = tuple[DraftNode, tuple[object, ...], dict[str, object], dict[str, Source]]


class Keying:
    """Gives each packed call its key.

    `is_unchanged(live, node)` tells whether the objects in `live` still have the bytes of the packed `node`.
    """

    def __init__(self, is_unchanged: Callable[[DraftNode, DraftNode], bool], *, inline: bool, uses_cache: bool) -> None:
        self._keys = NodeKeys(inline=inline)
        self._is_unchanged = is_unchanged
        self._uses_cache = uses_cache
        self._earlier: list[_Objects] = []

    def add(self, node: DraftNode, packed: PackedCall) -> None:
        """Give the call that was packed its key, now or later. The node still has its objects."""
        if node.options.cache is not False and not self._uses_cache:
            self._uses_cache = True
            for earlier, args, kwargs, over in self._earlier:
                assert earlier.packed is not None
                live = dataclasses.replace(earlier, args=args, kwargs=kwargs, over=over)
                earlier.packed.key = self._late(live, earlier, earlier.packed)
            self._earlier.clear()
        if self._uses_cache:
            packed.key = self._key(node, packed)
        else:
            self._earlier.append((node, node.args, node.kwargs, node.over))

    def finish(self) -> None:
        """Let the objects go: there are no more calls."""
        self._earlier.clear()

    def _late(self, live: DraftNode, node: DraftNode, packed: PackedCall) -> NodeKey:
        if self._is_unchanged(live, node):
            return self._key(live, packed)
        return self._keys.unknown(live, "arguments, or code, that changed after the call")

    def _key(self, node: DraftNode, packed: PackedCall) -> NodeKey:
        mapped = [source.values for source in node.over.values() if isinstance(source, Items)]
        is_simple = _is_simple((node.args, node.kwargs)) and all(map(_is_simple, mapped))
        return self._keys.of(node, packed.code, is_simple=is_simple)


def _is_simple(value: object, depth: int = _DEEPEST) -> bool:
    if type(value) in _ATOMS or isinstance(value, NodeRef):
        return True
    if depth == 0 or not isinstance(value, list | tuple | dict) or len(value) > _WIDEST:
        return False
    if type(value) not in (list, tuple, dict):
        return False
    members = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return all(_is_simple(member, depth - 1) for member in members)
