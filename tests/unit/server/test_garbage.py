"""What finished executions leave behind goes when nobody runs anything."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from wf_jupyter.server.gc_tuning import QUIET, collect_when_idle


@pytest.fixture(autouse=True)
def aside() -> Iterator[None]:
    """Nothing of this test's own process is looked at, so that the collections here are short."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Knot:
    """Refers to itself, so it goes with a full collection only."""

    def __init__(self) -> None:
        self.me = self


def test_a_full_collection_waits_until_nothing_runs() -> None:
    async def main() -> None:
        looks: list[int] = []
        running = [1] * 3 + [0] * QUIET

        def active() -> int:
            looks.append(running[len(looks)] if len(looks) < len(running) else 0)
            return looks[-1]

        knot = Knot()
        for _ in range(3):
            gc.collect(1)  # it survives into the oldest generation
        left = weakref.ref(knot)
        del knot
        gone_at: list[int] = []
        collecting = asyncio.create_task(collect_when_idle(active, 0.0))
        async with asyncio.timeout(30):
            while not gone_at:
                await asyncio.sleep(0)
                if left() is None:
                    gone_at.append(len(looks))
        collecting.cancel()
        assert gone_at[0] >= len(running)

    asyncio.run(main())
