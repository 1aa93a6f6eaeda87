"""Attempts on real Dask clusters: data that stays there, and what happens when workers or clusters go."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle
import numpy as np
import pytest

import wf_jupyter as wf
from tests.attempts import Bench, attempt_of, environment, value_of
from wf_jupyter.executors.dask import attempts as cluster_attempts
from wf_jupyter.executors.dask import scheduler_client
from wf_jupyter.executors.dask.cluster import Cluster
from wf_jupyter.model.stimuli import AttemptFailed, AttemptStopped, AttemptSucceeded
from wf_jupyter.model.submission import Environment
from wf_jupyter.ports import Attempt, Whole
from wf_jupyter.values.codec import encode_bytes

pytestmark = pytest.mark.dask
cloudpickle.register_pickle_by_value(sys.modules[__name__])


#: A process that prints the address of its cluster, and stays until its input ends.
GIVEN = """
import sys, distributed
if __name__ == "__main__":
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs=50
    )
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
"""

#: A process that is a scheduler without workers, and prints its address.
SCHEDULER = """
import asyncio, distributed

async def main():
    async with distributed.Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()

asyncio.run(main())
"""
#: A process that is a worker of the scheduler at an address, until it is ended.
WORKER = """
import sys, asyncio, distributed

async def main():
    async with distributed.Worker(sys.argv[1], nthreads=1, host="127.0.0.1", dashboard=False) as worker:
        await worker.finished()

asyncio.run(main())
"""


class Given(NamedTuple):
    """A running cluster that is not ours."""

    process: subprocess.Popen[bytes]
    address: str


class Input:
    """Stands for the first input in a template."""


def reading(function: Callable[..., object], path: str, task: str = "reader", **fields: Any) -> Attempt:
    """An attempt whose argument is in that file."""
    call = encode_bytes(((Input(),), {}), lambda obj: (0, ()) if isinstance(obj, Input) else None)
    return attempt_of(function, call=call, inputs=(Whole(path=path),), task=task, **fields)


def total(array: np.ndarray) -> float:
    return float(array.sum())


def lives(family: int) -> bool:
    """Whether any process of that group is there."""
    try:
        os.killpg(family, 0)
    except ProcessLookupError:
        return False
    return True


def run(bench: Bench, attempt: Attempt) -> Any:
    bench.start(attempt)
    return bench.final(attempt)


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    made = Bench("dask")
    yield made
    made.close()


@pytest.fixture
def bench(shared: Bench) -> Bench:
    shared.reports.clear()
    return shared


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    """A cluster of somebody else's, open as Dask makes them, whose workers have another working directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", GIVEN],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(environment().path)},
        start_new_session=True,
    )
    assert process.stdout is not None
    yield Given(process, process.stdout.readline().decode().strip())
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture
def guest(elsewhere: Given) -> Iterator[Bench]:
    made = Bench("dask", environment=environment(variables={"WF_JUPYTER_DASK_ADDRESS": elsewhere.address}))
    yield made
    made.close()


def big(directory: Path, task: str = "big") -> dict[str, Any]:
    return {"task": task, "directory": str(directory)}


def test_a_task_that_changes_its_input_changes_it_for_nobody_else(bench: Bench, tmp_path: Path) -> None:
    path: str = bench.run(lambda: np.ones(100_000), **big(tmp_path)).values[0].path  # type: ignore[union-attr, assignment]

    def spoil(array: np.ndarray) -> float:
        array[:] = 7
        return float(array.sum())

    assert value_of(run(bench, reading(spoil, path, "first"))) == 700_000
    assert value_of(run(bench, reading(spoil, path, "again"))) == 700_000
    assert value_of(run(bench, reading(total, path, "last"))) == 100_000


def test_a_crashed_worker_fails_only_its_own_task(bench: Bench, tmp_path: Path) -> None:
    go = tmp_path / "go"

    def linger() -> str:
        while not go.exists():
            time.sleep(0.01)
        return "unharmed"

    other = attempt_of(linger, task="other")
    bench.start(other)
    report = bench.run(lambda: os._exit(3), task="crash")
    assert isinstance(report, AttemptFailed)
    assert (report.failure.kind, report.failure.retriable) == ("worker_lost", True)
    assert report.failure.message == "the worker process ended with exit code 3 in the middle of the task"
    go.touch()
    assert value_of(bench.final(other)) == "unharmed"
    assert value_of(bench.run(lambda: 1, task="next")) == 1


