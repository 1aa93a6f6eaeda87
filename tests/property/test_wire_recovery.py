"""The recovery contract: whatever happens to wires, servers and data directories, a client's picture is a true one.

At every moment, what a client shows is the fold of a prefix of the log on disk; when everything has
arrived, it is the fold of all of it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.examples import examples
from tests.property.wire_model import Client, JumpingLoop, Server, Wire, truth
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.stimuli import Cancel, Command, Pause, Resume, Retry
from wf_jupyter.store.memory import MemoryData

CLIENTS = st.integers(0, 2)
MOMENTS = st.sampled_from((0.0, 0.001, 0.03, 0.2, 2.0))
COMMANDS: tuple[Command, ...] = (Cancel(), Pause(), Resume(), Retry())


class WireMachine(RuleBasedStateMachine):
    """Three clients, one server, two executions."""

    @initialize(
        seed=st.integers(0, 1 << 20),
        tasks=st.integers(1, 4),
        limit=st.sampled_from((1, 3, 10, 4096)),
        gap=st.sampled_from((0, 3, 5000)),
    )
    def begin(self, seed: int, tasks: int, limit: int, gap: int) -> None:
        self.loop = JumpingLoop()
        asyncio.set_event_loop(self.loop)
        self.limit = limit
        self.server = Server(random.Random(seed), gap_limit=gap)
        self.clients = [Client() for _ in range(3)]
        self.lossy: set[int] = set()
        self.histories: list[MemoryData] = []
        self.seen: dict[int, list[dict[str, Any]]] = {0: [], 1: [], 2: []}
        self.tasks: set[asyncio.Task[Any]] = set()
        self._do(self.server.start())
        self.executions = [self._do(self.server.submit(tasks)) for _ in range(2)]
        self._remember()

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.everything_arrives()
            for number in range(3):
                self.cut(number)
            self._do(self.server.stop())
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(1))
            self.loop.close()
            asyncio.set_event_loop(None)

    # -- the world --------------------------------------------------------------------------------

    @rule(moment=MOMENTS)
    def time_passes(self, moment: float) -> None:
        self._do(asyncio.sleep(moment))

    @rule(
        which=st.integers(0, 5),
        what=st.sampled_from(("print", "print", "progress", "succeed", "fail")),
        times=st.sampled_from((1, 1, 4, 20)),
        moment=MOMENTS,
    )
    def tasks_work(self, which: int, what: str, times: int, moment: float) -> None:
        for _ in range(times):
            self.server.puppets.do(which, what)
        self._do(asyncio.sleep(moment))

    @rule(which=st.integers(0, 1), what=st.sampled_from(COMMANDS), moment=MOMENTS)
    def somebody_commands(self, which: int, what: Command, moment: float) -> None:
        self._start(self.server.command(self.executions[which], what))
        self._do(asyncio.sleep(moment))

    @rule(wipe=st.sampled_from((None, None, 0, 3, 8)), older=st.booleans())
    def the_server_restarts(self, wipe: int | None, older: bool = False) -> None:
        for number in range(3):
            self.cut(number)
        self._do(self.server.stop())
        if wipe is not None:
            self.server.wipe(wipe, is_copy=older)
        self._do(self.server.start())
        self._remember()

    @rule(moments=st.tuples(MOMENTS, MOMENTS))
    def somebody_retries_what_others_are_just_opening(self, moments: tuple[float, float]) -> None:
        for execution in self.executions:
            self._do(self.server.command(execution, Cancel()))
        self._do(asyncio.sleep(2.0))
        self.the_server_restarts(None)
        for number in range(3):
            self.connect(number, 1000)
            self._do(asyncio.sleep(moments[0]))
        for execution in self.executions:
            self._start(self.server.command(execution, Retry()))
        self._do(asyncio.sleep(moments[1]))

    # -- wires ------------------------------------------------------------------------------------

    @rule(number=CLIENTS, window=st.sampled_from((1, 2, 1000)))
    def connect(self, number: int, window: int) -> None:
        if self.clients[number].wire is None:
            self._do(self._connect(number, window))

    async def _connect(self, number: int, window: int) -> None:
        self.seen[number].clear()
        self.clients[number].connect(Wire(self.server, self.limit, window), self.executions)

    @rule(number=CLIENTS)
    def cut(self, number: int) -> None:
        client = self.clients[number]
        if client.wire is not None:
            wire, client.wire = client.wire, None
            self.lossy.discard(number)
            self._do(wire.cut())

    @rule(number=CLIENTS, count=st.sampled_from((1, 2, 5, 1000)), moment=MOMENTS)
    def read(self, number: int, count: int, moment: float) -> None:
        self._do(asyncio.sleep(moment))
        wire = self.clients[number].wire
        for _ in range(count):
            frame = wire.receive() if wire is not None else None
            if frame is None:
                return
            self.seen[number].append(frame)
            self.clients[number].take(frame)

    @rule(number=CLIENTS)
    def a_notification_is_lost(self, number: int) -> None:
        wire = self.clients[number].wire
        if wire is not None and wire.frames and "method" in wire.frames[0]:
            wire.receive()
            self.lossy.add(number)

    @rule(number=CLIENTS, which=st.integers(0, 1000))
    def a_notification_comes_twice(self, number: int, which: int) -> None:
        frames = [frame for frame in self.seen[number] if "method" in frame]
        if self.clients[number].wire is not None and frames:
            self.clients[number].take(frames[which % len(frames)])

    @rule(number=CLIENTS, which=st.integers(0, 1))
    def a_view_subscribes_again(self, number: int, which: int) -> None:
        if self.clients[number].wire is not None:
            self.clients[number].subscribe(self.executions[which])

    @rule()
    def everything_arrives(self) -> None:
        self._settle_commands()
        for number in range(3):
            if number in self.lossy:
                self.cut(number)
            self.connect(number, 1000)
        for _ in range(1000):
            self._do(asyncio.sleep(3.0))
            if not any(client.wire and client.wire.frames for client in self.clients):
                break
            for client in self.clients:
                client.read()
        else:
            raise AssertionError("it never ends")
        for client in self.clients:
            for execution in self.executions:
                found = self.server.data.executions.get(execution)
                assert (found is None) == (execution in client.missing)
                if found is not None:
                    shown = client.pictures[execution].snapshot
                    assert shown.seq == len(found.events)
                    assert self._is_true(self.server.data, execution, shown)

    # -- the law ----------------------------------------------------------------------------------

    @invariant()
    def what_is_shown_is_true(self) -> None:
        for client in self.clients:
            for execution, picture in client.pictures.items():
                shown = picture.snapshot
                assert any(self._is_true(data, execution, shown) for data in reversed(self.histories))

    def _is_true(self, data: MemoryData, execution: str, shown: Snapshot) -> bool:
        told = truth(data, execution, shown.seq)
        return told is not None and msgspec.to_builtins(shown) == msgspec.to_builtins(told)

    def _remember(self) -> None:
        if self.server.data not in self.histories:
            self.histories.append(self.server.data)

    def _do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def _start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _settle_commands(self) -> None:
        if self.tasks:
            self._do(asyncio.wait(tuple(self.tasks), timeout=10))


TestWire = WireMachine.TestCase
TestWire.settings = settings(
    max_examples=examples(60),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
