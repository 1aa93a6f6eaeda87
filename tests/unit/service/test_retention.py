"""The retention policy as a function: what goes, in which order, and what never does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.ports import Holding
from wf_jupyter.service.retention import find_expired as policy

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def find_expired(holdings: list[Holding], *, age: timedelta | None = None, size: int | None = None) -> list[str]:
    ages = {held.id: (NOW - held.ended).total_seconds() for held in holdings if held.ended is not None}
    return policy(holdings, ages, age=None if age is None else age.total_seconds(), size=size)


def held(name: str, days: float | None, size: int = 10, needed: bool = False, **files: int) -> Holding:
    return Holding(
        id=name,
        ended=None if days is None else NOW - days * DAY,
        size=size,
        files={ord(key): length for key, length in files.items()},
        is_needed=needed,
    )


def test_what_ended_too_long_ago_goes_oldest_first() -> None:
    holdings = [held("a", 3), held("b", 40), held("c", None), held("d", 31), held("e", 29.9)]
    assert find_expired(holdings, age=30 * DAY) == ["b", "d"]


def test_the_oldest_go_until_the_rest_fits() -> None:
    holdings = [held(name, days) for name, days in (("a", 1), ("b", 4), ("c", 3), ("d", 2))]
    assert find_expired(holdings, size=25) == ["b", "c"]
    assert find_expired(holdings, size=40) == []


def test_without_a_policy_nothing_goes() -> None:
    assert find_expired([held("a", 10_000, size=1 << 50)]) == []


def test_what_is_running_or_needed_stays_however_large() -> None:
    holdings = [held("a", None, size=1000), held("b", 90, needed=True, size=1000), held("c", 1)]
    assert find_expired(holdings, age=30 * DAY, size=100) == ["c"]


def test_a_shared_file_is_counted_once_and_freed_with_the_last_that_has_it() -> None:
    holdings = [held("a", 3, x=1000), held("b", 2, x=1000), held("c", 1)]
    assert find_expired(holdings, size=1030) == []
    assert find_expired(holdings, size=1025) == ["a"]
    assert find_expired(holdings, size=500) == ["a", "b"]


@given(
    st.lists(
        st.builds(
            held,
            st.uuids().map(str),
            st.none() | st.floats(0, 100),
            st.integers(0, 100),
            st.booleans(),
            x=st.just(50),
            y=st.just(70),
        ),
        max_size=12,
    ),
    st.none() | st.floats(0, 100),
    st.none() | st.integers(0, 1000),
)
def test_the_rest_fits_or_cannot_be_made_to(holdings: list[Holding], days: float | None, size: int | None) -> None:
    age = None if days is None else timedelta(days=days)
    gone = find_expired(holdings, age=age, size=size)
    by_id = {holding.id: holding for holding in holdings}
    assert len(set(gone)) == len(gone)
    assert all(by_id[name].ended is not None and not by_id[name].is_needed for name in gone)
    rest = [holding for holding in holdings if holding.id not in gone]
    movable = [holding for holding in rest if holding.ended is not None and not holding.is_needed]
    if age is not None:
        assert all(NOW - holding.ended <= age for holding in movable if holding.ended)
    if size is not None and movable:
        files = {file: length for holding in rest for file, length in holding.files.items()}
        assert sum(holding.size for holding in rest) + sum(files.values()) <= size