def test_a_task_that_does_not_react_is_killed_after_the_grace(bench: Bench) -> None:
    def sleep() -> None:
        print("begun")
        time.sleep(600)

    attempt = attempt_of(sleep)
    bench.start(attempt)
    bench.until(lambda: "begun" in bench.text())
    bench.stop(attempt)
    assert isinstance(bench.final(attempt), AttemptStopped)
    late = bench.run(lambda: time.sleep(600), timeout=0.1, task="late")
    assert isinstance(late, AttemptFailed)
    assert late.failure.kind == "timeout"
    assert value_of(bench.run(lambda: 1, task="next")) == 1


def test_an_async_task_is_cancelled_where_it_waits(bench: Bench) -> None:
    async def wait() -> None:
        try:
            print("begun")
            await asyncio.sleep(600)
        finally:
            print("tidied up")

    attempt = attempt_of(wait, is_async=True)
    bench.start(attempt)
    bench.until(lambda: "begun" in bench.text())
    bench.stop(attempt)
    assert isinstance(bench.final(attempt), AttemptStopped)
    assert bench.text().endswith("tidied up\n")


def test_code_that_was_edited_is_never_run_stale(tmp_path: Path) -> None:
    helper = tmp_path / "edited_helper.py"
    helper.write_text("def answer():\n    return 'old'\n")

    def ask() -> str:
        import edited_helper  # type: ignore[import-not-found]

        return str(edited_helper.answer())

    bench = Bench("dask", environment=environment(path=(str(tmp_path), *environment().path)), max_workers=1)
    try:
        assert value_of(bench.run(ask, execution="one", task="one")) == "old"
        helper.write_text("def answer():\n    return 'brand new'\n")
        assert value_of(bench.run(ask, execution="two", task="two")) == "brand new"
    finally:
        bench.close()


def test_a_large_argument_is_sent_once(bench: Bench) -> None:
    data = np.ones(1_000_000)
    call = encode_bytes(((data,), {}))
    for number in range(3):
        assert value_of(bench.run(total, call=call, task=f"reader{number}")) == 1_000_000


def test_what_was_sent_once_is_sent_again_when_the_workers_that_had_it_are_lost(bench: Bench) -> None:
    call = encode_bytes(((np.ones(1_000_001),), {}))
    assert value_of(bench.run(total, call=call, task="before")) == 1_000_001
    lost = bench.run(lambda: os.kill(os.getppid(), signal.SIGKILL), task="crash")
    assert isinstance(lost, AttemptFailed)
    assert lost.failure.is_of_the_node
    for number in range(2):
        assert value_of(bench.run(total, call=call, task=f"after{number}")) == 1_000_001


def test_a_given_scheduler_is_used_and_left_as_it_was(guest: Bench, elsewhere: Given) -> None:
    settled = Bench("dask", address=elsewhere.address)
    try:
        families = {value_of(bench.run(lambda: os.getpgid(os.getppid()))) for bench in (guest, settled)}
    finally:
        settled.close()
    assert len(families) == 1
    assert elsewhere.process.poll() is None
    assert families == {value_of(guest.run(lambda: os.getpgid(os.getppid()), task="after"))}


def test_workers_that_do_not_share_the_disk_give_and_get_their_values_by_the_cluster(
    guest: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/cwd").exists():
        pytest.skip("needs a path that means something else in each process")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "values").mkdir()
    directory = "/proc/self/cwd/values"  # the workers have another working directory
    made = guest.run(lambda: np.ones(100_000), task="big", directory=directory)
    assert isinstance(made, AttemptSucceeded)
    path = made.values[0].path
    assert path is not None
    assert Path(path).stat().st_size > 800_000
    assert value_of(made).sum() == 100_000
    assert value_of(run(guest, reading(total, path))) == 100_000
    # A value from before there was this cluster: the workers see no such file.
    old = tmp_path / "values" / "old.value"
    old.write_bytes(encode_bytes(np.ones(50_000)))
    assert value_of(run(guest, reading(total, f"{directory}/old.value", "later"))) == 50_000


