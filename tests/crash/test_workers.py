"""Workers that are killed at random moments cost the attempts they were at, and nothing else."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, Reader, data_dir, ended, open_runtime, packed
from wf_jupyter.model.events import TaskRetrying, TaskStarted
from wf_jupyter.service.runtime import Runtime

__all__ = ["data_dir", "open_runtime"]
KILLS = 15
TASKS = 60


def work(lines: Path):
    @wf.task(retries=KILLS, retry_delay=0)
    def step(x):
        import os
        import time

        descriptor = os.open(lines, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        task = wf.current_task()
        assert task is not None
        os.write(descriptor, f"{task.key} {task.attempt}\n".encode())
        os.close(descriptor)
        time.sleep(0.04)
        return x

    @wf.task(retries=KILLS, retry_delay=0)
    def add(xs):
        return sum(xs)

    @wf.workflow
    def flow(n: int):
        return add(step.map(list(range(n))))

    return flow


def test_workers_killed_at_random_cost_only_the_attempts_they_were_at(
    open_runtime: Callable[..., Runtime], tmp_path: Path
) -> None:
    # Servers of other tests may be children of this process, too.
    others = set(psutil.Process().children())
    runtime = open_runtime()
    lines = tmp_path / "lines"
    submission = packed(work(lines).bind(n=TASKS))
    execution = runtime.call(runtime.orchestrator.submit(submission)).result(PATIENCE)
    reader = Reader(runtime)
    reader.follow(execution)
    jitter = random.Random(3)
    killed = 0
    while killed < KILLS:
        time.sleep(jitter.uniform(0.0, 0.1))
        reader.read()
        if reader.snapshot.status.is_final:
            break
        workers = [child for child in psutil.Process().children() if child not in others]
        if workers:
            os.kill(jitter.choice(workers).pid, signal.SIGKILL)
            killed += 1
    final = ended(runtime, execution)
    assert killed > 5 and final.status == "succeeded"
    value = runtime.call(runtime.orchestrator.result(execution)).result(PATIENCE)
    assert value.info is not None and value.info.text == str(sum(range(TASKS)))

    events = runtime.call(runtime.orchestrator.events(execution)).result(PATIENCE)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    started = {(event.task, event.attempt) for event in events if isinstance(event, TaskStarted)}
    lost = [event for event in events if isinstance(event, TaskRetrying)]
    assert {event.error.kind for event in lost} <= {"worker_lost"}
    assert len(lost) <= killed, "one kill costs at most one attempt"
    runs = Counter(tuple(line.split(" ")) for line in lines.read_text().splitlines())
    assert max(runs.values()) == 1, "no attempt ran twice"
    assert {(task, int(attempt)) for task, attempt in runs} <= started
    assert len(started) == TASKS + 1 + len(lost)
