"""Worker processes under everything a task may do to them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import cloudpickle
import psutil
import pytest

from tests.attempts import Bench, attempt_of, environment, value_of
from wf_jupyter.model.stimuli import AttemptFailed, AttemptStopped, AttemptSucceeded

cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**options: object) -> Bench:
        made.append(Bench("local", **options))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


def wait_for(path: Path) -> str:
    """What a task wrote to a file, once it is there."""
    deadline = time.monotonic() + 30
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline, f"{path} never appeared"
        time.sleep(0.01)
    return path.read_text()


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} still lives"
        time.sleep(0.01)


def lost(report: object) -> str:
    assert isinstance(report, AttemptFailed), report
    assert (report.failure.kind, report.failure.type) == ("worker_lost", "WorkerLost")
    return report.failure.message


# -- crashes ----------------------------------------------------------------------------------------


def test_a_task_that_ends_its_process_fails_alone_and_the_worker_is_replaced(bench: Bench) -> None:
    assert "exit code 7" in lost(bench.run(lambda: os._exit(7)))
    assert value_of(bench.run(lambda: 1, task="next")) == 1


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="the system has no such score")
def test_the_system_ends_a_worker_before_others_when_memory_runs_out(bench: Bench) -> None:
    score = value_of(bench.run(lambda: int(Path("/proc/self/oom_score_adj").read_text())))
    assert isinstance(score, int)
    assert score >= 700


def test_a_segfault_is_named_and_its_stack_is_in_the_log(bench: Bench) -> None:
    def crash() -> None:
        print("before", flush=True)
        ctypes.string_at(0)

    assert lost(bench.run(crash)) == "the worker process was killed by SIGSEGV"
    assert "Segmentation fault" in bench.text("stderr")
    assert "in crash" in bench.text("stderr")


def test_what_was_written_just_before_a_kill_is_kept(bench: Bench) -> None:
    def die() -> None:
        os.write(1, b"raw\n")
        os.kill(os.getpid(), signal.SIGKILL)

    assert "SIGKILL" in lost(bench.run(die))
    assert bench.text() == "raw\n"


def test_a_worker_killed_from_outside_fails_only_its_own_task(bench: Bench, tmp_path: Path) -> None:
    def linger(name: str, go: Path) -> str:
        (tmp_path / name).write_text(str(os.getpid()))
        while not go.exists():
            time.sleep(0.01)
        return name

    go = tmp_path / "go"
    killed, kept = (attempt_of(linger, name, go, task=name) for name in ("killed", "kept"))
    bench.start(killed, kept)
    wait_for(tmp_path / "kept")
    os.kill(int(wait_for(tmp_path / "killed")), signal.SIGKILL)
    assert "SIGKILL" in lost(bench.final(killed))
    go.touch()
    assert value_of(bench.final(kept)) == "kept"


def test_short_tasks_sent_ahead_of_a_crash_run_elsewhere(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    bench = make_bench(max_workers=1)

    def step(crash: Path, log: Path) -> None:
        with log.open("a") as file:
            file.write("x")
        if crash.exists():
            crash.unlink()
            os._exit(1)

    crash, log = tmp_path / "crash", tmp_path / "log"
    for i in range(3):
        bench.run(step, crash, log, task=f"warm{i}")
    crash.touch()
    attempts = [attempt_of(step, crash, log, task=f"t{i}") for i in range(40)]
    bench.start(*attempts)
    reports = [bench.final(attempt) for attempt in attempts]
    assert sum(isinstance(report, AttemptFailed) for report in reports) == 1
    assert sum(isinstance(report, AttemptSucceeded) for report in reports) == 39
    assert len(log.read_text()) == 43


def test_closed_descriptors_hurt_only_their_task(bench: Bench) -> None:
    def close() -> None:
        os.closerange(3, 256)

    assert "descriptors" in lost(bench.run(close))
    assert value_of(bench.run(lambda: 1, task="next")) == 1


def test_closed_standard_streams_do_not_matter(bench: Bench) -> None:
    def close() -> int:
        os.close(1)
        os.close(2)
        print("still heard")
        return 1

    assert value_of(bench.run(close)) == 1
    assert bench.text() == "still heard\n"


def test_a_fork_that_comes_back_from_the_task_reports_nothing(bench: Bench) -> None:
    def fork() -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            print("from the child")
            return 2
        os.waitpid(child, 0)
        return 1

    assert value_of(bench.run(fork)) == 1
    assert bench.text() == "from the child\n"
    assert value_of(bench.run(lambda: 3, task="next")) == 3


def test_processes_of_multiprocessing_work_inside_a_task(bench: Bench) -> None:
    def spread() -> list[int]:
        import multiprocessing

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return pool.map(abs, [-1, 2, -3])

    assert value_of(bench.run(spread)) == [1, 2, 3]


def test_children_that_a_crashed_task_left_behind_are_killed(bench: Bench, tmp_path: Path) -> None:
    def leave() -> None:
        child = subprocess.Popen(["sleep", "1000"])
        (tmp_path / "pid").write_text(str(child.pid))
        os._exit(1)

    lost(bench.run(leave))
    until_gone(int((tmp_path / "pid").read_text()))


# -- output -----------------------------------------------------------------------------------------


def test_printing_100_mb_neither_blocks_nor_grows(bench: Bench) -> None:
    def flood() -> None:
        block = "x" * 999_999 + "\n"
        for _ in range(100):
            print(block, end="")
        os.write(1, b"raw\n")

    before = psutil.Process().memory_info().rss
    assert isinstance(bench.run(flood), AttemptSucceeded)
    assert psutil.Process().memory_info().rss - before < 60_000_000
    assert len(bench.text()) < (1 << 20) + 200
    assert bench.text().count("output truncated") == 1


def test_a_flood_from_c_code_is_bounded_as_well(bench: Bench) -> None:
    def flood() -> None:
        block = b"y" * 999_999 + b"\n"
        for _ in range(50):
            view = memoryview(block)
            while view:
                view = view[os.write(2, view) :]

    assert isinstance(bench.run(flood), AttemptSucceeded)
    assert bench.text("stderr").count("output truncated") == 1
    assert len(bench.text("stderr")) < (1 << 20) + 200


def test_output_of_c_code_and_of_child_processes_belongs_to_the_task_before_it_ends(bench: Bench) -> None:
    def talk(i: int) -> None:
        ctypes.CDLL(None).printf(b"c %d\n", i)
        os.write(2, b"raw %d\n" % i)
        subprocess.run(["echo", f"child {i}"], check=True)

    attempts = [attempt_of(talk, i, task=f"t{i}") for i in range(20)]
    bench.start(*attempts)
    for i, attempt in enumerate(attempts):
        report = bench.final(attempt)
        assert sorted(bench.text(task=f"t{i}").splitlines()) == [f"c {i}", f"child {i}"]
        assert bench.text("stderr", task=f"t{i}") == f"raw {i}\n"
        assert bench.reports[f"t{i}"][-1] is report


def test_short_tasks_sent_ahead_keep_their_own_raw_output(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(max_workers=1)
    attempts = [attempt_of(lambda i=i: os.write(1, b"%d\n" % i), task=f"t{i}") for i in range(100)]
    bench.start(*attempts)
    for i, attempt in enumerate(attempts):
        bench.final(attempt)
        assert bench.text(task=f"t{i}") == f"{i}\n"


def test_a_warning_reaches_the_log(bench: Bench) -> None:
    def warn() -> None:
        warnings.warn("careful", stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("default")  # pytest makes errors of them, which would hold in the task as well
        bench.run(warn)
    assert "UserWarning: careful" in bench.text("stderr")


def test_a_progress_bar_is_kept_small(bench: Bench) -> None:
    def bar() -> None:
        for i in range(10_000):
            sys.stderr.write(f"\r{i / 100:.0f}% |{'#' * (i // 200)}")
        sys.stderr.write("\n")

    bench.run(bar)
    assert len(bench.text("stderr")) < 20_000
    assert bench.text("stderr").endswith("#\n")


def test_display_needs_no_import_and_works_with_ipythons_own(bench: Bench) -> None:
    def show() -> None:
        display({"a": 1})  # type: ignore[name-defined] # noqa: F821
        from IPython.display import HTML, Markdown
        from IPython.display import display as theirs

        theirs(HTML("<b>bold</b>"))
        theirs(Markdown("# title"), display_id="x").update(HTML("<i>later</i>"))

    assert isinstance(bench.run(show), AttemptSucceeded), bench.reports
    shown = [told.data for told in bench.displays()]
    assert shown[0] == {"text/plain": "{'a': 1}"}
    assert shown[1]["text/html"] == "<b>bold</b>"
    assert shown[2]["text/markdown"] == "# title"
    assert shown[3]["text/html"] == "<i>later</i>"


def test_figures_are_displayed_when_shown_and_when_left_open(bench: Bench) -> None:
    def draw() -> None:
        import matplotlib.pyplot as plt

        plt.plot([1, 2, 3])
        plt.show()
        plt.figure()
        plt.plot([3, 2, 1])

    assert isinstance(bench.run(draw), AttemptSucceeded), bench.reports
    shown = [told.data for told in bench.displays()]
    assert len(shown) == 2
    for data in shown:
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_displays_are_bounded_in_number_and_size(bench: Bench) -> None:
    def show() -> None:
        class Big:
            def _repr_html_(self) -> str:
                return "x" * 3_000_000

        display(Big())  # type: ignore[name-defined] # noqa: F821
        for i in range(200):
            display(i)  # type: ignore[name-defined] # noqa: F821

    bench.run(show)
    assert len(bench.displays()) == 49
    assert "3,000,117 bytes left out" in bench.text("stderr")
    assert "further displays left out" in bench.text("stderr")


# -- stopping ---------------------------------------------------------------------------------------


def test_a_stopped_task_is_interrupted_once_and_its_worker_lives_on(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make_bench(max_workers=1, grace=30.0)

    def linger() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        try:
            time.sleep(1000)
        finally:
            (tmp_path / "cleaned").write_text("up")

    attempt = attempt_of(linger)
    bench.start(attempt)
    pid = int(wait_for(tmp_path / "pid"))
    bench.stop(attempt)
    bench.stop(attempt)
    assert isinstance(bench.final(attempt), AttemptStopped)
    assert (tmp_path / "cleaned").exists()
    assert value_of(bench.run(os.getpid, task="next")) == pid


def test_a_task_that_swallows_the_interrupt_is_killed_after_the_grace(bench: Bench, tmp_path: Path) -> None:
    def stubborn() -> None:
        (tmp_path / "begun").write_text("yes")
        while True:
            try:
                time.sleep(1000)
            except KeyboardInterrupt:
                continue

    attempt = attempt_of(stubborn)
    bench.start(attempt)
    wait_for(tmp_path / "begun")
    bench.stop(attempt)
    assert isinstance(bench.final(attempt), AttemptStopped)
    assert value_of(bench.run(lambda: 1, task="next")) == 1


def test_a_task_blocked_in_c_code_is_killed_at_its_timeout(bench: Bench) -> None:
    def block() -> None:
        ctypes.PyDLL(None).sleep(1000)  # keeps the interpreter lock

    report = bench.run(block, timeout=0.3)
    assert isinstance(report, AttemptFailed)
    assert report.failure.kind == "timeout"
    assert report.duration < 10


def test_a_task_that_has_not_begun_is_stopped_without_running(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    bench = make_bench(max_workers=1)

    def linger() -> None:
        (tmp_path / "begun").write_text("yes")
        while not (tmp_path / "go").exists():
            time.sleep(0.01)

    first = attempt_of(linger, task="first")
    second = attempt_of(lambda: (tmp_path / "second").touch(), task="second")
    bench.start(first)
    wait_for(tmp_path / "begun")
    bench.call(lambda: bench.executor.start(second, "worker-1"))
    bench.stop(second)
    assert isinstance(bench.final(second), AttemptStopped)
    (tmp_path / "go").touch()
    assert isinstance(bench.final(first), AttemptSucceeded)
    assert not (tmp_path / "second").exists()


def test_the_timeout_counts_from_when_the_worker_is_ready(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(1)")
    bench = make_bench(environment=environment(variables={**os.environ, "PYTHONPATH": str(tmp_path)}))
    assert value_of(bench.run(lambda: 1, timeout=0.9)) == 1


def test_a_keyboard_interrupt_of_the_tasks_own_fails_it(bench: Bench) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    report = bench.run(interrupt)
    assert isinstance(report, AttemptFailed)
    assert (report.failure.kind, report.failure.type) == ("raised", "KeyboardInterrupt")
    assert value_of(bench.run(lambda: 1, task="next")) == 1


def test_a_sigint_from_elsewhere_is_ignored(bench: Bench) -> None:
    def provoke() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        return 1

    assert value_of(bench.run(provoke)) == 1


def test_a_long_task_gives_back_what_was_sent_behind_it(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    bench = make_bench(max_workers=2)

    def step(wait: Path | None) -> int:
        while wait is not None and not wait.exists():
            time.sleep(0.005)
        return os.getpid()

    for i in range(4):
        bench.run(step, None, task=f"warm{i}")
    long = attempt_of(step, tmp_path / "go", task="long")
    others = [attempt_of(step, None, task=f"t{i}") for i in range(20)]

    def start_all() -> None:
        bench.executor.start(long, "worker-1")
        for attempt in others:
            bench.executor.start(attempt, "worker-1")

    bench.call(start_all)
    pids = {value_of(bench.final(attempt)) for attempt in others}
    (tmp_path / "go").touch()
    assert value_of(bench.final(long)) not in pids


# -- async ------------------------------------------------------------------------------------------


def test_hundreds_of_async_tasks_wait_at_the_same_time(bench: Bench) -> None:
    async def wait(i: int) -> tuple[int, int]:
        await asyncio.sleep(1)
        print(i)
        return i, os.getpid()

    attempts = [attempt_of(wait, i, task=f"t{i}", is_async=True) for i in range(300)]
    began = time.monotonic()
    bench.start(*attempts)
    values = [value_of(bench.final(attempt)) for attempt in attempts]
    assert time.monotonic() - began < 30
    assert [i for i, _ in values] == list(range(300))
    assert len({pid for _, pid in values}) == 1
    assert [bench.text(task=f"t{i}") for i in range(300)] == [f"{i}\n" for i in range(300)]


def test_an_async_task_is_cancelled_and_its_neighbours_are_not(bench: Bench, tmp_path: Path) -> None:
    async def wait(name: str) -> str:
        (tmp_path / name).write_text("begun")
        while not (tmp_path / "go").exists():
            await asyncio.sleep(0.01)
        return name

    stopped, kept = (attempt_of(wait, name, task=name, is_async=True) for name in ("stopped", "kept"))
    bench.start(stopped, kept)
    wait_for(tmp_path / "stopped")
    wait_for(tmp_path / "kept")
    bench.stop(stopped)
    assert isinstance(bench.final(stopped), AttemptStopped)
    (tmp_path / "go").touch()
    assert value_of(bench.final(kept)) == "kept"


def test_an_async_task_that_blocks_the_loop_is_interrupted(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    # long enough for the interrupt on a busy machine: else the process is ended, and the other task with it
    bench = make_bench(grace=30.0)

    async def block() -> None:
        (tmp_path / "begun").write_text("yes")
        time.sleep(1000)

    async def wait() -> str:
        await asyncio.sleep(0.5)
        return "fine"

    blocking = attempt_of(block, task="block", is_async=True)
    waiting = attempt_of(wait, task="wait", is_async=True)
    bench.start(waiting, blocking)
    wait_for(tmp_path / "begun")
    bench.stop(blocking)
    assert isinstance(bench.final(blocking), AttemptStopped)
    assert value_of(bench.final(waiting)) == "fine"


def test_an_async_task_has_a_timeout(bench: Bench) -> None:
    async def wait() -> None:
        await asyncio.sleep(1000)

    report = bench.run(wait, is_async=True, timeout=0.2)
    assert isinstance(report, AttemptFailed)
    assert report.failure.kind == "timeout"


# -- the environment --------------------------------------------------------------------------------


def test_a_worker_runs_where_and_as_the_environment_says(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "only_there.py").write_text("answer = 42\n")
    chosen = environment(
        directory=str(tmp_path),
        path=(str(tmp_path / "lib"), *environment().path),
        variables={**os.environ, "WF_TEST_COLOUR": "green"},
    )
    bench = make_bench(environment=chosen)

    def look() -> object:
        import only_there  # type: ignore[import-not-found]

        return os.getcwd(), sys.path, os.environ["WF_TEST_COLOUR"], only_there.answer, sys.executable, sys.argv

    assert value_of(bench.run(look)) == (
        str(tmp_path), list(chosen.path), "green", 42, chosen.executable, sys.argv
    )  # fmt: skip


def test_an_interpreter_that_is_not_there_fails_the_task_with_its_name(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(environment=environment(executable="/nowhere/python"))
    for i in range(5):
        assert "/nowhere/python" in lost(bench.run(lambda: 1, task=f"t{i}"))


def test_an_interpreter_that_cannot_load_us_is_told_with_its_error(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(environment=environment(path=("/nowhere",)))
    message = lost(bench.run(lambda: 1))
    assert sys.executable in message
    assert "ModuleNotFoundError" in message or "ImportError" in message


def test_a_directory_that_vanished_is_named(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    bench = make_bench(environment=environment(directory=str(tmp_path / "gone")))
    assert str(tmp_path / "gone") in lost(bench.run(lambda: 1))


def test_a_module_edited_between_executions_is_never_run_stale(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    helper = tmp_path / "edited_helper.py"
    helper.write_text("def answer():\n    return 'old'\n")
    bench = make_bench(max_workers=1, environment=environment(path=(str(tmp_path), *environment().path)))

    def ask() -> object:
        import edited_helper  # type: ignore[import-not-found]

        return edited_helper.answer()

    assert value_of(bench.run(ask, execution="one", task="a")) == "old"
    helper.write_text("def answer():\n    return 'brand new'\n")
    attempts = [attempt_of(ask, execution="two", task=f"b{i}") for i in range(10)]
    bench.start(*attempts)
    assert {value_of(bench.final(attempt)) for attempt in attempts} == {"brand new"}


# -- life and death ---------------------------------------------------------------------------------


def test_idle_workers_end_and_come_back_when_needed(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(idle_seconds=0.2, max_workers=1)
    first = value_of(bench.run(os.getpid, task="a"))
    assert isinstance(first, int)
    until_gone(first)
    assert value_of(bench.run(os.getpid, task="b")) != first


def test_closing_kills_what_runs_and_reports_nothing_more(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    bench = make_bench()

    def linger() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(1000)

    bench.start(attempt_of(linger))
    pid = int(wait_for(tmp_path / "pid"))
    asyncio.run_coroutine_threadsafe(bench.executor.close(), bench.loop).result(30)
    assert not psutil.pid_exists(pid)
    assert bench.reports == {}


def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import os, sys, time, cloudpickle
        sys.path[:0] = {sys.path!r}
        from tests.attempts import Bench, attempt_of
        from pathlib import Path

        def linger(name, block):
            Path({str(tmp_path)!r}, name).write_text(str(os.getpid()))
            if block:
                import ctypes
                ctypes.PyDLL(None).sleep(1000)
            time.sleep(1000)

        bench = Bench()
        bench.start(attempt_of(linger, "sleeps", False, task="a"), attempt_of(linger, "blocks", True, task="b"))
        time.sleep(1000)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    try:
        pids = [int(wait_for(tmp_path / name)) for name in ("sleeps", "blocks")]
    finally:
        parent.kill()
        parent.wait()
    for pid in pids:
        until_gone(pid)


def test_nothing_is_left_behind_after_many_crashes(bench: Bench) -> None:
    def crash() -> None:
        os._exit(1)

    for i in range(10):
        lost(bench.run(crash, task=f"t{i}"))
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    for i in range(10, 30):
        lost(bench.run(crash, task=f"t{i}"))
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) <= before + 8
    assert threading.active_count() < 20


def test_a_pool_of_threads_that_outlives_its_task_prints_for_the_next_one(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(max_workers=1)

    def talk(text: str) -> None:
        from concurrent.futures import ThreadPoolExecutor

        pool = sys.__dict__.setdefault("wf_test_pool", ThreadPoolExecutor(1))
        pool.submit(print, text).result()

    for text in ("one", "two"):
        bench.run(talk, text, task=text)
        assert bench.text(task=text) == f"{text}\n"


def test_an_async_task_that_cancels_itself_failed(bench: Bench) -> None:
    async def cancel() -> None:
        raise asyncio.CancelledError

    report = bench.run(cancel, is_async=True)
    assert isinstance(report, AttemptFailed)
    assert (report.failure.kind, report.failure.message) == ("raised", "the task cancelled itself")


POOL = """
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
executor, pool = ThreadPoolExecutor(1), ThreadPool(1)
"""


@pytest.mark.parametrize("kind", ["thread", "module", "child", "shell", "timer", "task"])
def test_what_async_tasks_print_elsewhere_is_their_own(
    make_bench: Callable[..., Bench], tmp_path: Path, kind: str
) -> None:
    (tmp_path / "pools_of_a_module.py").write_text(POOL)
    bench = make_bench(environment=environment(path=(*environment().path, str(tmp_path))))

    async def speak(name: str) -> None:
        async def say(what: str) -> None:
            import pools_of_a_module as pools  # type: ignore[import-not-found]

            told = f"{what} {name}"
            match kind:
                case "thread":
                    await asyncio.to_thread(print, told)
                case "module":
                    await asyncio.wrap_future(pools.executor.submit(print, told))
                    await asyncio.to_thread(pools.pool.map, print, [told])
                case "child":
                    child = await asyncio.create_subprocess_exec("echo", told)
                    await child.wait()
                case "shell":
                    assert await asyncio.to_thread(os.system, f"echo {told}; exit 3") == 3 << 8
                case "timer":
                    timer = threading.Timer(0.01, print, (told,))
                    timer.start()
                    await asyncio.to_thread(timer.join)
                case "task":
                    await asyncio.create_task(asyncio.to_thread(print, told))

        await say("first")
        await asyncio.sleep(0.05)
        await say("second")

    for execution in ("one", "two"):
        names = [f"{execution}-{i}" for i in range(3)]
        attempts = [attempt_of(speak, name, task=name, execution=execution, is_async=True) for name in names]
        bench.start(*attempts)
        for attempt in attempts:
            assert isinstance(bench.final(attempt), AttemptSucceeded)
        times = 2 if kind == "module" else 1
        for name in names:
            assert bench.text(task=name) == f"first {name}\n" * times + f"second {name}\n" * times


def test_an_async_worker_is_kept_when_its_pool_of_threads_is_idle_and_replaced_when_not(bench: Bench) -> None:
    async def call(seconds: float) -> int:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(loop.run_in_executor(None, time.sleep, seconds), 0.1)
        return os.getpid()

    def run(name: str, seconds: float) -> object:
        return value_of(bench.run(call, seconds, task=name, is_async=True))

    kept = run("a", 0)
    assert run("b", 0) == run("c", 5) == kept
    assert run("d", 0) != kept


def test_tasks_left_on_the_loop_end_with_their_attempt(bench: Bench, tmp_path: Path) -> None:
    async def leave() -> None:
        async def later() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                (tmp_path / "ended").write_text("yes")

        left.append(asyncio.create_task(later()))
        await asyncio.sleep(0)

    left: list[object] = []
    bench.run(leave, is_async=True)
    assert wait_for(tmp_path / "ended") == "yes"
