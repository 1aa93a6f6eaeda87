"""How much an attempt uses is measured while it runs, and costs it next to nothing."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from wf_jupyter.executors.worker.attempt.meter import Meter

MIB = 1 << 20


def burn(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_peak_is_that_of_this_attempt_and_not_of_one_before() -> None:
    first = Meter(is_alone=True)
    bytearray(400 * MIB)
    burn(0.01)
    large = first.usage().memory
    second = Meter(is_alone=True)
    burn(0.01)
    small = second.usage().memory
    assert large is not None
    assert small is not None
    assert large - small > 300 * MIB


def test_alone_in_a_process_other_threads_count_too() -> None:
    meters = Meter(is_alone=True), Meter(is_alone=False)
    thread = threading.Thread(target=burn, args=[0.2])
    thread.start()
    thread.join()
    alone, shared = (meter.usage() for meter in meters)
    assert alone.cpu >= 0.15 > shared.cpu
    assert shared.memory is None
