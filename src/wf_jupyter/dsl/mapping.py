"""`.map`: which arguments are mapped, and over what."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wf_jupyter.dsl.nodes import Node
from wf_jupyter.dsl.references import nodes_in
from wf_jupyter.dsl.tracing import Trace
from wf_jupyter.errors import WorkflowDefinitionError
from wf_jupyter.model.draft import Each, Items, NodeRef, Source, path_label
from wf_jupyter.values.lists import as_items
from wf_jupyter.values.preview import text_of

#: Characters of a value in an error.
_SHORT = 60


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapped argument, marked so that it can be told apart after binding."""

    values: object


@dataclass(frozen=True, slots=True)
class MappedArguments:
    """Mapped arguments by the name under which a worker gives each item.

    `positional` are those among them that the function takes by position only.
    """

    over: dict[str, object]
    positional: tuple[str, ...]


def mapped_arguments(bound: inspect.BoundArguments) -> MappedArguments:
    """Pick the `Mapped` values out of bound arguments."""
    over: dict[str, object] = {}
    positional: list[str] = []
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            for index, entry in enumerate(value):
                if isinstance(entry, Mapped):
                    # Not an identifier, so that it meets no other argument's name.
                    over[f"{name}[{index}]"] = entry.values
                    positional.append(f"{name}[{index}]")
        elif kind is inspect.Parameter.VAR_KEYWORD:
            over.update((key, entry.values) for key, entry in value.items() if isinstance(entry, Mapped))
        elif isinstance(value, Mapped):
            over[name] = value.values
            if kind is inspect.Parameter.POSITIONAL_ONLY:
                positional.append(name)
    # What comes before an item of `*args` has to be given by position as well.
    if any("[" in name for name in positional):
        leading = [
            name
            for name, parameter in bound.signature.parameters.items()
            if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and name in over
        ]
        positional = [*(name for name in positional if "[" not in name), *leading, *_mapped_names(positional)]
    return MappedArguments(over, tuple(positional))


def _mapped_names(names: Sequence[str]) -> list[str]:
    return [name for name in names if "[" in name]


def as_list(values: object, task: str, parameter: str) -> Sequence[object]:
    """The items of a plain mapped argument; `WorkflowDefinitionError` says what to pass for what is no list."""
    items = as_items(values)
    if items is not None:
        return items
    raise WorkflowDefinitionError(
        f"{task}.map: {parameter!r} must be a list (or tuple, range, 1-D array, Series) with one entry per task, "
        f"but it is {_describe_value(values)}; {_advice(values, task, parameter)}"
    )


def sources(trace: Trace, task: str, over: Mapping[str, object]) -> dict[str, Source]:
    """Where each mapped parameter takes its items from; lists of different lengths are refused."""
    if not over:
        raise WorkflowDefinitionError(f"{task}.map() needs at least one list to map over")
    result = {parameter: _source(trace, task, parameter, values) for parameter, values in over.items()}
    lengths = {parameter: len(source) for parameter, source in result.items() if not isinstance(source, NodeRef)}
    check_lengths(task, lengths)
    return result


def check_lengths(task: str, lengths: Mapping[str, int]) -> None:
    """Refuse lists of different lengths, naming each."""
    if len(set(lengths.values())) > 1:
        lengths_text = ", ".join(f"{parameter!r} has {length}" for parameter, length in lengths.items())
        raise WorkflowDefinitionError(f"{task}.map takes one entry of each list per task, but {lengths_text}")


def _source(trace: Trace, task: str, parameter: str, values: object) -> Source:
    if isinstance(values, Node):
        return _over_result(trace, trace.check_owned(values))
    items = as_list(values, task, parameter)
    nodes = [trace.check_owned(node) for node in nodes_in(items)]
    if not nodes:
        return Items(items)
    if len(nodes) == len(items) and all(isinstance(item, Node) and _is_plain(item) for item in items):
        return Each(tuple(nodes))
    # Results mixed with values, or parts of results: one task makes the list.
    return _over_result(trace, trace.collect(items))


def _over_result(trace: Trace, node: Node) -> Node:
    source = trace.node(node.source)
    try:
        label = path_label(node.path)
    except TypeError:
        label = None
    if label is None or node.kind != "value" or (source.over and node.path):
        # The engine knows lists that are a result or a part named by plain keys; a task makes the others.
        node = trace.collect(node)
        source, label = trace.node(node.source), ""
    if not source.over and label not in source.splits:
        source.splits.append(label)
    return node


def _is_plain(node: Node) -> bool:
    return node.kind == "value" and not node.path


def _describe_value(values: object) -> str:
    kind = type(values).__name__
    return f"the {kind} {text_of(values, _SHORT)}" if isinstance(values, str | int | float) else f"a {kind}"


def _advice(values: object, task: str, parameter: str) -> str:
    match type(values).__name__:
        case "dict" | "mappingproxy":
            return "pass list(d.keys()) and list(d.values()) as two lists"
        case "set" | "frozenset":
            return "pass sorted(values): tasks need an order"
        case "generator" | "map" | "zip" | "filter" | "dict_keys" | "dict_values" | "dict_items" | "enumerate":
            return "pass list(...) of it"
        case "DataFrame":
            return "pass a list of parts, for example [part for _, part in df.groupby(...)], or df['column'].tolist()"
        case _ if not isinstance(values, str) and getattr(values, "shape", None):
            return "pass list(array) for one task per row"
    return f"to give every task the same value use {task}.partial({parameter}=...).map(...)"
