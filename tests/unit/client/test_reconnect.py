"""Back-off: full jitter under a doubling ceiling, for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.client.reconnect import FIRST, LONGEST, SHORTEST, Backoff


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=2000))
def test_every_wait_is_short_enough_and_none_is_an_attack(lucks):
    backoff = Backoff()
    for count, jitter in enumerate(lucks):
        wait = backoff.next_delay(jitter)
        assert SHORTEST <= wait <= min(LONGEST, FIRST * 2 ** min(count, 16))


def test_a_success_starts_over():
    backoff = Backoff()
    waits = [backoff.next_delay(0.999) for _ in range(10)]
    assert waits[-1] > 10
    backoff.reset()
    assert backoff.next_delay(0.999) < FIRST
