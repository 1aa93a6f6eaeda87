"""Messages reach a worker whether it is idle or busy, each once and in order."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from wf_jupyter.executors.wire.messages import Stop, ToWorker, pack
from wf_jupyter.executors.worker.connection import WorkerConnection
from wf_jupyter.executors.worker.interrupts import Interrupts
from wf_jupyter.executors.worker.message_reader import MessageReader


class Bench:
    """The parent's end of a connection, and a reception at the other."""

    def __init__(self) -> None:
        self.parent, child = socket.socketpair()
        self._child = child
        self.handled: list[int] = []
        self.threads: set[int] = set()
        self.came = threading.Condition()
        self.reception = MessageReader(WorkerConnection(child, Interrupts()), self._handle)

    def say(self, *numbers: int) -> None:
        self.parent.sendall(b"".join(pack(Stop(number)) for number in numbers))

    def until(self, count: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.handled) >= count, 30)

    def close(self) -> None:
        # No attempt is running, so nobody reads any more: a worker would end at the end of its connection.
        self._child.close()
        self.parent.close()

    def _handle(self, message: ToWorker) -> None:
        assert isinstance(message, Stop)
        with self.came:
            self.handled.append(message.token)
            self.threads.add(threading.get_ident())
            self.came.notify_all()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_an_idle_worker_reads_by_itself(bench: Bench) -> None:
    bench.say(1, 2)
    bench.reception.wait()
    assert bench.handled == [1, 2]
    bench.reception.glance()
    assert bench.threads == {threading.get_ident()}


def test_a_message_reaches_a_busy_worker(bench: Bench) -> None:
    bench.reception.start()
    with bench.reception.attempt():
        bench.say(1)
        bench.until(1)
        bench.say(2)
        bench.until(2)
    assert threading.get_ident() not in bench.threads
    bench.say(3)
    bench.reception.wait()
    assert bench.handled == [1, 2, 3]
    assert threading.get_ident() in bench.threads, "after the attempt the main thread reads again"


def test_one_long_attempt_after_another_is_watched(bench: Bench) -> None:
    bench.reception.start()
    for number in range(5):
        with bench.reception.attempt():
            bench.say(number)
            bench.until(number + 1)
    assert bench.handled == [0, 1, 2, 3, 4]


def test_among_many_short_attempts_nothing_is_lost_or_out_of_order(bench: Bench) -> None:
    bench.reception.start()
    many = 3000

    def talk() -> None:
        for number in range(many):
            bench.say(number)

    talking = threading.Thread(target=talk)
    talking.start()
    while len(bench.handled) < many:
        with bench.reception.attempt():
            sum(range(len(bench.handled) % 500))
        bench.reception.glance()
    talking.join()
    assert bench.handled == list(range(many))
