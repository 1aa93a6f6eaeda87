"""The process that is killed: it runs workflows whose tasks leave a line each time they run.

Started as `child.py MODE CLIENT`, with the folder of everything in WF_CRASH_FOLDER. It tells on
stdout what it is about to do, one word per line, so that whoever kills it can choose the moment.
MODE `more` submits workflows while few are running; `finish` submits nothing and ends when every
execution has.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import wf_jupyter as wf
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.stimuli import Cancel
from wf_jupyter.model.submission import Environment
from wf_jupyter.protocol.codec import encode_events
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.mailbox import Events, Mailbox
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.values.packaging import pack

BUSY = 4
FOLDER = os.environ.get("WF_CRASH_FOLDER", "")


def note(file: str, *words: object) -> None:
    """Append one line, whole or not at all: what a kill cannot take back."""
    descriptor = os.open(os.path.join(FOLDER, file), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (" ".join(map(str, words)) + "\n").encode())
    os.close(descriptor)


def ran() -> None:
    """The side effect of every task."""
    task = wf.current_task()
    note("lines", task.execution, task.key, task.attempt, os.getpid())


@wf.task
def step(x: int, seconds: float = 0.01) -> int:
    ran()
    time.sleep(seconds)
    return x + 1


@wf.task
def add(xs: list[int]) -> int:
    ran()
    return sum(xs)


@wf.task(retries=3, retry_delay=0.05)
def flaky(x: int) -> int:
    ran()
    if wf.current_task().attempt == 1:
        raise ValueError("the first time always fails")
    return x


@wf.task
def large(x: int) -> bytes:
    ran()
    return bytes([x]) * 300_000


@wf.task
def measure(data: bytes) -> int:
    ran()
    return len(data) // 100_000


@wf.task
def sleepy(seconds: float) -> None:
    ran()
    time.sleep(seconds)


@wf.workflow
def fan(n: int) -> Any:
    return add(step.map(list(range(n))))


@wf.workflow
def chain(n: int) -> Any:
    node = step(0)
    for _ in range(n - 1):
        node = step(node)
    return node


@wf.workflow
def unsteady(n: int) -> Any:
    return add(flaky.map(list(range(n))))


@wf.workflow
def heavy(n: int) -> Any:
    return add(measure.map(large.map(list(range(n)))))


@wf.task
def count_down(n: int) -> Any:
    ran()
    return counting.bind(n=n - 1) if n > 0 else n


@wf.workflow
def counting(n: int) -> Any:
    return count_down(n)


@wf.workflow
def stoppable(seconds: float) -> Any:
    return add([sleepy(seconds), sleepy(seconds)])


ALL = (
    (fan, {"n": 8}),
    (chain, {"n": 6}),
    (unsteady, {"n": 3}),
    (heavy, {"n": 3}),
    (counting, {"n": 4}),
    (stoppable, {"seconds": 600.0}),
)


class Client:
    """Follows every execution; remembers on disk how far it saw each, and goes on from there."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        self.runtime = runtime
        self.file = f"seen-{name}"
        self.changed = threading.Event()
        self.mailbox = Mailbox(self.changed.set, 100_000)
        self.followed: set[str] = set()
        self.seen: dict[str, int] = {}
        seen = Path(FOLDER, self.file)
        if seen.exists():
            for line in seen.read_text().splitlines():
                execution, seq, *_ = line.split(" ", 2)
                self.seen[execution] = int(seq)

    def follow(self, execution: str) -> None:
        """Subscribe from where this client was when it was killed."""
        if execution in self.followed:
            return
        self.followed.add(execution)
        engine = self.runtime.orchestrator
        after = self.seen.get(execution, 0)
        answer = self.runtime.call(engine.subscribe(execution, self.mailbox, after, epoch())).result(60)
        if not answer.recovered:
            note("trouble", execution, "was not continued after", after)

    def read(self) -> None:
        """Note what came."""
        for delivery in self.mailbox.take():
            if not isinstance(delivery, Events):
                note("trouble", delivery.execution_id, "lagged")
                continue
            for event in delivery.events:
                note(self.file, delivery.execution_id, event.seq, encode_events([event]).decode())
                self.seen[delivery.execution_id] = event.seq


def epoch() -> str:
    """The epoch as it was when the data directory was made: it must never change."""
    return Path(FOLDER, "epoch").read_text()


def main(mode: str, name: str) -> None:
    say("opening")
    runtime = Runtime.open(RuntimeConfig(data_dir=Path(FOLDER, "data"), max_workers=2))
    engine = runtime.orchestrator
    if not Path(FOLDER, "epoch").exists():
        Path(FOLDER, "epoch").write_text(engine.epoch)
    say("open")
    client = Client(runtime, name)
    turn = 0
    while True:
        lines = runtime.call(engine.executions(limit=10_000)).result(60)
        behind = [line for line in lines if client.seen.get(line.id, 0) < line.seq]
        running = [line for line in lines if not line.status.is_final]
        for line in [*behind, *running]:
            client.follow(line.id)
        for line in running:
            if line.workflow == "stoppable":
                cancel(runtime, line.id)
        if mode == "more" and engine.active_count() < BUSY:
            turn += 1
            workflow, inputs = ALL[(len(lines) + turn) % len(ALL)]
            submission = pack(workflow.bind(**inputs).draft, here(), ExecutionOptions())
            note("submitted", runtime.call(engine.submit(submission)).result(60))
        if mode == "finish" and not running and not behind:
            break
        client.changed.wait(0.02)
        client.changed.clear()
        client.read()
    runtime.close()
    say("done")


def cancel(runtime: Runtime, execution: str) -> None:
    """Cancel what would not end by itself; it may be ending already, or belong to another process."""
    try:
        runtime.call(runtime.orchestrator.command(execution, Cancel())).result(60)
    except StateConflict:
        return


def here() -> Environment:
    return Environment(
        executable=sys.executable,
        directory=os.getcwd(),
        path=tuple(entry for entry in sys.path if entry),
        variables=dict(os.environ),
    )


def say(word: str) -> None:
    os.write(1, f"{word}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
