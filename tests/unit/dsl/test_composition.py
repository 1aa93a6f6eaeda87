from __future__ import annotations

from typing import Any

import pytest

import wf_jupyter as wf
from tests.drafts import need, unpacked
from wf_jupyter.model.draft import ABSENT


@wf.task
def load(x=0):
    return x


@wf.task
def fit(x):
    return x


@wf.workflow
def train(data, rounds: int = 2):
    for _ in range(rounds):
        data = fit(data)
    return {"model": data}


def draft_of(body, **inputs):
    return wf.workflow(name="flow")(body).bind(**inputs).draft


def needs(draft):
    return {node.key: [(need.source, need.kind) for need in node.needs] for node in draft.nodes}


def test_a_workflow_called_inside_a_workflow_becomes_a_scope_of_its_own():
    def body():
        first = train(load())
        second = train(first["model"], rounds=1)
        return second["model"]

    draft = draft_of(body)
    assert [node.key for node in draft.nodes] == ["load", "train/fit", "train/fit-2", "train-2/fit"]
    assert [node.group for node in draft.nodes] == [None, "train", "train", "train-2"]
    assert [(scope.key, scope.name, scope.group) for scope in draft.scopes] == [
        ("train", "train", None),
        ("train-2", "train", None),
    ]
    assert needs(draft)["train-2/fit"] == [("train/fit-2", "value")]


def test_scopes_nest():
    @wf.workflow
    def season(x):
        return train(load(x))

    draft = draft_of(lambda: season(1))
    assert [node.key for node in draft.nodes] == ["season/load", "season/train/fit", "season/train/fit-2"]
    assert [(scope.key, scope.group) for scope in draft.scopes] == [("season", None), ("season/train", "season")]


def test_a_scope_and_a_task_do_not_share_a_key():
    draft = draft_of(lambda: [load.with_options(name="train")(), train(1)])
    assert [node.key for node in draft.nodes] == ["train", "train-2/fit", "train-2/fit-2"]


def test_inputs_of_a_sub_workflow_are_checked_and_nodes_fit_everything():
    with pytest.raises(wf.InputError, match="'train': rounds must be int, not the str 'x'"):
        draft_of(lambda: train(1, rounds="x"))  # type: ignore[arg-type]
    with pytest.raises(wf.InputError, match="no input 'round'"):
        draft_of(lambda: train(1, round=1))  # type: ignore[call-arg]
    draft_of(lambda: train(load(), rounds=1))


def test_a_workflow_that_calls_itself_is_refused():
    @wf.workflow
    def endless(n):
        return endless(n)

    @wf.workflow
    def ping():
        return pong()

    @wf.workflow
    def pong():
        return ping.with_options(max_parallel=1)()

    with pytest.raises(wf.WorkflowDefinitionError, match=r"'endless' calls itself.*endless.bind"):
        endless.bind(1)
    with pytest.raises(wf.WorkflowDefinitionError, match="'ping' calls itself"):
        ping.bind()


def test_binding_or_submitting_inside_a_body_is_refused():
    for wrong in (lambda: train.bind(1), lambda: train.submit(1)):
        with pytest.raises(wf.WorkflowDefinitionError, match="call it, train"):
            draft_of(wrong)
    bound = train.bind(1)
    with pytest.raises(wf.WorkflowDefinitionError, match="cannot be submitted"):
        draft_of(lambda: bound.submit())


def test_tasks_inside_when_and_unless_depend_on_the_condition():
    def body():
        ok = load()
        with wf.when(ok):
            a = fit(1)
            with wf.unless(a):
                b = train(2, rounds=1)
        fit(b["model"])

    draft = draft_of(body)
    assert needs(draft) == {
        "load": [],
        "fit": [("load", "truthy")],
        "train/fit": [("load", "truthy"), ("fit", "falsy")],
        "fit-2": [("train/fit", "value")],
    }


def test_a_part_of_a_result_can_be_a_condition():
    def body():
        with wf.when(load()["ok"]):
            fit(1)

    assert needs(draft_of(body)) == {
        "load": [],
        "collect": [("load", "value")],
        "fit": [("collect", "truthy")],
    }


def test_coalesce_takes_the_first_that_was_not_skipped():
    def body():
        a, b = load(), load()
        return wf.coalesce(a, b, 0)

    draft = draft_of(body)
    node = draft.nodes[-1]
    assert node.needs == [need("load", "first"), need("load-2", "first"), need("collect", "first")]
    assert node.function(ABSENT, 2, 3) == 2
    assert node.function(None, 2) is None


def test_allow_failure_passes_the_outcome_on():
    def body():
        a = load()
        fit([wf.allow_failure(a), a])
        fit(1).after(wf.allow_failure(a))
        return wf.allow_failure(a)

    draft = draft_of(body)
    assert needs(draft)["fit"] == [("load", "outcome"), ("load", "value")]
    assert needs(draft)["fit-2"] == [("load", "outcome")]
    assert draft.result_needs == [need("load", "outcome")]
    pair: Any = unpacked(draft)[1].args[0]
    outcome, value = pair
    assert [draft.nodes[1].position(ref) for ref in (outcome, value)] == [0, 1]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda: wf.when(True), "ordinary `if`"),
        (lambda: wf.when(fit.map([1])), r"any\(...\)"),
        (lambda: wf.unless(wf.allow_failure(load())), "neither true nor false"),
        (lambda: wf.coalesce(1, 2), "given none"),
        (lambda: wf.coalesce(wf.allow_failure(load())), "give the node itself"),
        (lambda: wf.allow_failure(3), "takes a node"),
        (lambda: wf.allow_failure(load()["x"]), "a whole result"),
        (lambda: wf.allow_failure(load())["x"], "has no items"),  # type: ignore[index]
    ],
)
def test_conditions_on_what_is_no_plain_node_are_refused(wrong, reason):
    with pytest.raises(wf.WorkflowDefinitionError, match=reason):
        draft_of(wrong)


@pytest.mark.parametrize("name", ["when", "unless", "coalesce", "allow_failure"])
def test_conditions_exist_only_inside_bodies(name):
    with pytest.raises(wf.WorkflowDefinitionError, match=f"wf.{name} can be used only inside the body"):
        getattr(wf, name)(1)


def test_a_task_after_others_is_ordered_as_its_node_would_be():
    def body():
        first = load()
        later = fit.with_options(name="later").after(first)
        return later(1), later.with_options(name="mapped").map([1, 2]), fit.after(first, later(2)).partial(3)()

    assert needs(draft_of(body)) == {
        "load": [],
        "later": [("load", "order")],
        "mapped": [("load", "order")],
        "later-2": [("load", "order")],
        "fit": [("load", "order"), ("later-2", "order")],
    }
