from __future__ import annotations

from collections import deque

import pytest

import wf_jupyter as wf
from tests.drafts import need, unpacked
from wf_jupyter.model.draft import Each, Items


@wf.task
def fetch(city, year=2000):
    return city


@wf.task
def clean(frame, strict=False):
    return frame


@wf.task
def pos_only(a, /, b, *rest, **more):
    return a, b, rest, more


def nodes_of(body, **inputs):
    return unpacked(wf.workflow(name="flow")(body).bind(**inputs).draft)


def test_mapping_over_a_list_makes_one_node_whose_value_is_a_list():
    (node,) = nodes_of(lambda: fetch.map(["a", "b"], year=range(2)))
    assert node.key == "fetch"
    assert {name: list(source.values) for name, source in node.over.items()} == {"city": ["a", "b"], "year": [0, 1]}


def test_mapping_over_a_result_knows_the_part_that_is_mapped_over():
    def body():
        a = fetch("a")
        clean.map(a)
        clean.map(a["rows"])
        clean.map(a["rows"])

    source, whole, part, _ = nodes_of(body)
    assert (whole.over["frame"].source, whole.over["frame"].path) == ("fetch", ())
    assert part.over["frame"].path == ("rows",)
    assert source.splits == ["", '["rows"]']
    assert whole.needs == []


def test_mapping_over_a_mapped_task_needs_no_split():
    first, second = nodes_of(lambda: clean.map(fetch.map(["a"])))
    assert first.splits == []
    assert second.over["frame"].source == "fetch"


def test_mapping_over_a_list_of_nodes_takes_one_item_from_each():
    *_, node = nodes_of(lambda: clean.map([fetch("a"), fetch("b")]))
    assert isinstance(node.over["frame"], Each)
    assert list(node.sources()) == ["fetch", "fetch-2"]


@pytest.mark.parametrize(
    "mapped",
    [
        lambda a: [a, 3],
        lambda a: [a["x"], a["y"]],
        lambda a: [(a, 1), (a, 2)],
        lambda a: wf.allow_failure(a),
        lambda a: a[1:3],
        lambda a: fetch.map(["x"])[0],
    ],
    ids=["mixed", "parts", "nested", "outcome", "slice", "item of a mapped task"],
)
def test_what_is_no_plain_list_of_results_is_collected_by_a_task_first(mapped):
    *_, collect, node = nodes_of(lambda: clean.map(mapped(fetch("a"))))
    assert (collect.name, collect.splits) == ("collect", [""])
    assert node.over["frame"].source == "collect"
    assert collect.function([1]) == [1]


def test_fixed_arguments_are_the_same_for_every_item():
    def body():
        limit = fetch("limit")
        return clean.partial(strict=limit).map(["a", "b"])

    node = nodes_of(body)[-1]
    assert node.kwargs.keys() == {"strict"}
    assert node.needs == [need("fetch", "value")]
    (node,) = nodes_of(lambda: fetch.partial("Oslo").map(year=[1, 2]))
    assert (node.args, list(node.over)) == (("Oslo",), ["year"])


def test_a_partial_task_can_be_called_and_fixed_further():
    (node,) = nodes_of(lambda: fetch.partial("Oslo").partial(year=3)())
    assert (node.args, node.kwargs) == (("Oslo",), {"year": 3})


def test_items_reach_parameters_that_take_positions_only():
    def call(node, *items):
        return node.function(*node.args, **node.kwargs, **dict(zip(node.over, items, strict=True)))

    (node,) = nodes_of(lambda: pos_only.map([1], [2], [3], [4], k=[5]))
    assert call(node, 1, 2, 3, 4, 5) == (1, 2, (3, 4), {"k": 5})
    (node,) = nodes_of(lambda: pos_only.partial(1, 2, 3, x=0).map([4]))
    assert call(node, 4) == (1, 2, (3, 4), {"x": 0})
    (node,) = nodes_of(lambda: pos_only.partial(b=2).map([1]))
    assert call(node, 1) == (1, 2, (), {})


