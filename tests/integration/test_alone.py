"""What a task does to its process does not reach the next one; one worker for all cases."""

from __future__ import annotations

import asyncio
import atexit
import builtins
import gc
import itertools
import locale
import logging
import multiprocessing
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from tests.attempts import Bench, environment, value_of

cloudpickle.register_pickle_by_value(sys.modules[__name__])

COUNTER = 0
SETTINGS: dict[str, Any] = {"depth": {"now": 1}}


class Total:
    """A class whose attribute a task changes."""

    amount = 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("alone")
    (made / "helpers.py").write_text(
        "import functools\ncalls, seen, model = 0, {'a': []}, None\n"
        "class Config:\n    level = 1\nconfig = Config()\n"
        "def add(item, into=[]):\n    into.append(item)\n    return len(into)\n"
        "@functools.cache\ndef load():\n    return object()\n"
    )
    (made / "holders.py").write_text(
        "import collections, random, types\nimport numpy as np\nimport pandas as pd\nimport helpers\n"
        "queue, ordered = collections.deque([1]), collections.OrderedDict(a=1)\n"
        "counts, lists, raw = collections.Counter(), collections.defaultdict(list), bytearray(b'a')\n"
        "space, config, array = types.SimpleNamespace(a=1), helpers.Config(), np.zeros(2)\n"
        "draws, numbers = random.Random(1), np.random.default_rng(1)\n"
        "def counter():\n    count = 0\n    def step():\n        nonlocal count\n        count += 1\n"
        "        return count\n    return step\nstep = counter()\n"
        "class Tools:\n    @staticmethod\n"
        "    def add(item, into=[]):\n        into.append(item)\n        return len(into)\n"
    )
    (made / "finder.py").write_text(
        "import sys, os\nsys.path.append('/from/an/import')\nos.environ['BY_IMPORT'] = '1'\n"
    )
    return made


@pytest.fixture(scope="module")
def bench(folder: Path) -> Iterator[Bench]:
    chosen = environment(directory=str(folder), path=(*environment().path, str(folder)))
    made = Bench("local", max_workers=1, environment=chosen)
    yield made
    made.close()


_numbers = itertools.count()


