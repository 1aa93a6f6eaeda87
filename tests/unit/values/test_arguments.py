"""What people read of the arguments that a task is called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wf_jupyter.model.arguments import ArgumentSpec, decode_arguments, encode_arguments
from wf_jupyter.model.draft import Draft, DraftNode, Each, Items, NodeRef
from wf_jupyter.model.graph import Need
from wf_jupyter.model.keys import TaskKey
from wf_jupyter.model.submission import Environment
from wf_jupyter.values import arguments
from wf_jupyter.values.arguments import Describer
from wf_jupyter.values.packaging import pack

A = TaskKey("a")
HERE = Environment(executable="python", directory="/", path=())


def call(x: object, y: object = 0) -> object:
    return (x, y)


def node(*args: object, function: Callable[..., object] = call, **fields: Any) -> DraftNode:
    return DraftNode(key=TaskKey("t"), name="t", function=function, args=args, **fields)


def told(node: DraftNode) -> list[tuple[object, ...]]:
    return [(each.name, each.text, each.sources, each.items) for each in Describer().of(node)]


def test_values_are_short_texts_under_the_names_of_the_parameters() -> None:
    assert told(node(1, kwargs={"y": "text"})) == [("x", "1", (), ()), ("y", "'text'", (), ())]
    assert told(node(np.zeros((3, 4)), [1, 2])) == [("x", "ndarray 3 × 4", (), ()), ("y", "[1, 2]", (), ())]
    assert told(node(1, 2, 3, function=lambda *many: many)) == [
        ("#1", "1", (), ()),
        ("#2", "2", (), ()),
        ("#3", "3", (), ()),
    ]
    ((_, text, _, _),) = told(node("x" * 10_000_000))
    assert len(str(text)) == arguments.TEXT


def test_results_are_named_by_their_tasks() -> None:
    found = told(node(NodeRef(A), {"k": [NodeRef(A, ("rows",)), 1]}, needs=[Need(A)]))
    assert found[0] == ("x", "", ("a",), ())
    assert found[1][2] == ("a",)
    assert told(node(NodeRef(A, ("rows", 3)), needs=[Need(A)])) == [("x", "['rows'][3]", ("a",), ())]


def test_mapped_lists_tell_their_items_or_their_sources() -> None:
    assert told(node(over={"x": Items([1, "b"])})) == [("x", "", (), ("1", "'b'"))]
    assert told(node(over={"x": NodeRef(A)})) == [("x", "", ("a",), ())]
    assert told(node(over={"x": Each((NodeRef(A), NodeRef(TaskKey("b"))))})) == [("x", "", ("a", "b"), ())]


def test_objects_may_do_what_they_like_and_are_described_as_long_as_there_is_time(monkeypatch: Any) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise SystemExit

    class Slow:
        def __repr__(self) -> str:
            return "slow"

    describer = Describer()
    assert [describer.of(node(Odd()))[0].text for _ in range(3)] == ["<Odd, whose repr failed>"] * 3
    assert describer.of(node(Slow()))[0].text == "slow"
    monkeypatch.setattr(arguments, "SECONDS", 0.0)
    assert Describer().of(node(Slow(), "text"))[0].text == "<Slow>"


def test_an_argument_is_described_as_it_is_at_the_call() -> None:
    describer, changing = Describer(), [1]
    assert describer.of(node(changing))[0].text == "[1]"
    changing.append(2)
    assert describer.of(node(changing))[0].text == "[1, 2]"


def test_a_graph_tells_no_more_than_its_limit(monkeypatch: Any) -> None:
    monkeypatch.setattr(arguments, "GRAPH", 10)
    describer = Describer()
    assert describer.of(node("x" * 20))[0].text == repr("x" * 20)
    assert describer.of(node("y"))[0].text == "…"
    assert describer.of(node(over={"x": Items([1, 2])}))[0].items == ()


def test_a_large_graph_is_described_in_one_small_blob() -> None:
    nodes = [DraftNode(TaskKey(f"n{i}"), "n", call, (i, f"name {i}")) for i in range(1_000)]
    nodes.append(DraftNode(TaskKey("m"), "m", call, over={"x": Items(list(range(1_000)))}))
    submission = pack(Draft("w", nodes=nodes), HERE)
    assert submission.graph.arguments is not None
    assert len(submission.blobs[submission.graph.arguments]) < 100_000


def test_what_is_no_description_tells_nothing() -> None:
    spec = {A: [ArgumentSpec(name="x", text="1")]}
    assert decode_arguments(encode_arguments(spec)) == spec
    for blob in (b"", b"[]", b"{", b'{"a": [["x", 1]]}', b"\xff"):
        assert decode_arguments(blob) == {}
