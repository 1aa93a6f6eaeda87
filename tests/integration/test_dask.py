"""Attempts on real Dask clusters: data that stays there, and what happens when workers or clusters go."""

from __future__ import annotations

import asyncio
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
from attempts import Bench, attempt_of, environment, value_of

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


def test_a_dependent_task_gets_the_value_from_the_cluster_and_not_from_its_file(bench: Bench, tmp_path: Path) -> None:
    made = bench.run(lambda: np.arange(100_000.0), **big(tmp_path))
    path = made.values[0].path  # type: ignore[union-attr]
    assert path is not None
    Path(path).unlink()
    assert value_of(run(bench, reading(total, path))) == float(np.arange(100_000.0).sum())


def test_a_dependent_task_runs_where_its_input_is(bench: Bench, tmp_path: Path) -> None:
    def make() -> tuple[int, bytes]:
        return os.getpid(), b"x" * 1_000_000

    for number in range(4):
        made = bench.run(make, **big(tmp_path, f"big{number}"))
        home, _ = value_of(made)  # type: ignore[misc]
        path = made.values[0].path  # type: ignore[union-attr]
        assert value_of(run(bench, reading(lambda _: os.getpid(), path, f"reader{number}"))) == home


def test_a_task_that_changes_its_input_changes_it_for_nobody_else(bench: Bench, tmp_path: Path) -> None:
    path = bench.run(lambda: np.ones(100_000), **big(tmp_path)).values[0].path  # type: ignore[union-attr]

    def spoil(array: np.ndarray) -> float:
        array[:] = 7
        return float(array.sum())

    assert value_of(run(bench, reading(spoil, path, "first"))) == 700_000
    assert value_of(run(bench, reading(spoil, path, "again"))) == 700_000
    assert value_of(run(bench, reading(total, path, "last"))) == 100_000


def test_a_value_whose_worker_is_gone_is_read_from_its_file_and_its_task_does_not_run_again(
    bench: Bench, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"

    def make() -> tuple[int, bytes]:
        with ran.open("a") as lines:
            lines.write("once\n")
        return os.getpid(), b"x" * 1_000_000

    made = bench.run(make, **big(tmp_path))
    home, _ = value_of(made)  # type: ignore[misc]
    os.kill(home, signal.SIGKILL)
    path = made.values[0].path  # type: ignore[union-attr]
    assert value_of(run(bench, reading(lambda given: len(given[1]), path))) == 1_000_000
    assert ran.read_text() == "once\n"


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
    assert "was lost" in report.failure.message
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


def test_an_attempt_that_waits_for_a_worker_is_dropped_when_stopped(tmp_path: Path) -> None:
    bench = Bench("dask")
    try:
        attempts = [attempt_of(lambda: (tmp_path / "ran").touch(), task=name) for name in ("a", "b")]
        bench.start(*attempts)  # there is no cluster yet
        for attempt in attempts:
            bench.stop(attempt)
            assert isinstance(bench.final(attempt), AttemptStopped)
        assert not (tmp_path / "ran").exists()
    finally:
        bench.close()


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
    for number in range(4):
        bench.run(lambda: os._exit(3), task=f"crash{number}")
        assert value_of(bench.run(total, call=call, task=f"after{number}")) == 1_000_001


def test_a_given_scheduler_is_used_and_left_as_it_was(guest: Bench, elsewhere: Given) -> None:
    settled = Bench("dask", address=elsewhere.address)
    try:
        families = {value_of(bench.run(lambda: os.getpgid(0))) for bench in (guest, settled)}
    finally:
        settled.close()
    assert len(families) == 1
    assert elsewhere.process.poll() is None
    assert families == {value_of(guest.run(lambda: os.getpgid(0), task="after"))}


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
    assert value_of(made).sum() == 100_000  # type: ignore[attr-defined]
    assert value_of(run(guest, reading(total, path))) == 100_000
    # A value from before there was this cluster: the workers see no such file.
    old = tmp_path / "values" / "old.value"
    old.write_bytes(encode_bytes(np.ones(50_000)))
    assert value_of(run(guest, reading(total, f"{directory}/old.value", "later"))) == 50_000


def test_an_attempt_on_a_given_cluster_that_does_not_react_ends_when_it_ends(guest: Bench, tmp_path: Path) -> None:
    go = tmp_path / "go"

    def wait() -> None:
        print("begun")
        subprocess.run(["sh", "-c", f"while ! test -e {go}; do sleep 0.02; done"], check=True)

    attempt = attempt_of(wait)
    guest.start(attempt)
    guest.until(lambda: "begun" in guest.text())
    guest.stop(attempt)
    assert value_of(guest.run(lambda: 1, task="other")) == 1
    assert guest.of(AttemptStopped) == []
    go.touch()
    assert isinstance(guest.final(attempt), AttemptStopped)


def test_a_scheduler_that_cannot_be_reached_fails_the_task_with_its_address() -> None:
    bench = Bench("dask", address="tcp://127.0.0.1:9")
    try:
        report = bench.run(lambda: 1)
        assert isinstance(report, AttemptFailed)
        assert report.failure.kind == "worker_lost"
        assert "tcp://127.0.0.1:9" in report.failure.message
    finally:
        bench.close()


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
        family = value_of(bench.run(lambda: os.getpgid(0), task="family"))
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
    assert sorted(value_of(bench.final(attempt)) for attempt in others) == [*range(45, 50), *range(51, 75)]  # type: ignore[type-var]
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
        assert int(cluster.door.address.rpartition(":")[2]) in ports
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
        assert cluster.door.key not in repr(cluster.door)
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
