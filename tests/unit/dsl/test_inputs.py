from __future__ import annotations

import collections.abc
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional, TypeVar, Union

import pytest

import wf_jupyter as wf
from wf_jupyter.dsl.annotations import mismatch
from wf_jupyter.dsl.inputs import preview

T = TypeVar("T")
UserId = NewType("UserId", int)


@dataclass
class Point:
    x: int


@wf.workflow
def weather(cities: list[str], strict: bool = False, *, limit: int | None = None):
    return None


def test_inputs_can_be_given_by_name_or_position_and_defaults_are_filled_in():
    assert weather.bind(["Oslo"], limit=3).inputs == {"cities": "['Oslo']", "strict": "False", "limit": "3"}


@pytest.mark.parametrize(
    ("inputs", "field", "reason"),
    [
        ({}, "cities", "the input 'cities' is missing; its inputs are weather"),
        ({"cities": 5}, "cities", "cities must be list[str], not the int 5"),
        ({"cities": "Oslo"}, "cities", "cities must be list[str], not the str 'Oslo'"),
        ({"cities": ["Oslo", 3]}, "cities", "cities[1] must be str, not the int 3"),
        ({"cities": None}, "cities", "not None"),
        ({"cities": [], "strict": "yes"}, "strict", "strict must be bool, not the str 'yes'"),
        ({"cities": [], "limit": 1.5}, "limit", "limit must be int | None, not the float 1.5"),
        ({"cities": [], "citis": 1}, "citis", "did you mean 'cities'?"),
        ({"cities": [], "zzz": 1}, "zzz", "its inputs are: 'cities', 'strict', 'limit'"),
    ],
)
def test_a_wrong_input_is_refused_naming_it(inputs, field, reason):
    with pytest.raises(wf.InputError) as caught:
        weather.bind(**inputs)
    assert caught.value.field == field
    assert reason in str(caught.value)


def test_no_input_name_is_reserved():
    @wf.workflow
    def names(self, args, name, options, workflow):
        return self

    assert names.bind(self=1, args=2, name=3, options=4, workflow=5).draft.result == 1


def test_annotations_that_cannot_be_resolved_are_not_checked():
    @wf.workflow
    def odd(x: Nowhere, y: "also nowhere" = 1, *more: int):  # type: ignore[name-defined, valid-type]  # noqa: F821, F722
        return x

    assert odd.bind(x=3).draft.result == 3


FITS: list[tuple[object, object]] = [
    (1, int),
    (1, float),
    (1.5, float),
    (True, bool),
    ("x", str),
    (None, None),
    ((1, 2), list[int]),
    (range(3), collections.abc.Sequence[int]),
    ([1], collections.abc.Iterable[int]),
    ((x for x in "ab"), collections.abc.Iterable[int]),
    ({1}, set[int]),
    (frozenset({1}), collections.abc.Set[int]),
    ({"a": 1}, dict[str, int]),
    ({"a": [1]}, collections.abc.Mapping[str, list[int]]),
    ((1, "a"), tuple[int, str]),
    ((1, 2, 3), tuple[int, ...]),
    (None, Optional[int]),  # noqa: UP045
    ("a", Union[int, str]),  # noqa: UP007
    ("a", Literal["a", "b"]),
    (3, UserId),
    (3, Annotated[int, "positive"]),
    (3, T),
    (object(), Any),
    (Path("x"), Path),
    (datetime(2020, 1, 1), date),
    (Point(1), Point),
    (print, collections.abc.Callable[..., None]),
    (3, "not a type"),
    (3, list[int] | int),
    (int, type[int]),
]


@pytest.mark.parametrize(("value", "annotation"), FITS, ids=[str(entry[1]) for entry in FITS])
def test_what_works_in_practice_fits(value, annotation):
    assert mismatch(value, annotation, "x") is None


@pytest.mark.parametrize(
    ("value", "annotation", "told"),
    [
        (True, int, "x must be int, not the bool True"),
        (1, bool, "x must be bool, not the int 1"),
        ("1", float, "x must be float, not the str '1'"),
        ("ab", list[str], "x must be list[str], not the str 'ab'"),
        ({"a": 1}, list[str], "x must be list[str], not a dict"),
        ([1], set[int], "x must be set[int], not a list"),
        ([1, "b"], tuple[int, int], "x must be tuple[int, int], not a list"),
        ((1, "b"), tuple[int, int], "x[1] must be int, not the str 'b'"),
        ((1,), tuple[int, int], "x must have 2 entries, not 1"),
        ({"a": "b"}, dict[str, int], "x['a'] must be int, not the str 'b'"),
        ({1: 2}, dict[str, int], "a key of x must be str, not the int 1"),
        ({"a"}, set[int], "an entry of x must be int, not the str 'a'"),
        ("c", Literal["a", "b"], "x must be one of 'a', 'b', not the str 'c'"),
        (1, Literal[True], "x must be one of True, not the int 1"),
        ("x", Path, "x must be Path, not the str 'x'"),
        ("x", int | None, "x must be int | None, not the str 'x'"),
        (3, Point, "x must be Point, not the int 3"),
    ],
)
def test_a_mismatch_says_where_what_and_instead_of_what(value, annotation, told):
    assert mismatch(value, annotation, "x") == told


def test_numbers_of_numpy_and_arrays_fit():
    numpy = pytest.importorskip("numpy")
    assert mismatch(numpy.int64(3), int, "x") is None
    assert mismatch(numpy.float32(3), float, "x") is None
    assert mismatch(numpy.bool_(True), bool, "x") is None
    assert mismatch(numpy.arange(3), list[int], "x") is None
    assert mismatch(numpy.float32(3), int, "x") == "x must be int, not a float32"


def test_previews_are_bounded_and_the_same_in_every_process():
    class Broken:
        def __repr__(self):
            raise RuntimeError

    class Plain:
        pass

    assert len(preview("x" * 10_000)) <= 200
    assert len(preview(list(range(100_000)))) <= 200
    assert preview(Broken()).startswith("<Broken")
    assert "0x" not in preview(Plain())
    assert "0x" not in preview([Plain(), Broken()])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"executor": "spark"}, "executor"),
        ({"max_parallel": 0}, "max_parallel"),
        ({"on_failure": "stop"}, "on_failure"),
    ],
)
def test_options_of_an_execution_are_checked(options, field):
    with pytest.raises(wf.InputError) as caught:
        weather.with_options(**options)
    assert caught.value.field == field
    assert "'weather'" in str(caught.value)


def test_options_of_an_execution_are_kept():
    changed = weather.with_options(executor="inline", max_parallel=2).with_options(on_failure="fail_fast")
    bound = changed.bind([])
    assert (bound.options.executor, bound.options.max_parallel, bound.options.on_failure) == ("inline", 2, "fail_fast")
    with pytest.raises(wf.WorkflowDefinitionError, match="'excutor' is not an option of a workflow"):
        weather.with_options(excutor="local")  # type: ignore[call-arg]
