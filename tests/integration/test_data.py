"""Large data and long logs, with real workers."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, Reader, data_dir, ended, open_runtime, packed, runtime
from wf_jupyter.errors import ExecutionNotFound, InputError
from wf_jupyter.model.events import TaskLog
from wf_jupyter.service.queries.logs import EVENT_LIMIT
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.values.inputs import load

__all__ = ["data_dir", "open_runtime", "runtime"]
MIB = 1 << 20


def submit(runtime: Runtime, bound, **options) -> str:
    return runtime.call(runtime.orchestrator.submit(packed(bound, **options))).result(PATIENCE)


def log_text(runtime: Runtime, execution: str, key: str, **where) -> str:
    """The whole log, read in stretches."""
    text, at = "", where.pop("offset", 0)
    while True:
        engine = runtime.orchestrator
        found = runtime.call(engine.tasks.log(execution, key, offset=at, **where)).result(PATIENCE)
        text, at = text + found.text, found.end
        if at >= found.size:
            return text


def printing():
    @wf.task(retries=1, retry_delay=0)
    def talk(lines):
        import os

        for number in range(lines):
            print(f"line {number} {'€' * 60}")
        os.write(1, b"from C\n")
        context = wf.current_task()
        assert context is not None
        if context.attempt == 1:
            raise ValueError("once more")

    @wf.workflow
    def talking(lines: int):
        return talk(lines)

    return talking


def test_the_whole_log_is_kept_while_the_events_stay_bounded(runtime: Runtime, data_dir: Path) -> None:
    lines = 40_000
    execution = submit(runtime, printing().bind(lines=lines))
    assert ended(runtime, execution).status == "succeeded"
    whole = "".join(f"line {number} {'€' * 60}\n" for number in range(lines)) + "from C\n"
    assert len(whole) > 2 * EVENT_LIMIT
    for attempt in (1, 2):
        assert log_text(runtime, execution, "talk", attempt=attempt) == whole
    events = runtime.call(runtime.orchestrator.events(execution)).result(PATIENCE)
    for attempt in (1, 2):
        told = "".join(event.text for event in events if isinstance(event, TaskLog) and event.attempt == attempt)
        assert told[:EVENT_LIMIT] == whole[:EVENT_LIMIT]
        assert told[EVENT_LIMIT:].strip() == "... more than 1 MiB: the rest is in the whole log, on disk"
    assert [path.name for path in sorted((data_dir / "logs" / execution).iterdir())] == ["talk.1.log", "talk.2.log"]
    runtime.call(runtime.orchestrator.delete(execution)).result(PATIENCE)
    assert not (data_dir / "logs" / execution).exists()


def test_a_short_log_is_read_from_the_events(runtime: Runtime, data_dir: Path) -> None:
    execution = submit(runtime, printing().bind(lines=2))
    ended(runtime, execution)
    assert log_text(runtime, execution, "talk").splitlines()[-1] == "from C"
    assert log_text(runtime, execution, "talk", limit=7, offset=5).startswith("0 €€")
    assert not (data_dir / "logs").exists()
    with pytest.raises(InputError, match="no task 'other'"):
        log_text(runtime, execution, "other")
    with pytest.raises(ExecutionNotFound):
        log_text(runtime, "unknown", "talk")


def test_text_is_found_in_the_whole_log_whatever_its_case(runtime: Runtime) -> None:
    def search(key: str, text: str, **where):
        return runtime.call(runtime.orchestrator.tasks.search(execution, key, text, **where)).result(PATIENCE)

    for lines in (2000, 2):
        execution = submit(runtime, printing().bind(lines=lines))
        ended(runtime, execution)
        found = search("talk", f"LINE {lines - 1} €", attempt=1)
        assert (found.count, found.attempt, found.lines[0].line) == (1, 1, lines)
        assert found.lines[0].text == f"line {lines - 1} {'€' * 60}"
        assert log_text(runtime, execution, "talk", offset=found.lines[0].offset).startswith(f"line {lines - 1} €")
        assert [line.line for line in search("talk", "line", limit=1).lines] == [1]
        assert search("talk", "line", limit=1).count == lines
        assert search("talk", "nothing of the kind").count == 0
    with pytest.raises(InputError, match="no task 'other'"):
        search("other", "line")


def test_the_short_log_of_a_running_attempt_holds_all_that_was_told(runtime: Runtime, tmp_path: Path) -> None:
    @wf.task
    def talk(gate):
        import time

        print("\x1b[31mhello\x1b[0m there")
        while not gate.exists():
            time.sleep(0.01)

    @wf.workflow
    def talking(gate):
        return talk(gate)

    gate = tmp_path / "gate"
    execution = submit(runtime, talking.bind(gate=gate))
    reader = Reader(runtime)
    reader.follow(execution, after=0, epoch=runtime.orchestrator.epoch)
    reader.until(lambda r: any(isinstance(event, TaskLog) for event in r.events))
    assert log_text(runtime, execution, "talk") == "\x1b[31mhello\x1b[0m there\n"
    found = runtime.call(runtime.orchestrator.tasks.search(execution, "talk", "hello THERE")).result(PATIENCE)
    assert [line.text for line in found.lines] == ["hello there"]
    gate.touch()
    assert ended(runtime, execution).status == "succeeded"
    assert log_text(runtime, execution, "talk") == "\x1b[31mhello\x1b[0m there\n"


def test_a_log_ends_at_its_limit_and_says_so(open_runtime: Callable[..., Runtime], data_dir: Path) -> None:
    runtime = open_runtime(log_limit=2 * MIB)
    execution = submit(runtime, printing().bind(lines=60_000))
    ended(runtime, execution)
    text = log_text(runtime, execution, "talk", attempt=1)
    assert 2 * MIB < len(text) < 2 * MIB + 200
    assert text.count("output truncated: a task may print 2 MiB per attempt") == 1


def test_a_subscriber_sees_the_beginning_of_a_long_log_live(runtime: Runtime, tmp_path: Path) -> None:
    @wf.task
    def talk(gate):
        import time

        print("x" * 5_000_000)
        while not gate.exists():
            time.sleep(0.01)

    @wf.workflow
    def talking(gate):
        return talk(gate)

    gate = tmp_path / "gate"
    execution = submit(runtime, talking.bind(gate=gate))
    reader = Reader(runtime)
    reader.follow(execution, after=0, epoch=runtime.orchestrator.epoch)
    reader.until(lambda r: any(isinstance(event, TaskLog) and "the rest is" in event.text for event in r.events))
    found = runtime.call(runtime.orchestrator.tasks.log(execution, "talk", offset=4_000_000)).result(PATIENCE)
    assert found.text and set(found.text) <= {"x", "\n"}
    gate.touch()
    assert ended(runtime, execution).status == "succeeded"


# -- values of 100 MB -------------------------------------------------------------------------------

HUNDRED_MB = 100_000_000


def arrays():
    @wf.task
    def make(size):
        import numpy as np

        return np.ones(size // 8)

    return make


def frames():
    @wf.task
    def make(size):
        import numpy as np
        import pandas as pd

        return pd.DataFrame({name: np.ones(size // 40) for name in "abcde"})

    return make


def reading(make):
    """One task makes the value, four change their own view of it and add it up."""

    @wf.task
    def read(value, number):
        import numpy as np

        before = float(np.asarray(value).sum())
        (value.iloc if hasattr(value, "iloc") else value)[:1000] = number
        return before

    @wf.workflow
    def flow(size):
        value = make(size)
        return [read(value, number) for number in range(4)]

    return flow


class Memory:
    """Samples the memory of this process, and what it and its workers hold together (shared pages once)."""

    def __enter__(self) -> Memory:
        self._over = threading.Event()
        self.own, self.tree = [own_memory()], [tree_memory()]
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.003):
            self.own.append(own_memory())
            self.tree.append(tree_memory())


def own_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def tree_memory() -> int:
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    total = 0
    for process in processes:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
    return total


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux")
@pytest.mark.parametrize("make", [arrays(), frames()], ids=["array", "frame"])
def test_100_mb_pass_between_tasks_by_mapped_files_and_not_through_the_server(
    runtime: Runtime, data_dir: Path, make
) -> None:
    pytest.importorskip("pandas")
    flow = reading(make)
    ended(runtime, submit(runtime, flow.bind(size=8000)))  # workers are there, and libraries imported
    with Memory() as memory:
        execution = submit(runtime, flow.bind(size=HUNDRED_MB))
        assert ended(runtime, execution).status == "succeeded"
    assert max(memory.own) - memory.own[0] < HUNDRED_MB / 4
    assert max(memory.tree) - memory.tree[0] < 2.5 * HUNDRED_MB
    for number in range(4):
        key = "read" if number == 0 else f"read-{number + 1}"
        value = runtime.call(runtime.orchestrator.task_value(execution, key)).result(PATIENCE)
        assert load(value) == HUNDRED_MB / 8  # none of the readers saw what another had changed
    (file,) = (data_dir / "values" / execution).iterdir()
    assert HUNDRED_MB <= file.stat().st_size < 1.01 * HUNDRED_MB


def test_an_input_whose_file_is_gone_fails_the_task_and_says_so(
    runtime: Runtime, data_dir: Path, tmp_path: Path
) -> None:
    @wf.task
    def make():
        return bytes(1_000_000)

    @wf.task
    def wait(path):
        import time

        while not path.exists():
            time.sleep(0.01)

    @wf.task
    def use(data, _):
        return len(data)

    @wf.workflow
    def flow(path):
        return use(make(), wait(path))

    gate = tmp_path / "gate"
    execution = submit(runtime, flow.bind(path=gate))
    reader = Reader(runtime)
    reader.follow(execution)
    reader.until(lambda r: r.snapshot.counts["succeeded"] == 1)
    (file,) = (data_dir / "values" / execution).iterdir()
    file.unlink()
    gate.touch()
    final = ended(runtime, execution)
    (task,) = [task for task in final.tasks if task.key == "use"]
    assert task.status == "failed" and task.error is not None and task.error.kind == "value"
    assert str(file) in task.error.message
