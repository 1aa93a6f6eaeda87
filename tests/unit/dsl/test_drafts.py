"""Whatever is traced, a draft has unique keys, is in topological order, and declares every reference."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import wf_jupyter as wf
from tests.drafts import unpacked
from tests.examples import examples
from wf_jupyter.dsl.references import nodes_in
from wf_jupyter.values.packaging import pack_expansion

STEP = st.tuples(
    st.sampled_from(
        ["call", "nested", "map", "map_each", "zip", "sub", "when", "after", "outcome", "item", "coalesce"]
    ),
    st.sampled_from("ab"),
    st.lists(st.integers(0, 1_000), min_size=1, max_size=4),
)


@wf.task
def work(*values, **named):
    return values


@wf.workflow
def inner(value):
    return work(work(value))


def build(steps):
    """A body that interprets `steps`; picks refer to earlier nodes."""

    def body():
        made: list[Any] = []

        def pick(number):
            return made[number % len(made)] if made else number

        for kind, name, picks in steps:
            task = work.with_options(name=name)
            chosen = [pick(number) for number in picks]
            nodes = [value for value in chosen if not isinstance(value, int)]
            match kind:
                case "call":
                    made.append(task(*chosen))
                case "nested":
                    made.append(task({"k": chosen, "t": (chosen,)}, named=chosen[0]))
                case "map" if nodes:
                    made.append(task.map(nodes[0]))
                case "map_each":
                    made.append(task.map(chosen))
                case "zip" if nodes:
                    made.append(task.partial(chosen[0]).map(nodes[-1], picks))
                case "sub":
                    made.append(inner(chosen[0]))
                case "when" if nodes and not nodes[0]._is_map:
                    with wf.when(nodes[0]):
                        made.append(task(chosen[-1]))
                case "after" if len(nodes) > 1:
                    with contextlib.suppress(wf.WorkflowDefinitionError):  # it would be a cycle
                        nodes[0].after(*nodes[1:])
                case "outcome" if nodes:
                    made.append(task(wf.allow_failure(nodes[0]), nodes[0]))
                case "item" if nodes and not nodes[0]._is_map:
                    made.append(task(nodes[0]["x"], [nodes[0][0]]))
                case "coalesce" if nodes:
                    made.append(wf.coalesce(*chosen, *nodes))
        return made[-3:]

    return wf.workflow(name="flow")(body)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(STEP, max_size=25))
def test_every_draft_is_ordered_unique_and_complete(steps):
    draft = build(steps).bind().draft
    seen: set[str] = set()
    for node in unpacked(draft):
        assert node.key not in seen
        assert set(node.sources()) <= seen
        assert len(set(node.needs)) == len(node.needs)
        for ref in nodes_in(node.args, node.kwargs):
            assert node.needs[node.position(ref)] == ref.need
        seen.add(node.key)
    for ref in nodes_in(draft.result):
        assert draft.result_needs[draft.position(ref)] == ref.need
    assert {scope.key for scope in draft.scopes} >= {node.group for node in draft.nodes if node.group}


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(STEP, max_size=15))
def test_tracing_twice_gives_the_same_graph(steps):
    flow = build(steps)
    assert pack_expansion(flow.bind().draft).graph == pack_expansion(flow.bind().draft).graph
