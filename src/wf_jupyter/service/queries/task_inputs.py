"""Arguments of one task: found in the graph as it was submitted, without looking at any value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wf_jupyter.model.arguments import Arguments, ArgumentSpec
from wf_jupyter.model.graph import GraphSpec, NodeSpec, Over
from wf_jupyter.model.keys import inside, item_key
from wf_jupyter.ports import Record
from wf_jupyter.protocol.pages import TaskInput

_ITEM = re.compile(r"(.*)\[(\d+)\]")


class Call:
    """A task's node, the graph that it is in with its scope, and its place in a mapped list."""

    def __init__(self, graph: GraphSpec, scope: str, node: NodeSpec, index: int | None) -> None:
        self.graph = graph
        self._scope = scope
        self._node = node
        self._index = index

    def inputs(self, arguments: Arguments) -> list[TaskInput]:
        """The arguments as people see them, with the keys of the tasks whose results they hold."""
        over = {each.parameter: each for each in self._node.over}
        specs = arguments.get(self._node.key, ())
        return [
            self._describe_mapped(each, over[each.name]) if each.name in over else self._describe_plain(each)
            for each in specs
        ]

    def _describe_plain(self, argument: ArgumentSpec) -> TaskInput:
        return self._make_input(argument.name, argument.text, argument.sources)

    def _describe_mapped(self, argument: ArgumentSpec, over: Over) -> TaskInput:
        index = self._index
        if index is None:
            sources = over.each or (() if over.source is None else (over.source,))
            return self._make_input(
                argument.name, f"each of {len(argument.items):,}" if argument.items else "", sources
            )
        if over.each is not None:
            return self._make_input(argument.name, "", over.each[index : index + 1])
        if over.source is None:
            return self._make_input(argument.name, argument.items[index] if index < len(argument.items) else "…", ())
        if any(node.key == over.source and node.is_map for node in self.graph.nodes):
            return self._make_input(argument.name, "", (item_key(over.source, index),))
        return self._make_input(argument.name, f"{argument.text}[{index}]", (over.source,))

    def _make_input(self, name: str, text: str, sources: tuple[str, ...]) -> TaskInput:
        return TaskInput(name=name, text=text, sources=[inside(self._scope, source) for source in sources])


def find_call(record: Record, key: str) -> Call | None:
    """Where a task comes from; None when nothing in the record has that key."""
    for scope, graph in _graphs(record, key):
        relative = key[len(scope) + 1 :] if scope else key
        item = _ITEM.fullmatch(relative)
        for node in graph.nodes:
            if node.key == relative:
                return Call(graph, scope, node, None)
            if item is not None and node.is_map and node.key == item[1]:
                return Call(graph, scope, node, int(item[2]))
    return None


def _graphs(record: Record, key: str) -> Iterator[tuple[str, GraphSpec]]:
    """Graphs that may hold the task, the innermost first."""
    grown = {task: expansion.graph for task, expansion in reversed(record.expansions) if key.startswith(f"{task}/")}
    yield from sorted(grown.items(), key=lambda each: -len(each[0]))
    yield "", record.submission.graph
