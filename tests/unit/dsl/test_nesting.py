"""Values nested more deeply than Python can pickle are told in words, wherever they stand."""

from __future__ import annotations

from typing import Any

import pytest

import wf_jupyter as wf
from wf_jupyter.dsl.references import nodes_in
from wf_jupyter.errors import InputError, WorkflowDefinitionError


def deep(levels: int = 20_000, bottom: Any = None) -> Any:
    value: Any = [] if bottom is None else bottom
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


DEEP = deep()


@wf.task
def take(x: Any) -> Any:
    return x


@wf.task
def using() -> Any:
    return DEEP


def flow(body: Any, **inputs: Any) -> Any:
    return wf.workflow(name="flow")(body).bind(**inputs)


def test_deep_values_are_refused_by_name() -> None:
    def given(x: Any) -> Any:
        return take(x)

    def mapped(x: Any) -> Any:
        return take.map([1, x])

    def returned(x: Any) -> Any:
        return x

    with pytest.raises(InputError, match="argument 'x' of task 'take'.*nested too deeply"):
        flow(given, x=DEEP)
    with pytest.raises(InputError, match="item 1 of 'x' of task 'take'.*nested too deeply"):
        flow(mapped, x=DEEP)
    with pytest.raises(WorkflowDefinitionError, match="return value of workflow 'flow'.*nested too deeply"):
        flow(returned, x=DEEP)
    with pytest.raises(WorkflowDefinitionError, match="code of task 'using'.*nested too deeply"):
        flow(lambda: using())


def test_a_result_far_down_in_a_list_is_found() -> None:
    def body() -> Any:
        node = take(1)
        found = list(nodes_in(deep(3000, node)))
        assert len(found) == 1 and found[0] is node
        return take(deep(50, node))

    assert [need.source for need in flow(body).draft.nodes[1].needs] == ["take"]


def test_a_list_that_contains_itself_is_left_again() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert list(nodes_in(loop)) == []
