"""Sending leaves room for everything else on the loop."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from wf_jupyter.server.ws.fair_sending import FairSending


def test_everybody_gets_through_in_order_and_others_in_between() -> None:
    async def main() -> tuple[list[int], int]:
        fair_sending = FairSending(slice_seconds=0.002)
        sent: list[int] = []
        others = 0

        def send(number: int) -> int:
            time.sleep(0.001)
            sent.append(number)
            return number

        async def other() -> None:
            nonlocal others
            while len(sent) < 20:
                others += 1
                await asyncio.sleep(0)

        answers = await asyncio.gather(*(fair_sending.through(partial(send, n)) for n in range(20)), other())
        assert answers[:20] == list(range(20))
        return sent, others

    sent, others = asyncio.run(main())
    assert sent == list(range(20))
    assert others >= 20


def test_a_sender_that_fails_lets_the_next_one_through() -> None:
    async def main() -> str:
        fair_sending = FairSending()

        def fail() -> None:
            raise ValueError("gone")

        passing = fair_sending.through(fail), fair_sending.through(lambda: "sent")
        results = await asyncio.gather(*passing, return_exceptions=True)
        assert isinstance(results[0], ValueError)
        return str(results[1])

    assert asyncio.run(main()) == "sent"


def test_who_waits_for_something_slow_does_not_keep_the_turn() -> None:
    async def main() -> list[str]:
        fair_sending = FairSending(slice_seconds=0.001)
        answered = asyncio.Event()
        order: list[str] = []

        async def slow_login() -> None:
            async with fair_sending.turn():
                await answered.wait()
                order.append("slow")

        login = asyncio.create_task(slow_login())
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            for _ in range(3):
                await fair_sending.through(lambda: order.append("frame"))
            answered.set()
            await login
            # It gives back nothing that it has not: one turn at a time is left.
            async with fair_sending.turn():
                order.append("last")
        return order

    assert asyncio.run(main()) == ["frame", "frame", "frame", "slow", "last"]
