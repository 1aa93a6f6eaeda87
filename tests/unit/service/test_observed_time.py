"""How much time has passed, whatever the clock on the wall says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.service.observed_time import Observed, advance

DAY = 86_400.0
LIMIT = 9 * DAY


def after(*looks: tuple[float, float]) -> float:
    """Days that passed after looks, each with days on the wall since the one before and days seen."""
    known = Observed(wall=0.0)
    wall = 0.0
    for said, seen in looks:
        wall += said * DAY
        known = advance(known, wall, seen * DAY, LIMIT)
    return known.passed / DAY


def test_what_was_seen_to_pass_counts() -> None:
    assert after((1, 1), (2, 2)) == 3


def test_a_night_without_power_counts_and_a_hundred_days_count_for_the_limit() -> None:
    assert after((0.5, 0), (0.5, 0.5)) == 1
    assert after((100, 0)) == 9
    assert after((100, 1)) == 10


def test_a_clock_that_is_set_back_takes_back_what_its_jump_added() -> None:
    assert after((100, 0), (-100, 0)) == 0
    assert after(*[(100, 0), (-100, 0)] * 20) == 0
    assert after((-100, 0), (1, 1)) == 1


def test_several_processes_that_look_do_not_make_time_run_faster() -> None:
    assert after(*[(0.25, 1)] * 8) == 2


@given(st.lists(st.tuples(st.floats(-5000, 5000), st.floats(0, 10)), max_size=30))
def test_no_more_passes_than_was_seen_and_credited(looks: list[tuple[float, float]]) -> None:
    assert after(*looks) <= sum(seen for _, seen in looks) + 9 * sum(said > 0 for said, _ in looks) + 1e-6
