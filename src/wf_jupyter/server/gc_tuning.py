"""Short pauses of the garbage collector.

A Jupyter server holds some 300,000 objects that were made while it started and stay for ever. A full
collection looks at each of them: measured, 110 to 160 ms in which no thread runs, the more often the
more events pass through. Set aside once, they are never looked at again.

What a finished execution leaves behind, a graph whose tasks know each other, goes with a full
collection only: some 4 MB per 10,000 tasks. One is made when nobody runs anything.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

#: Seconds between two looks, and how many of them in a row must find nothing running.
INTERVAL = 10.0
QUIET = 4

_done = False


def set_startup_aside() -> None:
    """Exempt what exists now from future collections, after one last; once per process."""
    global _done
    if not _done and gc.isenabled():
        _done = True
        gc.collect()
        gc.freeze()


async def collect_when_idle(active: Callable[[], int], interval: float = INTERVAL) -> None:
    """Collect once after each stretch of work, when nothing has been running for a while; until cancelled."""
    quiet = 0
    while True:
        await asyncio.sleep(interval)
        quiet = 0 if active() else quiet + 1
        # The last number counts what has survived since the last full collection, in collections.
        if quiet >= QUIET and gc.isenabled() and gc.get_count()[2] > 1:
            quiet = 0
            gc.collect()