def test_on_a_given_cluster_what_waits_in_c_ends_by_its_timeout_and_when_it_is_stopped(guest: Bench) -> None:
    def wait() -> None:
        os.write(1, b"begun")
        ctypes.PyDLL(None).sleep(600)  # holds the interpreter's lock all the while

    late = guest.run(wait, timeout=0.3, task="late")
    assert isinstance(late, AttemptFailed)
    assert late.failure.kind == "timeout"
    attempt = attempt_of(wait)
    guest.start(attempt)
    guest.until(lambda: "begun" in guest.text())
    guest.stop(attempt)
    assert isinstance(guest.final(attempt), AttemptStopped)
    assert value_of(guest.run(lambda: 1, task="next")) == 1


def test_on_a_given_cluster_everything_that_a_task_says_is_heard(guest: Bench) -> None:
    def talk() -> None:
        import matplotlib.pyplot as plt

        print("from python")
        ctypes.CDLL(None).puts(b"from C")
        subprocess.run(["echo", "from a child"], check=True)
        wf.progress(1, 2)
        plt.plot([1, 2])
        plt.show()

    guest.run(talk)
    assert sorted(guest.text().splitlines()) == ["from C", "from a child", "from python"]
    assert [(told.done, told.total) for told in guest.progress()] == [(1, 2)]
    assert ["image/png" in shown.data for shown in guest.displays()] == [True]


def test_on_a_given_cluster_a_task_has_the_environment_of_the_kernel(elsewhere: Given, tmp_path: Path) -> None:
    variables = {**os.environ, "WF_JUPYTER_DASK_ADDRESS": elsewhere.address, "OF_THE_KERNEL": "arrived"}
    bench = Bench("dask", environment=environment(variables=variables, directory=str(tmp_path)))
    try:
        assert value_of(bench.run(lambda: (os.environ["OF_THE_KERNEL"], os.getcwd()))) == ("arrived", str(tmp_path))
    finally:
        bench.close()


def test_many_async_tasks_wait_together(guest: Bench) -> None:
    async def wait() -> str:
        await asyncio.sleep(0.5)
        return str(os.getpid())

    guest.run(wait, is_async=True, task="first")  # shows that they are such
    attempts = [attempt_of(wait, is_async=True, task=f"task{number}") for number in range(40)]
    began = time.monotonic()
    guest.start(*attempts)
    finals = [guest.final(attempt) for attempt in attempts]
    assert len({value_of(report) for report in finals}) <= 2  # one process for each of the two workers
    assert time.monotonic() - began < 40 * 0.5 / 2


def test_an_attempt_whose_dask_worker_dies_costs_no_retry_until_too_many_have_died(elsewhere: Given) -> None:
    bench = Bench("dask", address=elsewhere.address, losses=1)
    try:

        def die() -> None:
            os.kill(os.getppid(), signal.SIGKILL)

        kinds = []
        for number in (1, 2):
            report = bench.run(die, number=number)
            assert isinstance(report, AttemptFailed)
            kinds.append((report.failure.kind, report.failure.is_of_the_node))
            assert "was lost" in report.failure.message
        assert kinds == [("worker_lost", True), ("worker_lost", False)]
        assert value_of(bench.run(lambda: 1, task="next")) == 1
    finally:
        bench.close()


def test_an_attempt_ends_that_its_worker_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def tell_the_parent() -> None:
        print(os.getppid(), flush=True)
        time.sleep(600)

    monkeypatch.setattr(cluster_attempts, "SILENCE", 0.5)
    bench = Bench("dask", max_workers=1)
    try:
        attempt = attempt_of(tell_the_parent)
        bench.start(attempt)
        bench.until(lambda: bench.text().endswith("\n"))
        os.kill(int(bench.text()), signal.SIGSTOP)  # the worker itself, as when its machine hangs
        bench.stop(attempt)
        assert isinstance(bench.final(attempt), AttemptStopped)
        assert "abandoned" in bench.text("stderr")
    finally:
        bench.close()


