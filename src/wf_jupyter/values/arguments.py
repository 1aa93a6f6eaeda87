"""Texts of the arguments that a workflow calls its tasks with, for people who look at a task.

Made while packaging, so it must cost little: plain values are cut short, one object is described
once however many tasks it is given to, and a graph has a limit, beyond which nothing is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from wf_jupyter.model.arguments import ArgumentSpec
from wf_jupyter.model.draft import DraftNode, Each, Items, NodeRef, Source
from wf_jupyter.model.keys import TaskKey
from wf_jupyter.values.preview import facts_of, shorten, text_of

#: Characters of one argument, of one item of a mapped list, and of a whole graph.
TEXT, ITEM, GRAPH = 200, 80, 1 << 20
#: Arguments of one task.
MOST = 30
#: How far results are looked for inside a container.
_DEEPEST, _WIDEST = 5, 1000
_PLAIN = (int, float, bool, type(None))


class Describer:
    """Describes the arguments of one graph's nodes."""

    def __init__(self) -> None:
        self._left = GRAPH
        self._known: dict[int, str] = {}

    def of(self, node: DraftNode) -> list[ArgumentSpec]:
        """What the node is called with, in the order of its signature as far as that is known."""
        names = _names(node.function, len(node.args))
        given = [*zip(names, node.args, strict=True), *node.kwargs.items()]
        told = [self._argument(name, value, bool(node.needs)) for name, value in given[:MOST]]
        return told + [self._mapped(name, source) for name, source in node.over.items()]

    def _argument(self, name: str, value: object, may_refer: bool) -> ArgumentSpec:
        sources = tuple(dict.fromkeys(_sources(value, 0))) if may_refer else ()
        if isinstance(value, NodeRef):
            part = "".join(f"[{key!r}]" for key in value.path)
            return ArgumentSpec(name=name, text=shorten(part, TEXT), sources=sources)
        return ArgumentSpec(name=name, text=self._text(value, TEXT), sources=sources)

    def _mapped(self, name: str, source: Source) -> ArgumentSpec:
        match source:
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

    def _text(self, value: object, limit: int) -> str:
        if self._left <= 0:
            return "…"
        text = self._cut(value, limit)
        self._left -= len(text)
        return text

    def _cut(self, value: object, limit: int) -> str:
        kind = type(value)
        if kind in _PLAIN:
            return shorten(repr(value), limit)
        if kind is str:
            return shorten(repr(str(value)[: limit + 1]), limit)
        # The draft keeps its values alive, so their ids are unique while it is being packed.
        text = self._known.get(id(value))
        if text is None:
            text = self._known[id(value)] = facts_of(value) or text_of(value, TEXT)
        return shorten(text, limit)


def _names(function: Callable[..., object], many: int) -> list[str]:
    code = getattr(function, "__code__", None)
    known: tuple[str, ...] = () if code is None else code.co_varnames[: code.co_argcount]
    return [known[i] if i < len(known) else f"#{i + 1}" for i in range(many)]


def _sources(value: object, depth: int) -> Iterator[TaskKey]:
    if isinstance(value, NodeRef):
        yield value.source
    elif depth < _DEEPEST and isinstance(value, list | tuple | dict | set | frozenset):
        for member in islice(value.values() if isinstance(value, dict) else value, _WIDEST):
            yield from _sources(member, depth + 1)
