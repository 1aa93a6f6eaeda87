"""The token bucket, with a clock of its own."""

from __future__ import annotations

import pytest

from wf_jupyter.errors import RateLimited
from wf_jupyter.server.rate_limit import TOGETHER, Identity, RateLimiter


def test_a_burst_is_let_through_and_the_next_has_to_wait() -> None:
    limiter = RateLimiter(burst=3, rate=2)
    for _ in range(3):
        limiter.take(Identity("a"), 0.0)
    with pytest.raises(RateLimited) as caught:
        limiter.take(Identity("a"), 0.0)
    assert caught.value.retry_after == 0.5


def test_who_waits_as_long_as_told_is_let_through() -> None:
    limiter = RateLimiter(burst=1, rate=3)
    now = 0.0
    for _ in range(100):
        try:
            limiter.take(Identity("a"), now)
        except RateLimited as limited:
            now += limited.retry_after
            limiter.take(Identity("a"), now)
    assert now == pytest.approx(99 / 3, rel=0.01)


def test_identities_do_not_disturb_each_other() -> None:
    limiter = RateLimiter(burst=1, rate=1)
    limiter.take(Identity("a"), 0.0)
    limiter.take(Identity("b"), 0.0)
    with pytest.raises(RateLimited):
        limiter.take(Identity("a"), 0.0)


def test_a_clock_that_jumps_back_neither_gives_nor_takes() -> None:
    limiter = RateLimiter(burst=2, rate=1)
    limiter.take(Identity("a"), 100.0)
    limiter.take(Identity("a"), 50.0)
    with pytest.raises(RateLimited):
        limiter.take(Identity("a"), 50.0)


def test_rate_zero_means_no_limit() -> None:
    limiter = RateLimiter(burst=1, rate=0)
    for _ in range(1000):
        limiter.take(Identity("a"), 0.0)


def test_idle_identities_are_forgotten() -> None:
    limiter = RateLimiter(burst=1, rate=1)
    for number in range(5000):
        limiter.take(Identity(f"visitor {number}"), float(number))
    assert len(limiter._buckets) < 1100


def test_programs_of_one_person_do_not_disturb_each_other() -> None:
    limiter = RateLimiter(burst=2, rate=1)
    for _ in range(2):
        limiter.take(Identity("person", "looping"), 0.0)
    with pytest.raises(RateLimited):
        limiter.take(Identity("person", "looping"), 0.0)
    limiter.take(Identity("person", "calm"), 0.0)


def test_many_names_do_not_get_around_the_limit_of_one_person() -> None:
    limiter = RateLimiter(burst=2, rate=1)
    for number in range(2 * TOGETHER):
        limiter.take(Identity("person", f"name {number}"), 0.0)
    with pytest.raises(RateLimited) as caught:
        limiter.take(Identity("person", "another name"), 0.0)
    assert caught.value.retry_after == pytest.approx(1 / TOGETHER)
    limiter.take(Identity("somebody else", "another name"), 0.0)


def test_a_hundred_kernels_have_an_allowance_each() -> None:
    limiter = RateLimiter(burst=1, rate=1)
    for number in range(100):
        limiter.take(Identity("kernels", f"kernel {number}", is_trusted=True), 0.0)