def run(bench: Bench, function: Callable[..., object], *args: object, is_async: bool = False) -> Any:
    """What a task returns, an `async def` one if asked for; warnings are set up as in a plain interpreter."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        called = in_a_coroutine(function) if is_async else function
        return value_of(bench.run(called, *args, task=f"task-{next(_numbers)}", is_async=is_async))


def in_a_coroutine(function: Callable[..., object]) -> Callable[..., object]:
    async def called(*args: object) -> object:
        return function(*args)

    return called


# -- each case: what one task does, what the next one sees -----------------------------------------------


def environ() -> None:
    os.environ["LEFT"] = "1"
    os.environ.pop("PATH", None)
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


def folders() -> None:
    Path("out").mkdir(exist_ok=True)
    os.chdir("out")
    os.umask(0o077)


def interpreter() -> None:
    sys.path.insert(0, "/left")
    sys.path_hooks.clear()
    sys.argv.append("--left")
    sys.setrecursionlimit(5000)
    sys.setswitchinterval(1.0)
    sys.setprofile(lambda *_: None)
    sys.excepthook = sys.displayhook = sys.unraisablehook = print
    gc.disable()
    gc.set_threshold(1)
    threading.excepthook = print


def see_interpreter() -> object:
    return (
        *("/left" in sys.path, bool(sys.path_hooks), sys.argv, sys.getrecursionlimit(), sys.getswitchinterval()),
        *(sys.getprofile(), sys.excepthook is sys.__excepthook__, sys.unraisablehook is sys.__unraisablehook__),
        *(gc.isenabled(), gc.get_threshold(), threading.excepthook.__name__),
    )


def strict() -> None:
    warnings.simplefilter("error")
    warnings.showwarning = print  # type: ignore[assignment]


def patches() -> None:
    builtins.left = 1  # type: ignore[attr-defined]
    builtins.input = len  # type: ignore[assignment]
    time.time = lambda: 0.0
    os.getcwd = lambda: "/left"
    sys.modules["made_up"] = type(sys)("made_up")
    del sys.modules["json"]
    import __main__

    __main__.left = 1


def see_patches() -> object:
    import __main__

    return (
        *(hasattr(builtins, "left"), id(builtins.input) == id(len), time.time() > 1, hasattr(__main__, "left")),
        *(os.getcwd() == "/left", "made_up" in sys.modules, "json" in sys.modules),
    )


def signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 50)


def see_signals() -> object:
    timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    return (
        *(signal.getsignal(signal.SIGTERM), signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        *map(signal.getitimer, timers),
    )


def logs() -> None:
    logging.basicConfig(level=logging.DEBUG)
    logging.getLogger("left").setLevel(logging.DEBUG)
    logging.getLogger("left").addHandler(logging.NullHandler())
    logging.getLogger("left").propagate = False
    logging.disable(logging.CRITICAL)
    logging.captureWarnings(True)


def see_logs() -> object:
    left = logging.getLogger("left")
    return (
        *(logging.root.level, len(logging.root.handlers), left.level, left.handlers, left.propagate),
        *(logging.root.manager.disable, warnings.showwarning.__module__),
    )


def libraries() -> None:
    import matplotlib as mpl
    import numpy as np
    import pandas as pd

    socket.setdefaulttimeout(3)
    tempfile.tempdir = "/left"
    locale.setlocale(locale.LC_ALL, "C")
    multiprocessing.set_start_method("spawn", force=True)
    np.seterr(all="raise")
    np.set_printoptions(precision=2)
    pd.set_option("display.max_rows", 3)
    mpl.rcParams["figure.dpi"] = 31


def see_libraries() -> object:
    import matplotlib as mpl
    import numpy as np
    import pandas as pd

    return (
        *(socket.getdefaulttimeout(), tempfile.gettempdir() == "/left", multiprocessing.get_start_method()),
        *(np.geterr()["divide"], np.get_printoptions()["precision"], pd.get_option("display.max_rows")),
        *(mpl.rcParams["figure.dpi"], locale.setlocale(locale.LC_ALL)),
    )


def limits() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def see_limits() -> object:
    return resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE)


def loops() -> None:
    async def nothing() -> None: ...

    asyncio.run(nothing())


def see_loops() -> object:
    warnings.simplefilter("ignore")
    return asyncio.events._event_loop_policy  # type: ignore[attr-defined]


def modules() -> None:
    import helpers  # type: ignore[import-not-found]

    helpers.calls += 1
    helpers.model = object()
    helpers.seen["a"].append(1)
    helpers.seen["b"] = 1
    helpers.Config.level = 2
    helpers.config.path = "left"
    helpers.new = 1
    helpers.add.count = 1
    helpers.add(1)


def see_modules() -> object:
    import helpers

    return (
        *(helpers.calls, helpers.model, helpers.seen, helpers.Config.level, vars(helpers.config)),
        *(hasattr(helpers, "new"), hasattr(helpers.add, "count"), helpers.add(1)),
    )


def holders() -> None:
    import holders as held  # type: ignore[import-not-found]

    held.queue.append(2)
    held.ordered["b"] = 2
    held.counts["a"] += 1
    held.lists["a"].append(1)
    held.raw.extend(b"b")
    held.space.a = held.config.left = held.array[0] = 5
    held.draws.random()
    held.numbers.random()
    held.step()
    held.Tools.add(1)


def see_holders() -> object:
    import holders as held

    return (
        *(list(held.queue), dict(held.ordered), dict(held.counts), dict(held.lists), bytes(held.raw)),
        *(vars(held.space), vars(held.config), held.array.tolist(), held.draws.random(), held.numbers.random()),
        *(held.step(), held.Tools.add(1)),
    )


def replaced() -> None:
    import copyreg
    import csv
    import decimal
    import json
    import sqlite3
    import ssl
    import urllib.request

    logging.setLogRecordFactory(lambda *_, **__: None)  # type: ignore[arg-type]
    logging.addLevelName(logging.WARNING, "LEFT")
    json.dumps = repr  # type: ignore[assignment]
    os.path.exists = lambda _: True  # type: ignore[assignment]
    ssl._create_default_https_context = ssl._create_unverified_context  # type: ignore[assignment]
    urllib.request.install_opener(urllib.request.build_opener())
    decimal.DefaultContext.prec = 3
    csv.field_size_limit(7)
    copyreg.pickle(complex, repr)
    sqlite3.register_adapter(int, repr)


def see_replaced() -> object:
    import copyreg
    import csv
    import decimal
    import json
    import sqlite3
    import ssl
    import urllib.request

    return (
        *(logging.getLogRecordFactory() is logging.LogRecord, logging.getLevelName(logging.WARNING)),
        *(json.dumps is repr, os.path.exists("/left"), csv.field_size_limit(), decimal.DefaultContext.prec),
        ssl._create_default_https_context is ssl.create_default_context,
        *(
            urllib.request._opener,  # type: ignore[attr-defined]
            complex in copyreg.dispatch_table,
            (int, sqlite3.PrepareProtocol) in sqlite3.adapters,
        ),
    )


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize(
    ("act", "see"),
    [
        (environ, lambda: (os.environ.get("LEFT"), "PATH" in os.environ, os.environ.get("TZ"), time.tzname)),
        (folders, lambda: (Path.cwd().name == "out", os.umask(0o022))),
        (interpreter, see_interpreter),
        (strict, lambda: warnings.warn("said", stacklevel=1)),
        (patches, see_patches),
        (signals, see_signals),
        (logs, see_logs),
        (libraries, see_libraries),
        (limits, see_limits),
        (loops, see_loops),
        (modules, see_modules),
        (holders, see_holders),
        (replaced, see_replaced),
    ],
    ids=lambda given: given.__name__,
)
def test_what_a_task_changes_is_put_back(
    bench: Bench, act: Callable[[], None], see: Callable[[], object], is_async: bool
) -> None:
    if is_async and act is loops:
        pytest.skip("runs a loop of its own")
    before = run(bench, see, is_async=is_async)
    worker = run(bench, os.getpid, is_async=is_async)
    run(bench, act, is_async=is_async)
    assert run(bench, see, is_async=is_async) == before
    assert run(bench, os.getpid, is_async=is_async) == worker


def test_globals_and_defaults_of_a_task_are_new_for_each_attempt(bench: Bench) -> None:
    def count(seen: list[int] = []) -> object:  # noqa: B006
        global COUNTER
        COUNTER += 1
        SETTINGS["depth"]["now"] += 1
        Total.amount += 1
        count.calls = getattr(count, "calls", 0) + 1  # type: ignore[attr-defined]
        seen.append(1)
        return COUNTER, SETTINGS["depth"]["now"], Total.amount, count.calls, len(seen)  # type: ignore[attr-defined]

    assert [run(bench, count) for _ in range(3)] == [(1, 2, 1, 1, 1)] * 3


def test_a_closure_is_new_for_each_attempt(bench: Bench) -> None:
    made = 0

    def count() -> int:
        nonlocal made
        made += 1
        return made

    assert [run(bench, count) for _ in range(2)] == [1, 1]


def test_objects_in_modules_that_nobody_changes_cost_no_worker(bench: Bench) -> None:
    assert len({run(bench, lambda: (see_holders(), os.getpid())[1]) for _ in range(3)}) == 1


def test_a_frame_that_was_changed_in_a_module_is_new_for_the_next_attempt(bench: Bench, folder: Path) -> None:
    (folder / "frames.py").write_text("import pandas as pd\nframe = pd.DataFrame({'a': [1]})\n")

    def change() -> list[str]:
        import frames  # type: ignore[import-not-found]

        frames.frame["b"] = 2
        return list(frames.frame.columns)

    assert [run(bench, change) for _ in range(2)] == [["a", "b"], ["a", "b"]]


def test_children_that_ended_are_not_left_to_the_next_attempt(bench: Bench) -> None:
    def leave() -> None:
        if os.fork() == 0:
            os._exit(0)
        time.sleep(0.1)

    def wait_for_any() -> str:
        try:
            return str(os.waitpid(-1, os.WNOHANG))
        except ChildProcessError:
            return "none"

    def wait_after_an_import() -> int:
        child = subprocess.Popen(["sh", "-c", "exit 3"])
        time.sleep(0.1)
        import wave  # noqa: F401

        return child.wait()

    run(bench, leave)
    assert run(bench, wait_for_any) == "none"
    assert run(bench, wait_after_an_import) == 3


def test_what_stays_the_same_is_loaded_once(bench: Bench) -> None:
    def where() -> int:
        return id(Total)

    assert run(bench, where) == run(bench, where)


def test_a_seed_holds_for_its_task_only(bench: Bench) -> None:
    def draw(seed: int | None) -> tuple[float, float]:
        import numpy as np

        if seed is not None:
            random.seed(seed)
            np.random.seed(seed)
        return random.random(), float(np.random.rand())

    seeded, first = run(bench, draw, 1), run(bench, draw, None)
    assert run(bench, draw, 1) == seeded
    second = run(bench, draw, None)
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_what_an_import_changes_stays(bench: Bench) -> None:
    def load() -> object:
        import finder  # type: ignore[import-not-found]

        return "/from/an/import" in sys.path, os.environ.get("BY_IMPORT"), finder.__name__

    assert run(bench, load) == run(bench, load) == (True, "1", "finder")


def test_closed_and_redirected_descriptors_are_put_back(bench: Bench) -> None:
    def redirect() -> None:
        os.close(0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.close(2)

    def say() -> int:
        os.write(1, b"said\n")
        return os.read(0, 1) == b""

    run(bench, redirect)
    assert run(bench, say)
    assert bench.text(task=f"task-{next(_numbers) - 1}") == "said\n"


def test_functions_called_at_exit_run_at_the_end_of_their_attempt(bench: Bench) -> None:
    def register() -> None:
        atexit.register(print, "first registered")
        atexit.register(print, "last registered")

    run(bench, register)
    assert bench.text(task=f"task-{next(_numbers) - 1}") == "last registered\nfirst registered\n"


def leave_a_thread() -> None:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def leave_a_child() -> None:
    subprocess.Popen(["sleep", "60"])


def lower_a_hard_limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, 500))


def start_a_session() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    os.seteuid(65534)


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize("act", [leave_a_thread, leave_a_child, lower_a_hard_limit, start_a_session])
def test_a_worker_that_cannot_be_put_back_is_replaced(bench: Bench, act: Callable[[], None], is_async: bool) -> None:
    if act is start_a_session and os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    worker = run(bench, os.getpid, is_async=is_async)
    run(bench, act, is_async=is_async)
    assert run(bench, os.getpid, is_async=is_async) != worker
    assert run(bench, lambda: (threading.active_count() <= 3, resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 500))


def test_attempts_sent_ahead_of_one_that_spoils_its_worker_run_elsewhere(bench: Bench) -> None:
    from tests.attempts import attempt_of

    def step(number: int) -> int:
        if number == 20:
            leave_a_thread()
        return threading.active_count()

    attempts = [attempt_of(step, i, task=f"step-{i}") for i in range(60)]
    bench.start(*attempts)
    counts = [value_of(bench.final(attempt)) for attempt in attempts]
    assert max(counts) <= 4
