"""Texts of the arguments that a workflow calls its tasks with, for people who look at a task.

Made at each call, so it must cost little: plain values are cut short, and a graph has a limit in
text and in time, beyond which nothing more is told. A text is not kept for the next call, as the
object may have changed by then.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

from wf_jupyter.model.arguments import ArgumentSpec
from wf_jupyter.model.draft import DraftNode, Each, Items, NodeRef, PackedItems, Source
from wf_jupyter.model.keys import TaskKey
from wf_jupyter.model.secrecy import MASK, mask
from wf_jupyter.values.known_secrets import KnownSecrets
from wf_jupyter.values.parameters import KnownParameters
from wf_jupyter.values.plain import is_plain
from wf_jupyter.values.preview import facts_of, shorten, text_of

#: Characters of one argument, of one item of a mapped list, and of a whole graph.
TEXT, ITEM, GRAPH = 200, 80, 1 << 20
#: Seconds of a whole graph: the objects' own methods make their texts.
SECONDS = 2.0
#: Arguments of one task.
MOST = 30
#: How far results are looked for inside a container.
_DEEPEST, _WIDEST = 5, 1000
#: Python refuses to write out integers of some thousand digits.
_BITS = 8192
_PLAIN = (int, float, bool, type(None))


class Describer:
    """Describes the arguments of one graph's nodes."""

    def __init__(self, known: KnownSecrets | None = None, parameters: KnownParameters | None = None) -> None:
        self._known = known or KnownSecrets()
        self._parameters = parameters or KnownParameters()
        self._left = GRAPH
        self._seconds = SECONDS

    def of(self, node: DraftNode) -> list[ArgumentSpec]:
        """Describe the node's arguments, in the order of its signature as far as that is known."""
        parameters = self._parameters.of(node.function)
        given = [*zip(parameters.first(len(node.args)), node.args, strict=True), *node.kwargs.items()]
        specs = [
            self._argument(name, value, bool(node.needs), is_hidden=parameters.hides(name))
            for name, value in given[:MOST]
        ]
        return specs + [
            self._describe_mapped(name, source, is_hidden=parameters.hides(name)) for name, source in node.over.items()
        ]

    def _argument(self, name: str, value: object, may_refer: bool, is_hidden: bool = False) -> ArgumentSpec:
        if isinstance(value, NodeRef):
            part = "".join(f"[{key!r}]" for key in value.path)
            return ArgumentSpec(name=name, text=shorten(part, TEXT), sources=(value.source,))
        sources = tuple(dict.fromkeys(_sources(value, 0))) if may_refer else ()
        text = MASK if is_hidden and value is not None else self._text(value, TEXT)
        return ArgumentSpec(name=name, text=text, sources=sources)

    def _describe_mapped(self, name: str, source: Source, is_hidden: bool) -> ArgumentSpec:
        match source:
            case Items(values=values) if is_hidden:
                return ArgumentSpec(name=name, items=(MASK,) * min(len(values), MOST))
            case Items(values=values):
                items: list[str] = []
                for value in values:
                    if self._left <= 0:
                        break
                    items.append(self._text(value, ITEM))
                return ArgumentSpec(name=name, items=tuple(items))
            case Each(refs=refs):
                return ArgumentSpec(name=name, sources=tuple(ref.source for ref in refs))
            case NodeRef():
                return self._argument(name, source, may_refer=True)
            case PackedItems():
                return ArgumentSpec(name=name)

    def _text(self, value: object, limit: int) -> str:
        if self._left <= 0:
            return "…"
        text = self._known.mask(self._cut(value, limit))
        self._left -= len(text)
        return text

    def _cut(self, value: object, limit: int) -> str:
        kind = type(value)
        if kind in _PLAIN and not (kind is int and value.bit_length() > _BITS):  # type: ignore[attr-defined]
            return shorten(repr(value), limit)
        if kind is str:
            return shorten(mask(repr(str(value)[: limit + 1])), limit)
        if self._seconds <= 0:
            return f"<{kind.__name__}>"
        began = time.monotonic()
        text = shorten("" if is_plain(value) else facts_of(value), limit) or text_of(value, limit)
        self._seconds -= time.monotonic() - began
        return text


def _sources(value: object, depth: int) -> Iterator[TaskKey]:
    if isinstance(value, NodeRef):
        yield value.source
    elif depth < _DEEPEST and isinstance(value, list | tuple | dict | set | frozenset):
        for member in islice(value.values() if isinstance(value, dict) else value, _WIDEST):
            yield from _sources(member, depth + 1)
