from __future__ import annotations

import threading
from typing import Any

import pytest

import wf_jupyter as wf
from tests.drafts import need, unpacked


@wf.task
def fetch(city):
    return city


@wf.task
def clean(frame, strict=False):
    return frame


@wf.task
def report(frames, *, title="", **more):
    return frames


@wf.task(outputs=2)
def split(frame):
    return frame, frame


def draft_of(body, **inputs):
    return wf.workflow(name="flow")(body).bind(**inputs).draft


def keys(draft):
    return [node.key for node in draft.nodes]


def test_calls_are_numbered_by_name_in_the_order_in_which_they_are_made():
    def body():
        return clean(fetch("a")), clean(fetch("b")), clean(fetch("c"))

    assert keys(draft_of(body)) == ["fetch", "clean", "fetch-2", "clean-2", "fetch-3", "clean-3"]


def test_a_task_named_like_a_second_call_does_not_meet_it():
    def body():
        fetch(1)
        fetch.with_options(name="fetch-2")(2)
        fetch(3)

    assert keys(draft_of(body)) == ["fetch", "fetch-2", "fetch-3"]


def test_ordinary_loops_and_ifs_over_inputs_shape_the_graph():
    def body(cities, strict):
        frames = [fetch(city) for city in cities]
        if strict:
            frames = [clean(frame, strict=strict) for frame in frames]
        return report(frames)

    assert keys(draft_of(body, cities=["a", "b"], strict=False)) == ["fetch", "fetch-2", "report"]
    assert len(draft_of(body, cities=["a", "b"], strict=True).nodes) == 5


def test_nodes_are_found_in_nested_containers_in_order_of_appearance():
    def body():
        a, b, c, d = (fetch(name) for name in "abcd")
        return report({"x": [a, (b,)], "y": {c}}, title="t", extra=[{"z": d, "again": a}])

    node = draft_of(body).nodes[-1]
    assert [need.source for need in node.needs] == ["fetch", "fetch-2", "fetch-3", "fetch-4"]


def test_a_list_that_contains_itself_is_an_argument_like_any_other():
    def body():
        loop = [fetch(1)]
        loop.append(loop)
        return report(loop)

    assert draft_of(body).nodes[-1].needs == [need("fetch", "value")]


def test_the_result_may_nest_nodes_and_plain_values():
    def body():
        a = fetch(1)
        return {"a": a, "b": [a["x"], 3]}, None

    draft = draft_of(body)
    assert draft.result_needs == [need("fetch", "value")]
    inner = draft.result[0]["b"][0]
    assert (inner.source, inner.path, draft.position(inner)) == ("fetch", ("x",), 0)


def test_a_body_without_tasks_is_an_empty_graph():
    draft = draft_of(lambda: 7)
    assert (draft.nodes, draft.result) == ([], 7)


def test_items_of_results_keep_their_path():
    def body():
        a = fetch(1)
        return clean(a["rows"][0], a)

    node = unpacked(draft_of(body))[1]
    refs: list[Any] = list(node.args)
    assert [ref.path for ref in refs] == [("rows", 0), ()]
    assert node.needs == [need("fetch", "value")]
    assert [node.position(ref) for ref in refs] == [0, 0]


def test_a_node_with_outputs_can_be_unpacked():
    def body():
        train, test = split(fetch(1))
        return report([train, test])

    refs: Any = unpacked(draft_of(body))[-1].args[0]
    assert [ref.path for ref in refs] == [(0,), (1,)]


@pytest.mark.parametrize(
    ("declared", "returned", "result"),
    [
        (2, (1, 2), (1, 2)),
        (("a", "b"), (1, 2), {"a": 1, "b": 2}),
        (("a", "b"), {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "c": 3}),
        (2, (1, 2, 3), "declares outputs=2 but returned 3 values"),
        (2, 5, "declares outputs=2 but returned a int"),
        (2, {"a": 1, "b": 2}, "declares outputs=2 but returned a dict"),
        (("a", "b"), {"a": 1}, "returned a dict without 'b'"),
        (("a", "b"), [1], "returned 1 values"),
    ],
)
def test_a_result_is_checked_against_the_declared_outputs(declared, returned, result):
    task = wf.task(name="split", outputs=declared)(lambda: returned)
    node = draft_of(lambda: task()).nodes[0]
    if isinstance(result, str):
        with pytest.raises(wf.WorkflowDefinitionError, match=result):
            node.function()
    else:
        assert node.function() == result


def test_a_call_with_wrong_arguments_fails_where_it_is_written():
    with pytest.raises(wf.WorkflowDefinitionError, match=r"task fetch\(...\): missing a required argument: 'city'"):
        draft_of(lambda: fetch())  # type: ignore[call-overload]
    with pytest.raises(wf.WorkflowDefinitionError, match="task fetch.*unexpected keyword argument 'town'"):
        draft_of(lambda: fetch(1, town=2))  # type: ignore[call-overload]
    with pytest.raises(wf.WorkflowDefinitionError, match=r"task clean.partial\(...\).*'colour'"):
        draft_of(lambda: clean.partial(colour=1))


def test_what_the_body_raises_passes_through():
    def body():
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        draft_of(body)
    assert fetch(1) == 1  # tracing is over


def test_order_without_data():
    def body():
        a, b = fetch(1), fetch(2)
        return clean(3).after(a, [b])

    assert draft_of(body).nodes[-1].needs == [need("fetch", "order"), need("fetch-2", "order")]