def test_places_that_nobody_needs_go_back_to_the_cluster(guest: Bench, elsewhere: Given) -> None:
    assert value_of(guest.run(lambda: 1)) == 1
    script = f"import distributed; print(distributed.Client('{elsewhere.address}').submit(sum, [1, 2]).result(60))"
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=90)
    assert told.stdout == b"3\n"


def test_a_scheduler_that_cannot_be_reached_fails_the_task_with_its_address() -> None:
    bench = Bench("dask", address="tcp://127.0.0.1:9")
    try:
        report = bench.run(lambda: 1)
        assert isinstance(report, AttemptFailed)
        assert report.failure.kind == "worker_lost"
        assert "tcp://127.0.0.1:9" in report.failure.message
    finally:
        bench.close()


def test_workers_with_another_version_fail_the_task_and_say_so(
    elsewhere: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_client, "PROTOCOL", 0)
    bench = Bench("dask", address=elsewhere.address)
    try:
        report = bench.run(lambda: 1)
        assert isinstance(report, AttemptFailed)
        assert report.failure.kind == "worker_lost"
        assert "install the same version" in report.failure.message
    finally:
        bench.close()


def test_a_scheduler_without_workers_and_one_that_goes_fail_the_task_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler_client, "_TIMEOUT", 3.0)
    with subprocess.Popen([sys.executable, "-c", SCHEDULER], stdout=subprocess.PIPE) as scheduler:
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().decode().strip()
        bench = Bench("dask", address=address, patience=0.5)
        try:
            report = bench.run(lambda: 1, task="nobody")
            assert isinstance(report, AttemptFailed)
            assert report.failure.message == "the Dask scheduler has had no workers for 0.5 s"
            scheduler.kill()
            scheduler.wait()
            began = time.monotonic()
            gone = bench.run(lambda: 1, task="gone")
            assert isinstance(gone, AttemptFailed)
            assert (
                address in gone.failure.message or "connection to the Dask scheduler was lost" in gone.failure.message
            )
            assert time.monotonic() - began < 30
        finally:
            bench.close()


def test_workers_that_come_late_are_waited_for(tmp_path: Path) -> None:
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(environment().path)}
    with subprocess.Popen([sys.executable, "-c", SCHEDULER], stdout=subprocess.PIPE) as scheduler:
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().decode().strip()
        bench = Bench("dask", address=address)
        try:
            assert bench.call(lambda: list(bench.executor.slots(1))) == []  # asking is what connects
            bench.until(lambda: bench.pokes > 0)
            worker = subprocess.Popen([sys.executable, "-c", WORKER, address], env=paths, cwd=tmp_path)
            try:
                assert value_of(bench.run(lambda: 7, task="late")) == 7
            finally:
                worker.kill()
                worker.wait()
        finally:
            bench.close()
            scheduler.kill()


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"executable": "/nowhere/python"}, "/nowhere/python"), ({"path": ("/nowhere",)}, "could not start")],
)
def test_a_cluster_that_cannot_be_started_fails_the_task_and_says_why(changes: dict[str, Any], told: str) -> None:
    chosen: Environment = environment(**changes)
    bench = Bench("dask", environment=chosen)
    try:
        report = bench.run(lambda: 1)
        assert isinstance(report, AttemptFailed)
        assert report.failure.kind == "worker_lost"
        assert told in report.failure.message
    finally:
        bench.close()


def test_a_cluster_that_dies_loses_its_tasks_and_is_replaced() -> None:
    bench = Bench("dask")
    try:
        attempt = attempt_of(lambda: time.sleep(600), task="lost")
        family = value_of(bench.run(lambda: os.getpgid(os.getppid()), task="family"))
        bench.start(attempt)
        os.killpg(int(str(family)), signal.SIGKILL)
        report = bench.final(attempt)
        assert isinstance(report, AttemptFailed)
        assert report.failure.kind == "worker_lost"
        assert value_of(bench.run(lambda: 1, task="next")) == 1
    finally:
        bench.close()


