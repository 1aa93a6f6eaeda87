"""What a call is given counts as it is at the moment of the call, as in plain Python."""

from __future__ import annotations

import functools
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

import wf_jupyter as wf
from tests.drafts import unpacked
from wf_jupyter.errors import InputError
from wf_jupyter.model.draft import Items
from wf_jupyter.values.code import decode_code
from wf_jupyter.values.packaging import pack_expansion

LEVEL = 0


@wf.task
def show(x: Any, y: Any = None) -> Any:
    return x


def given(body: Any) -> list[Any]:
    """The first argument of each call, as its task would get it."""
    return [node.args[0] for node in unpacked(wf.workflow(name="flow")(body).bind().draft)]


def called(body: Any) -> list[Any]:
    """What each task's own code returns when it is called without arguments."""
    draft = wf.workflow(name="flow")(body).bind().draft
    blobs = pack_expansion(draft).blobs
    return [decode_code(blobs[node.packed.code]).function() for node in draft.nodes if node.packed]


class Box:
    value = 0


def test_containers_that_change_afterwards():
    def body():
        table: dict[str, list[int]] = {"a": []}
        for i in range(3):
            table["a"].append(i)
            show(table)

    assert given(body) == [{"a": [0]}, {"a": [0, 1]}, {"a": [0, 1, 2]}]


def test_attributes_frames_arrays_and_views_that_change_afterwards():
    def body():
        box, array = Box(), np.zeros(100_000)
        frame, window = pd.DataFrame({"a": [0, 0]}), array[10:20]
        for i in (1, 2):
            box.value = i
            frame.loc[0, "a"] = i
            array[10] = i
            show([box, frame, array, window])

    one, two = given(body)
    assert (one[0].value, two[0].value) == (1, 2)
    assert (one[1].a[0], two[1].a[0]) == (1, 2)
    assert (one[2][10], two[2][10]) == (1.0, 2.0)
    assert (one[3][0], two[3][0]) == (1.0, 2.0)


def test_a_list_that_changes_after_it_was_mapped():
    def body():
        items = [[1], [2]]
        show.map(items)
        items[0].append(9)
        items.append([3])
        return show.map(items)

    first, second = (node.over["x"] for node in unpacked(wf.workflow(name="flow")(body).bind().draft))
    assert isinstance(first, Items) and isinstance(second, Items)
    assert (first.values, second.values) == ([[1], [2]], [[1, 9], [2], [3]])


def test_fixed_arguments_count_when_the_task_is_called():
    # `functools.partial` keeps the object as well: what it holds at the call counts.
    def body():
        fixed = [0]
        part = show.partial(fixed)
        for i in (1, 2):
            fixed[0] = i
            part()
            part.map(y=[1])

    assert given(body) == [[1], [1], [2], [2]]


def test_code_that_changes_between_calls():
    def body():
        global LEVEL
        helper = functools.partial(pow, 2)

        def counted() -> Any:
            return counted.extra  # type: ignore[attr-defined]

        for i in range(3):
            LEVEL = i
            holder = [i]

            @wf.task(name="made")
            def made(default: Any = holder) -> Any:
                return LEVEL, i, default, helper(i)

            counted.extra = [i]  # type: ignore[attr-defined]
            made()
            wf.task(counted)()
            holder.append("later")  # type: ignore[arg-type]

    assert called(body) == [value for i in range(3) for value in ((i, i, [i], 2**i), [i])]


def test_one_task_whose_global_is_assigned_in_the_body():
    @wf.task
    def level() -> Any:
        return LEVEL

    def body():
        global LEVEL
        for i in (5, 5, 6):
            LEVEL = i
            level()

    draft = wf.workflow(name="flow")(body).bind().draft
    codes = [node.packed.code for node in draft.nodes if node.packed]
    assert [decode_code(draft.blobs[code]).function() for code in codes] == [5, 5, 6]
    assert len(set(codes)) == 2


