"""The process that is killed: it runs workflows whose tasks leave a line each time they run.

Started as `child.py MODE CLIENT`, with the folder of everything in WF_CRASH_FOLDER. It tells on
stdout what it is about to do, one word per line, so that whoever kills it can choose the moment.
MODE `more` submits workflows while few are running; `commands` also pauses, resumes, cancels single tasks,
retries, reruns, publishes and executes at random; `executed` begins with publishing and executing, and says so
before it goes on like that; `finish` submits nothing and ends when every execution has.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import wf_jupyter as wf
from wf_jupyter.client.publishing import pack_workflow
from wf_jupyter.errors import ServerUnavailable, StateConflict, WorkflowNotFound
from wf_jupyter.model.events import Event
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.snapshot import Summary
from wf_jupyter.model.stimuli import Cancel, CancelTask, Command, Pause, Resume, Retry
from wf_jupyter.model.submission import Environment
from wf_jupyter.protocol.codec import UnknownEvent, decode_events, encode_events
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.service.subscriptions.mailbox import Events, Mailbox
from wf_jupyter.values.packaging import pack

BUSY = 4
FOLDER = os.environ.get("WF_CRASH_FOLDER", "")
LUCK = random.Random()


def note(file: str, *words: object) -> None:
    """Append one line, whole or not at all: what a kill cannot take back."""
    descriptor = os.open(os.path.join(FOLDER, file), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (" ".join(map(str, words)) + "\n").encode())
    os.close(descriptor)


def ran() -> None:
    """The side effect of every task."""
    task = wf.current_task()
    assert task is not None
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
    task = wf.current_task()
    assert task is not None
    ran()
    if task.attempt == 1:
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
    naps: list[Any] = [sleepy(seconds), sleepy(seconds)]
    return add(naps)


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
        self.epochs: dict[str, str] = {}
        seen = Path(FOLDER, self.file)
        if seen.exists():
            for line in seen.read_text().splitlines():
                execution, _, text = line.split(" ", 2)
                told = decode_events(text.encode())
                self.know(execution, *(event for event in told if not isinstance(event, UnknownEvent)))

    def follow(self, execution: str) -> None:
        """Subscribe from where this client was when it was killed."""
        if execution in self.followed:
            return
        self.followed.add(execution)
        engine = self.runtime.orchestrator
        after = self.seen.get(execution, 0)
        epoch = self.epochs.get(execution, engine.epoch)
        answer = self.runtime.call(engine.subscribe(execution, self.mailbox, after, epoch)).result(60)
        if not answer.recovered:
            note("moves", "snapshot")
            self.read_log(execution, answer.seq)

    def read(self) -> None:
        """Note what came."""
        engine = self.runtime.orchestrator
        shown: dict[str, int] = {}
        for delivery in self.mailbox.take():
            if not isinstance(delivery, Events):
                # Parked, or retried elsewhere: it starts over with a snapshot.
                note("moves", "lagged")
                snapshot = self.runtime.call(engine.resync(delivery.topic, self.mailbox)).result(60)
                self.read_log(delivery.topic, snapshot.seq)
                shown[delivery.topic] = snapshot.seq
                continue
            for event in delivery.events:
                # What had been taken out of the mailbox before the resync is in its snapshot already.
                if event.seq > shown.get(delivery.execution_id, 0):
                    self.see(delivery.execution_id, event)

    def read_log(self, execution: str, seq: int) -> None:
        """See what happened up to a snapshot."""
        after = self.seen.get(execution, 0)
        if seq > after:
            work = self.runtime.orchestrator.events(execution, after, seq - after)
            for event in self.runtime.call(work).result(60):
                self.see(execution, event)

    def see(self, execution: str, event: Event) -> None:
        """Note it on disk, and how far it got."""
        note(self.file, execution, event.seq, encode_events([event]).decode())
        self.know(execution, event)

    def know(self, execution: str, *events: Event) -> None:
        """Remember how far it got, and how that stretch of the log is called."""
        for event in events:
            self.seen[execution] = event.seq
            self.epochs[execution] = getattr(event, "epoch", "") or self.epochs[execution]


def main(mode: str, name: str) -> None:
    say("opening")
    runtime = Runtime.open(RuntimeConfig(data_dir=Path(FOLDER, "data"), max_workers=2))
    engine = runtime.orchestrator
    say("open")
    client = Client(runtime, name)
    if mode == "executed":
        runtime.call(engine.publish(pack_workflow(fan, "fan 1", here()))).result(60)
        note("moves", "publish")
        note("submitted", runtime.call(engine.execute("fan 1", {"n": 3})).result(60))
        note("moves", "execute")
        say("executed")
        mode = "commands"
    turn = 0
    while True:
        lines = runtime.call(engine.executions(limit=10_000)).result(60)
        behind = [line for line in lines if client.seen.get(line.id, 0) < line.seq]
        running = [line for line in lines if not line.status.is_final]
        for line in [*behind, *running]:
            client.follow(line.id)
        for line in running:
            if line.workflow == "stoppable":
                command(runtime, line.id, Cancel())
            elif line.status == "paused" and (mode == "finish" or LUCK.random() < 0.2):
                command(runtime, line.id, Resume())
        if mode in ("more", "commands") and engine.active_count() < BUSY:
            turn += 1
            workflow, inputs = ALL[(len(lines) + turn) % len(ALL)]
            submission = pack(workflow.bind(**inputs).draft, here(), ExecutionOptions())
            note("submitted", runtime.call(engine.submit(submission)).result(60))
        if mode == "commands" and lines and LUCK.random() < 0.3:
            move(runtime, lines)
        if mode == "finish" and not running and not behind:
            break
        client.changed.wait(0.02)
        client.changed.clear()
        client.read()
    runtime.close()
    say("done")


def move(runtime: Runtime, lines: list[Summary]) -> None:
    """Something that people do, to one of the latest executions."""
    engine = runtime.orchestrator
    line = LUCK.choice(lines[: 2 * BUSY])
    if not line.status.is_final:
        if LUCK.random() < 0.5:
            command(runtime, line.id, Pause())
            return
        open_tasks = [
            task.key for task in runtime.call(engine.snapshot(line.id)).result(60).tasks if not task.status.is_final
        ]
        if open_tasks:
            command(runtime, line.id, CancelTask(task=LUCK.choice(open_tasks)))
    elif line.status != "succeeded" and LUCK.random() < 0.7:
        command(runtime, line.id, Retry())
    elif engine.active_count() >= BUSY:
        return
    elif LUCK.random() < 0.5:
        accepted(runtime, "rerun", engine.rerun(line.id))
    else:
        attempt(runtime, "publish", engine.publish(pack_workflow(fan, f"fan {LUCK.randint(1, 3)}", here())))
        accepted(runtime, "execute", engine.execute("fan 1", {"n": 3}))


def command(runtime: Runtime, execution: str, what: Command) -> None:
    """Ask for it; the execution may be ending already, or belong to another process."""
    attempt(runtime, type(what).__name__, runtime.orchestrator.command(execution, what))


def attempt(runtime: Runtime, name: str, work: Coroutine[Any, Any, object]) -> None:
    """Wait for it and count it; what the state does not allow is no trouble."""
    try:
        runtime.call(work).result(60)
    except (StateConflict, WorkflowNotFound):
        return
    note("moves", name)


def accepted(runtime: Runtime, name: str, work: Coroutine[Any, Any, str]) -> None:
    """Begin an execution, and note it when it is accepted: that may take longer than this process lives."""

    def done(answer: Future[str]) -> None:
        try:
            note("submitted", answer.result())
            note("moves", name)
        except (StateConflict, WorkflowNotFound, ServerUnavailable, CancelledError):
            return
        except Exception as error:
            note("trouble", name, repr(error))

    runtime.call(work).add_done_callback(done)


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
