"""Kills orchestrators at random moments, and checks what is left against what must be."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from wf_jupyter.model.events import (
    Event,
    TaskCompleted,
    TaskStarted,
    WorkflowCompleted,
    WorkflowRecovered,
    WorkflowRetried,
)
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.protocol.codec import encode_events
from wf_jupyter.store.sqlite import SqliteStore

CHILD = Path(__file__).with_name("child.py")
SOURCE = Path(__file__).resolve().parents[2] / "src"
MARK = "WF_CRASH_MARK"
PATIENCE = 120.0


@dataclass
class Figures:
    """What a trial saw."""

    kills: int = 0
    executions: int = 0
    unfinished_at_kills: int = 0
    tasks: int = 0
    runs: int = 0
    recovered: int = 0
    in_flight: int = 0
    events: int = 0
    workers_killed: int = 0
    slowest_end_of_workers: float = 0.0
    moves: dict[str, int] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def told(self) -> str:
        """The figures as text."""
        return (
            f"{self.kills} kills; {self.executions} executions, all finished after {self.recovered} recoveries\n"
            f"{self.tasks} tasks ran {self.runs} times, retries of failed ones and the {self.in_flight} attempts that"
            f" kills hit included\n{self.events} events, each seen exactly once by the client\n"
            f"{self.workers_killed} workers ended with their orchestrator, within {self.slowest_end_of_workers:.2f} s\n"
            f"asked for meanwhile: {self.moves or 'nothing'}\n"
            f"{len(self.troubles)} troubles" + "".join(f"\n  {trouble}" for trouble in self.troubles[:20])
        )


class Trial:
    """One data directory and the processes that work on it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.jitter = random.Random(seed)
        self.figures = Figures()
        self._marks: dict[subprocess.Popen[bytes], str] = {}

    def start(self, mode: str, client: str = "one") -> subprocess.Popen[bytes]:
        """A process that opens the data directory; returns when it is about to do so."""
        mark = uuid.uuid4().hex
        environment = {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "WF_CRASH_FOLDER": str(self.folder),
            MARK: mark,
        }
        # Unbuffered: what `expect` had read ahead would be lost to `communicate`.
        child = subprocess.Popen(
            [sys.executable, str(CHILD), mode, client], stdout=subprocess.PIPE, env=environment, bufsize=0
        )
        self._marks[child] = mark
        self.expect(child, b"opening\n")
        return child

    def expect(self, child: subprocess.Popen[bytes], word: bytes) -> None:
        """Wait for the next word of a child."""
        assert child.stdout is not None
        told = child.stdout.readline()
        assert told == word, f"{told!r} came instead of {word!r}"

    def kill(self, child: subprocess.Popen[bytes], longest: float) -> None:
        """SIGKILL at a random moment, then everything that can be checked while nobody works."""
        time.sleep(self.jitter.uniform(0.0, longest))
        workers = self.workers(child)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        self.figures.kills += 1
        self.figures.workers_killed += len(workers)
        began = time.monotonic()
        while self.workers(child):
            if time.monotonic() - began > 30:
                self.figures.troubles.append(f"workers outlived their orchestrator: {self.workers(child)}")
                break
            time.sleep(0.005)
        self.figures.slowest_end_of_workers = max(self.figures.slowest_end_of_workers, time.monotonic() - began)

    def finish(self) -> None:
        """Let a last process bring everything to an end."""
        child = self.start("finish")
        self.expect(child, b"open\n")
        try:
            output, _ = child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            self.figures.troubles.append("not every execution came to an end")
            return
        if output != b"done\n":
            self.figures.troubles.append(f"the last process ended with {child.returncode}, saying {output!r}")

    def workers(self, child: subprocess.Popen[bytes]) -> list[int]:
        """Processes that the child started, and those started by them."""
        found = []
        wanted = f"{MARK}={self._marks[child]}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != child.pid:
                try:
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def check(self, *, is_over: bool, clients: Iterable[str] = ("one",)) -> None:
        """Compare the log, the lines of the tasks and what the clients saw."""
        logs = asyncio.run(self._logs())
        seen = {client: self._seen(client) for client in clients}
        lines = self._lines()
        trouble = self.figures.troubles.append
        for execution, events in logs.items():
            if [event.seq for event in events] != list(range(1, len(events) + 1)):
                trouble(f"{execution}: the sequence of events has gaps")
            if is_over and not isinstance(events[-1], WorkflowCompleted):
                trouble(f"{execution}: did not finish, ends with {events[-1]}")
            self._check_tasks(execution, events, lines)
        for execution, _, _ in lines:
            if execution not in logs:
                trouble(f"{execution}: ran tasks and is not in the log")
        for execution, *_ in self._words("submitted"):
            if execution not in logs:
                trouble(f"{execution}: was accepted and is not in the log")
        for client, told in seen.items():
            for execution, events in logs.items():
                self._check_seen(f"{execution} seen by {client}", events, told.get(execution, []), is_over)
        for words in self._words("trouble"):
            trouble(" ".join(words))
        if not is_over:
            self.figures.unfinished_at_kills += sum(not _is_over(events) for events in logs.values())
            return
        self.figures.executions = len(logs)
        self.figures.moves = dict(Counter(name for (name,) in self._words("moves")))
        self.figures.tasks = len({line[:2] for line in lines})
        self.figures.runs = sum(lines.values())
        self.figures.events = sum(map(len, logs.values()))
        recovered = [event for events in logs.values() for event in events if isinstance(event, WorkflowRecovered)]
        self.figures.recovered = len(recovered)
        self.figures.in_flight = sum(len(event.tasks) for event in recovered)

    def _check_tasks(self, execution: str, events: list[Event], lines: Counter[tuple[str, str, int]]) -> None:
        trouble = self.figures.troubles.append
        started: dict[str, int] = {}
        done: set[str] = set()
        succeeded: dict[str, int] = {}
        for event in events:
            if isinstance(event, TaskStarted):
                if event.task in done:
                    trouble(f"{execution} {event.task}: started again after it had finished")
                if event.attempt != started.get(event.task, 0) + 1:
                    trouble(f"{execution} {event.task}: attempt {event.attempt} after {started.get(event.task, 0)}")
                started[event.task] = event.attempt
            elif isinstance(event, WorkflowRetried):
                done -= set(event.tasks)
            elif isinstance(event, TaskCompleted):
                if event.task in done:
                    trouble(f"{execution} {event.task}: finished twice")
                done.add(event.task)
                if event.status is TaskStatus.SUCCEEDED:
                    succeeded[event.task] = event.attempt
        for (where, task, attempt), count in lines.items():
            if where == execution:
                if count > 1:
                    trouble(f"{execution} {task}: attempt {attempt} ran {count} times")
                if attempt > started.get(task, 0):
                    trouble(f"{execution} {task}: attempt {attempt} ran and was never started")
        for task, attempt in succeeded.items():
            # What had expanded before a retry goes on with its sub-workflow, and does not run again itself.
            if not any(lines[execution, task, number] for number in range(1, attempt + 1)):
                trouble(f"{execution} {task}: succeeded without having run")

    def _check_seen(self, told: str, events: list[Event], seen: list[tuple[int, str]], is_over: bool) -> None:
        trouble = self.figures.troubles.append
        if [seq for seq, _ in seen] != list(range(1, len(seen) + 1)):
            trouble(f"{told}: {[seq for seq, _ in seen]} is not without gaps or repetitions")
        if len(seen) > len(events):
            trouble(f"{told}: {len(seen)} events, of which only {len(events)} are on disk")
        if is_over and len(seen) < len(events):
            trouble(f"{told}: only {len(seen)} of {len(events)} events")
        for (_, text), event in zip(seen, events, strict=False):
            if text != encode_events([event]).decode():
                trouble(f"{told}: {text[:200]} is on disk as {str(event)[:200]}")
                break

    async def _logs(self) -> dict[str, list[Event]]:
        store = SqliteStore.open(self.folder / "data")
        try:
            lines = await store.summaries(limit=100_000)
            return {line.id: await store.events(line.id) for line in lines}
        finally:
            await store.close()

    def _seen(self, client: str) -> dict[str, list[tuple[int, str]]]:
        found: dict[str, list[tuple[int, str]]] = {}
        for execution, seq, *rest in self._words(f"seen-{client}"):
            found.setdefault(execution, []).append((int(seq), " ".join(rest)))
        return found

    def _lines(self) -> Counter[tuple[str, str, int]]:
        return Counter((execution, task, int(attempt)) for execution, task, attempt, _ in self._words("lines"))

    def _words(self, file: str) -> list[list[str]]:
        path = self.folder / file
        return [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []


def _is_over(events: list[Event]) -> bool:
    return isinstance(events[-1], WorkflowCompleted)