def test_a_workflow_inside_and_what_a_workflow_returned():
    @wf.workflow
    def inner(items: list[int]) -> Any:
        made = show(items)
        items.append(9)
        return [made, items]

    def body():
        items = [1]
        found = inner(items)
        items.append(10)
        show(items)
        return found

    bound = wf.workflow(name="flow")(body).bind()
    result = bound.draft.result
    assert [node.args[0] for node in unpacked(bound.draft)] == [[1], [1, 9, 10]]
    assert isinstance(result, list)


def test_two_arguments_that_are_one_object_stay_one_and_equal_ones_stay_two():
    array, other = np.zeros(100_000), np.zeros(100_000)

    def body():
        show(array, array)
        show(array, other)

    one, two = unpacked(wf.workflow(name="flow")(body).bind().draft)
    assert one.args[0] is one.args[1]
    first, second = cast(Any, two.args)
    first[0] = 7
    assert second[0] == 0


def test_a_large_array_given_to_many_tasks_is_held_once():
    array = np.random.default_rng(0).random(200_000)

    def body():
        for i in range(10):
            show(array, i)
        array[-1] = 5
        show({"again": array}, 10)

    draft = wf.workflow(name="flow")(body).bind().draft
    assert sum(len(blob) for blob in draft.blobs.values()) < 2.1 * array.nbytes
    assert len({node.packed.large for node in draft.nodes if node.packed}) == 2


def test_what_cannot_be_sent_is_refused_at_the_call():
    def body():
        show([1, open])
        show(lambda: (i for i in ""))
        show(x=(i for i in range(3)))  # the line that the traceback ends at

    with pytest.raises(InputError, match="argument 'x' of task 'show-3'") as caught:
        wf.workflow(name="flow")(body).bind()
    assert any("ends at" in str(entry.statement) for entry in caught.traceback)


# -- the cache's keys ------------------------------------------------------------------------------


class Settings:
    depth = 0


@wf.task(cache=True)
def cached(x: Any) -> Any:
    return x


@wf.task(cache=True)
def of_level(x: Any) -> Any:
    return LEVEL, x


def keys(body: Any) -> list[tuple[Any, ...]]:
    """What the lineage of each call is made of."""
    graph = pack_expansion(wf.workflow(name="flow")(body).bind().draft).graph
    return [(node.fingerprint, node.given, *(over.digests for over in node.over)) for node in graph.nodes]


@pytest.mark.parametrize("size", [10, 100_000])
def test_keys_belong_to_what_the_call_was_given(size: int):
    def reused():
        array, table, settings = np.zeros(size), {"d": 0}, Settings()
        for i in (1, 2):
            array[0] = table["d"] = settings.depth = i
            cached(array)
            cached(table)
            cached(settings)
            cached.map([array, table])

    def fresh():
        for i in (1, 2):
            array, settings = np.zeros(size), Settings()
            array[0] = settings.depth = i
            cached(array)
            cached({"d": i})
            cached(settings)
            cached.map([array, {"d": i}])

    assert keys(reused) == keys(fresh)
    assert len(set(keys(fresh))) == 8


def test_keys_belong_to_the_code_that_was_called():
    def body():
        global LEVEL
        for i in (1, 2, 1):
            LEVEL = i
            of_level(0)

    one, two, three = keys(body)
    assert one == three != two


def test_a_class_that_changes_between_calls_changes_the_key():
    class Local:
        depth = 0

    def body():
        for i in (1, 2):
            Local.depth = i
            cached(Local())

    one, two = keys(body)
    assert one != two


def test_calls_before_the_first_cached_one_have_keys_too_unless_they_changed():
    def body(changes: bool):
        array: Any = np.zeros(100_000)
        data: list[Any] = [[1], np.zeros(3)]
        first = show(array)
        second = show.map(data)
        if changes:
            array[0] = data[0][0] = 7
        return cached([first, second])

    kept = [keys(lambda: body(False)) for _ in range(2)]
    assert kept[0] == kept[1]
    changed = [keys(lambda: body(True)) for _ in range(2)]
    # In doubt a miss: no other submission has these keys.
    assert [one == two for one, two in zip(*changed, strict=True)] == [False, False, True]


def test_a_graph_without_a_cache_has_no_keys():
    assert keys(lambda: show(show(1))) == [(None, None), (None, None)]