@pytest.mark.parametrize("values", [["a"], ("a",), range(1), deque("a"), []], ids=str)
def test_any_sequence_can_be_mapped_over(values):
    (node,) = nodes_of(lambda: fetch.map(values))
    assert isinstance(node.over["city"], Items)
    assert list(node.over["city"].values) == list(values)


def test_one_dimensional_arrays_and_series_can_be_mapped_over():
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    for values in (numpy.arange(3), pandas.Series([1, 2, 3]), pandas.Index([1, 2, 3])):
        (node,) = nodes_of(lambda values=values: fetch.map(values))
        assert len(node.over["city"].values) == 3


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ("Oslo", r"it is the str 'Oslo'; to give every task the same value use fetch.partial\(city=...\).map"),
        (b"x", "a bytes"),
        (5, "the int 5"),
        (None, "a NoneType"),
        ({"a": 1}, r"list\(d.keys\(\)\)"),
        ({1, 2}, r"sorted\(values\)"),
        ((x for x in "ab"), r"list\(...\) of it"),
        (zip([1], [2]), r"list\(...\) of it"),
    ],
    ids=["str", "bytes", "int", "None", "dict", "set", "generator", "zip"],
)
def test_mapping_over_what_is_no_list_says_what_to_pass(values, reason):
    with pytest.raises(wf.WorkflowDefinitionError, match=reason) as caught:
        nodes_of(lambda: fetch.map(values))
    assert "fetch.map: 'city' must be a list" in str(caught.value)


def test_mapping_over_frames_and_matrices_says_what_to_pass():
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    with pytest.raises(wf.WorkflowDefinitionError, match="groupby"):
        nodes_of(lambda: fetch.map(pandas.DataFrame({"a": [1]})))
    with pytest.raises(wf.WorkflowDefinitionError, match=r"list\(array\) for one task per row"):
        nodes_of(lambda: fetch.map(numpy.ones((2, 2))))


def test_lists_of_different_lengths_are_refused_with_both_lengths():
    with pytest.raises(wf.WorkflowDefinitionError, match="'city' has 3, 'year' has 2"):
        nodes_of(lambda: fetch.map("a b c".split(), [1, 2]))
    with pytest.raises(wf.WorkflowDefinitionError, match="'city' has 1, 'year' has 2"):
        nodes_of(lambda: fetch.map([fetch("a")], [1, 2]))
    with pytest.raises(wf.WorkflowDefinitionError, match="has 3"):
        fetch.map("a b c".split(), [1, 2])


def test_a_map_without_lists_or_with_wrong_names_is_refused():
    with pytest.raises(wf.WorkflowDefinitionError, match="'city'"):
        nodes_of(lambda: fetch.map())
    with pytest.raises(wf.WorkflowDefinitionError, match="at least one list"):
        nodes_of(lambda: fetch.partial("a").map())
    with pytest.raises(wf.WorkflowDefinitionError, match=r"fetch.map.*'town'"):
        nodes_of(lambda: fetch.map(["a"], town=["b"]))
    with pytest.raises(wf.WorkflowDefinitionError, match="multiple values for argument 'city'"):
        nodes_of(lambda: fetch.partial(city="a").map(["a"]))


def test_the_value_of_a_mapped_task_is_a_list():
    nodes = nodes_of(lambda: clean(fetch.map(["a", "b"])[0]))
    assert nodes[-1].args[0].path == (0,)
    with pytest.raises(wf.WorkflowDefinitionError, match="is a list, so its items are numbers"):
        nodes_of(lambda: clean(fetch.map(["a", "b"])["x"]))  # type: ignore[call-overload]
    with pytest.raises(wf.WorkflowDefinitionError, match="unpacked"):
        nodes_of(lambda: [*fetch.with_options(outputs=2).map(["a", "b"])])