def test_order_after_a_later_call_moves_the_node_behind_it():
    def body():
        a, b, c = fetch("a"), fetch("b"), clean("c")
        a.after(c)
        report([a, b])

    assert keys(draft_of(body)) == ["fetch-2", "clean", "fetch", "report"]


def test_a_cycle_is_refused_naming_the_tasks_on_it():
    def body():
        a = fetch(1)
        b = clean(a)
        c = report([b])
        a.after(c)

    with pytest.raises(wf.WorkflowDefinitionError) as caught:
        draft_of(body)
    assert "'report' → 'fetch' → 'clean' → 'report' is a cycle" in str(caught.value)


def test_a_cycle_made_of_orders_only_is_refused():
    def body():
        a, b, c = fetch(1), fetch(2), fetch(3)
        a.after(b)
        b.after(c)
        c.after(a)

    with pytest.raises(wf.WorkflowDefinitionError, match="is a cycle"):
        draft_of(body)
    with pytest.raises(wf.WorkflowDefinitionError, match="'fetch' → 'fetch' is a cycle"):
        draft_of(lambda: (lambda a: a.after(a))(fetch(1)))


def test_only_nodes_can_come_first():
    with pytest.raises(wf.WorkflowDefinitionError, match="takes nodes"):
        draft_of(lambda: fetch(1).after("fetch"))


MISUSES = {
    "if": lambda n: 1 if n else 2,
    "not": lambda n: not n,
    "for": lambda n: [x for x in n],  # noqa: C416
    "unpack": lambda n: (lambda a, b: a)(*n),
    "len": lambda n: len(n),
    "in": lambda n: 3 in n,
    "next": lambda n: next(n),
    "reversed": lambda n: reversed(n),
    "add": lambda n: n + 1,
    "radd": lambda n: 1 + n,
    "divmod": lambda n: divmod(n, 2),
    "neg": lambda n: -n,
    "matmul": lambda n: n @ n,
    "less": lambda n: n < 3,
    "equal": lambda n: n == 3,
    "unequal": lambda n: n != 3,
    "int": lambda n: int(n),
    "float": lambda n: float(n),
    "round": lambda n: round(n),
    "index": lambda n: [1, 2][n],
    "str": lambda n: str(n),
    "format": lambda n: f"{n}",
    "percent": lambda n: "%s" % n,  # noqa: UP031
    "open": lambda n: open(n),
    "range": lambda n: range(n),
    "sum": lambda n: sum(n),
    "max": lambda n: max(n),
    "attribute": lambda n: n.columns,
    "method": lambda n: n.mean(),
    "call": lambda n: n(),
    "set item": lambda n: n.__setitem__("x", 1),
    "with": lambda n: n.__enter__(),
    "await": lambda n: n.__await__(),
    "index by node": lambda n: n[n],
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES.keys())
def test_using_a_node_as_a_value_is_refused_and_says_what_to_do_instead(misuse):
    with pytest.raises(wf.WorkflowDefinitionError) as caught:
        draft_of(lambda: misuse(fetch("Oslo")))
    text = str(caught.value)
    assert "'fetch'" in text
    assert "inside" in text or "use `" in text or "pass it on" in text or "return " in text or "wf.when" in text


def test_numpy_and_pandas_refuse_nodes_as_well():
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    for misuse in (
        lambda n: numpy.asarray(n),
        lambda n: numpy.mean(n),
        lambda n: numpy.ones(3) * n,
        lambda n: pandas.Series([1, 2]) + n,
    ):
        with pytest.raises(wf.WorkflowDefinitionError):
            draft_of(lambda misuse=misuse: misuse(fetch("Oslo")))


def test_a_node_can_be_looked_at_with_repr():
    seen = []
    draft_of(lambda: seen.append(repr(fetch(1)["a"][0])))
    assert seen == ["<the result of 'fetch'['a'][0]>"]


def test_a_node_that_leaked_out_of_its_body_is_refused_everywhere():
    leaked = []
    draft_of(lambda: leaked.append(fetch(1)))
    node = leaked[0]
    for use in (
        lambda: clean(node),
        lambda: clean.map(node),
        lambda: draft_of(lambda: clean(node)),
        lambda: draft_of(lambda: clean.map(node)),
        lambda: draft_of(lambda: [{"x": node}]),
        lambda: draft_of(lambda: wf.allow_failure(node)),
        lambda: node.after(node),
    ):
        with pytest.raises(wf.WorkflowDefinitionError, match="belongs to the workflow 'flow', whose body has ended"):
            use()
    with pytest.raises(wf.WorkflowDefinitionError, match="node of another workflow"):
        draft_of(lambda x: x, x=node)


def test_another_thread_does_not_see_the_trace():
    seen = []

    def body():
        thread = threading.Thread(target=lambda: seen.append(fetch("plain")))
        thread.start()
        thread.join()
        return fetch("traced")

    assert keys(draft_of(body)) == ["fetch"]
    assert seen == ["plain"]


def test_functions_that_are_no_workflow_bodies_are_refused():
    async def later():
        pass

    def many():
        yield

    for wrong, reason in [(later, "async def"), (many, "generator"), (fetch, "again"), (3, "decorates functions")]:
        with pytest.raises(wf.WorkflowDefinitionError, match=reason):
            wf.workflow(wrong)  # type: ignore[call-overload]


def test_returning_a_task_instead_of_calling_it_is_refused():
    with pytest.raises(wf.WorkflowDefinitionError, match="returns <task fetch> itself: call it"):
        draft_of(lambda: fetch)