def test_an_idle_cluster_ends_and_leaves_no_process() -> None:
    bench = Bench("dask", idle_seconds=0.2)
    try:
        family = int(str(value_of(bench.run(lambda: os.getpgid(0)))))
        bench.until(lambda: not lives(family))
        assert value_of(bench.run(lambda: 1, task="next")) == 1
    finally:
        bench.close()


def test_a_cluster_ends_with_the_process_that_started_it() -> None:
    script = (
        "import asyncio, os, sys, time\n"
        "from wf_jupyter.executors.dask.cluster import Cluster\n"
        "from wf_jupyter.model.submission import Environment\n"
        "here = Environment(executable=sys.executable, directory=os.getcwd(), path=tuple(sys.path))\n"
        "cluster = asyncio.run(Cluster.start(here, 1))\n"
        "print(cluster._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    ) as starter:
        assert starter.stdout is not None
        family = int(starter.stdout.readline())
        starter.kill()
    deadline = time.monotonic() + 30
    while lives(family) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not lives(family)


def test_nothing_of_dask_is_imported_before_it_is_asked_for() -> None:
    script = (
        "import sys, wf_jupyter, wf_jupyter.service.runtime, wf_jupyter.executors.dask.executor\n"
        "sys.exit(any(name.partition('.')[0] in ('dask', 'distributed') for name in sys.modules))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=env)


def test_short_tasks_are_sent_ahead_and_none_waits_behind_a_long_one(bench: Bench, tmp_path: Path) -> None:
    go = tmp_path / "go"

    def maybe(number: int) -> int:
        while number == 50 and not go.exists():
            time.sleep(0.01)
        return number

    for number in range(20):  # shows that it is short
        bench.run(maybe, number, task=f"before{number}")
    slots = bench.call(lambda: len(bench.executor.slots(100)))
    assert slots > 2
    attempts = [attempt_of(maybe, number, task=f"task{number}") for number in range(45, 75)]
    bench.start(*attempts)
    others = [attempt for attempt in attempts if attempt.task != "task50"]
    assert sorted(value_of(bench.final(attempt)) for attempt in others) == [*range(45, 50), *range(51, 75)]
    go.touch()
    assert value_of(bench.final(attempts[5])) == 50


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of Dask's, when refused
def test_a_cluster_of_our_own_lets_nobody_in_who_has_not_its_certificate(tmp_path: Path) -> None:
    asyncio.run(try_all_doors(tmp_path / "proof"))


async def try_all_doors(proof: Path) -> None:
    """As another user of this machine would."""
    import distributed
    import psutil

    cluster = await Cluster.start(environment(), 2)
    try:
        own = psutil.Process(cluster._process.pid)
        family = (own, *own.children(recursive=True))
        ports = {
            connection.laddr.port
            for process in family
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
        # The scheduler, and a nanny and a worker each: no dashboard, no HTTP beside them.
        assert len(ports) == 5
        assert int(cluster.endpoint.address.rpartition(":")[2]) in ports
        for port in ports:
            for scheme, security in (("tcp", None), ("tls", distributed.Security.temporary())):
                with pytest.raises((OSError, RuntimeError)):
                    async with distributed.Client(
                        f"{scheme}://127.0.0.1:{port}", asynchronous=True, security=security, timeout=2
                    ) as intruder:
                        await intruder.submit(proof.touch)
            assert await answer(port, with_tls=False) == b""
            assert await answer(port, with_tls=True) == b""
        assert not proof.exists()
        assert cluster.is_alive
        assert cluster.endpoint.key not in repr(cluster.endpoint)
        assert "PRIVATE KEY" not in "".join(word for process in family for word in process.cmdline())
    finally:
        await cluster.close()


async def answer(port: int, with_tls: bool) -> bytes:
    """What an HTTP request gets, in the clear or without a certificate of one's own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context if with_tls else None)
    try:
        writer.write(b"GET /info/main/workers.html HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        async with asyncio.timeout(10):
            return await reader.read()
    except OSError:
        return b""
    finally:
        writer.close()
