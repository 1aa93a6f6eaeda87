"""Sockets are woken in rounds, a few at a time, with one wake-up of the loop."""

from __future__ import annotations

import asyncio
import threading

from wf_jupyter.server.ws.wakeups import Wakeups


def test_everybody_who_was_woken_from_another_thread_wakes_up() -> None:
    async def main() -> None:
        wakeups = Wakeups(tick=0.0)
        sleepers = [asyncio.Event() for _ in range(100)]

        def publish() -> None:
            for sleeper in sleepers:
                wakeups.wake(sleeper)

        threads = [threading.Thread(target=publish) for _ in range(4)]
        for thread in threads:
            thread.start()
        async with asyncio.timeout(30):
            await asyncio.gather(*(sleeper.wait() for sleeper in sleepers))
        for thread in threads:
            thread.join()

    asyncio.run(main())


def test_a_round_leaves_turns_of_the_loop_to_others() -> None:
    async def main() -> list[int]:
        wakeups = Wakeups(tick=0.0, few=2)
        sleepers = [asyncio.Event() for _ in range(10)]
        awake: list[int] = []
        for sleeper in sleepers:
            wakeups.wake(sleeper)
        async with asyncio.timeout(30):
            while not awake or awake[-1] < 10:
                await asyncio.sleep(0)
                awake.append(sum(sleeper.is_set() for sleeper in sleepers))
        return awake

    awake = asyncio.run(main())
    assert {2, 4, 6, 8, 10} <= set(awake), "two in each turn"


def test_who_is_woken_during_a_round_waits_for_the_next_one() -> None:
    async def main() -> None:
        wakeups = Wakeups(tick=0.0, few=1)
        first, second, third = (asyncio.Event() for _ in range(3))
        wakeups.wake(first)
        wakeups.wake(second)
        async with asyncio.timeout(30):
            await first.wait()
            wakeups.wake(third)
            wakeups.wake(first)
            first.clear()
            await second.wait()
            assert not third.is_set()
            await third.wait()
            await first.wait()

    asyncio.run(main())


def test_one_that_comes_right_after_a_round_is_not_forgotten() -> None:
    async def main() -> None:
        wakeups = Wakeups(tick=0.001)
        sleeper = asyncio.Event()
        async with asyncio.timeout(30):
            for _ in range(50):
                wakeups.wake(sleeper)
                await sleeper.wait()
                sleeper.clear()

    asyncio.run(main())


def test_a_closed_loop_does_no_harm() -> None:
    async def make() -> Wakeups:
        return Wakeups()

    wakeups = asyncio.run(make())
    wakeups.wake(asyncio.Event())
