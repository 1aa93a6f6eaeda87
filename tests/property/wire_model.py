"""The server's whole side of the wire without a network, under a clock that jumps, and a model of a client.

Real are the orchestrator with its drivers, hub and mailboxes, the sockets' conversations and pumps, and
the bytes that they write. Only what surrounds them is made for tests: a store that takes its time, an
executor whose attempts do what the test says, and wires that delay, cut and hold back.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.errors import WorkflowError
from wf_jupyter.model.events import Event, Failure, ResultInfo
from wf_jupyter.model.graph import GraphSpec, NodeSpec, ResultSpec
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.model.policy import TaskOptions
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import (
    AttemptFailed,
    AttemptStopped,
    AttemptSucceeded,
    Command,
    Printed,
    Progressed,
    Report,
)
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.ports import Attempt, ReportSink
from wf_jupyter.protocol.messages import Action
from wf_jupyter.server.rate_limit import Identity, RateLimiter
from wf_jupyter.server.ws.rpc_session import RpcSession
from wf_jupyter.server.ws.sender import Sender
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.orchestrator import Orchestrator
from wf_jupyter.store.memory import MemoryData, MemoryStore

START = datetime(2026, 1, 1, tzinfo=UTC)
BLOB = Digest("b")


class _Selector(selectors.SelectSelector):
    """Never waits: what would have been waiting time passes at once."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            raise RuntimeError("the loop waits for something that never comes")
        if not found and timeout:
            self.passed += timeout
        return found


class _SameThread(ThreadPoolExecutor):
    """Threads would bring back real time."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **options))
        except BaseException as error:
            future.set_exception(error)
        return future


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when everybody waits, and then at once."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self.set_default_executor(_SameThread(1))

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._virtual.passed


class SluggishStore(MemoryStore):
    """Takes a random while before and after it looks, so that everything may happen in between."""

    def __init__(self, data: MemoryData, chance: random.Random) -> None:
        super().__init__(data)
        self._chance = chance
        self.commits: dict[str, list[int]] = data.__dict__.setdefault("commits", {})

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.choice((0, 0.001, 0.02, 0.1)))

    async def append(self, batch: Any) -> None:
        """Slowly."""
        await self._pause()
        await super().append(batch)
        self.commits.setdefault(batch.execution, [0]).append(batch.events[-1].seq if batch.events else 0)
        await self._pause()

    async def events(self, execution: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Slowly."""
        await self._pause()
        found = await super().events(execution, after, limit)
        await self._pause()
        return found

    async def record(self, execution: str) -> Any:
        """Slowly."""
        await self._pause()
        found = await super().record(execution)
        await self._pause()
        return found


class Puppets:
    """An executor whose attempts do nothing by themselves."""

    def __init__(self, report: ReportSink) -> None:
        self._report = report
        self.running: dict[tuple[str, str, int], Attempt] = {}

    def slots(self, limit: int) -> Sequence[str]:
        """Two workers."""
        return ["w0", "w1"][: max(0, min(limit, 2 - len(self.running)))]

    def start(self, attempt: Attempt, worker: str) -> None:
        """Remember it."""
        self.running[attempt.execution, attempt.task, attempt.number] = attempt

    def stop(self, execution: str, task: str, number: int) -> None:
        """At once."""
        if self.running.pop((execution, task, number), None) is not None:
            self._report(execution, AttemptStopped(task=task, attempt=number, duration=0.0))

    async def close(self) -> None:
        """Nothing to kill."""
        self.running.clear()

    def do(self, which: int, what: str) -> None:
        """Let one of the running attempts do something."""
        if not self.running:
            return
        execution, task, number = key = sorted(self.running)[which % len(self.running)]
        report: Report
        match what:
            case "print":
                report = Printed(task=task, attempt=number, stream="stdout", text="x")
            case "progress":
                report = Progressed(task=task, attempt=number, done=1.0, total=2.0)
            case "succeed":
                report = AttemptSucceeded(task=task, attempt=number, duration=1.0, result=ResultInfo(type="int"))
            case _:
                failure = Failure(kind="raised", type="ValueError", message="no")
                report = AttemptFailed(task=task, attempt=number, duration=1.0, failure=failure)
        if what in ("succeed", "fail"):
            del self.running[key]
        self._report(execution, report)


class Host:
    """What conversations and pumps ask: the orchestrator of the moment, on the same loop."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator

    async def ask(self, question: Callable[[Orchestrator], Coroutine[Any, Any, Any]]) -> Any:
        """Let the orchestrator answer."""
        return await question(self.orchestrator)


class _Anybody:
    identity = Identity("me", "kernel")
    person = ""

    async def require(self, action: Action) -> None:
        """May do everything."""


class Wire:
    """One connection. Frames that the server wrote wait in `frames`; a full window makes the server wait."""

    def __init__(self, server: Server, limit: int, window: int) -> None:
        loop = asyncio.get_running_loop()
        self.frames: deque[dict[str, Any]] = deque()
        self.is_cut = False
        self._window = window
        self._room = asyncio.Event()
        self._room.set()
        self._pump = Sender(host=server.host, write=self._write, heartbeat=10.0, deadline=1e6, limit=limit)  # type: ignore[arg-type]
        self._conversation = RpcSession(
            host=server.host,  # type: ignore[arg-type]
            mailbox=self._pump.mailbox,
            sender=self._pump,
            caller=_Anybody(),
            limiter=RateLimiter(1, 0),
            message_limit=1 << 20,
            subscription_limit=100,
        )
        self._running = loop.create_task(self._pump.run())
        self._requests: asyncio.Queue[str] = asyncio.Queue()
        self._listening = loop.create_task(self._listen())

    def request(self, identity: int, method: str, **params: Any) -> None:
        """What a client sends; arrives in order."""
        frame = {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}
        self._requests.put_nowait(json.dumps(frame))

    async def cut(self) -> None:
        """The connection is lost, with everything that was under way."""
        self.is_cut = True
        self.frames.clear()
        self._running.cancel()
        self._listening.cancel()
        await asyncio.gather(self._running, self._listening, return_exceptions=True)
        await self._conversation.end()

    def receive(self) -> dict[str, Any] | None:
        """The next frame, if any arrived."""
        frame = self.frames.popleft() if self.frames else None
        if len(self.frames) < self._window:
            self._room.set()
        return frame

    async def _listen(self) -> None:
        while True:
            await self._conversation.receive(await self._requests.get())

    async def _write(self, frame: bytes) -> None:
        await self._room.wait()
        self.frames.append(json.loads(frame))
        if len(self.frames) >= self._window:
            self._room.clear()


class Client:
    """Follows executions by the rules of docs/protocol.md, and nothing else."""

    def __init__(self) -> None:
        self.pictures: dict[str, Picture] = {}
        self.wire: Wire | None = None
        self.asked: dict[int, str] = {}
        self.missing: set[str] = set()
        self._ids = itertools.count(1)

    def connect(self, wire: Wire, executions: Iterable[str]) -> None:
        """Take up a new connection and go on from where we are."""
        self.wire = wire
        self.asked.clear()
        self.missing.clear()
        for execution in executions:
            self.subscribe(execution)

    def subscribe(self, execution: str) -> None:
        """Ask for what comes after what we have."""
        assert self.wire is not None
        picture = self.pictures.get(execution)
        known = {"after": picture.snapshot.seq, "epoch": picture.snapshot.epoch} if picture else {}
        for number in [number for number, asked in self.asked.items() if asked == execution]:
            del self.asked[number]
        number = next(self._ids)
        self.asked[number] = execution
        self.wire.request(number, "subscribe", execution_id=execution, **known)

    def read(self, most: int = 1 << 30) -> None:
        """Take frames that have arrived."""
        while self.wire is not None and most > 0 and (frame := self.wire.receive()) is not None:
            most -= 1
            self.take(frame)

    def take(self, frame: dict[str, Any]) -> None:
        """One frame, perhaps for the second time."""
        params = frame.get("params", {})
        match frame.get("method"):
            case None:
                self._answered(frame)
            case "events":
                if params["execution_id"] not in self.asked.values():
                    self._happened(params["execution_id"], params["events"])
            case "snapshot" if params["execution_id"] not in self.asked.values():
                self._replace(params["execution_id"], params["snapshot"])
            case _:
                pass

    def _answered(self, frame: dict[str, Any]) -> None:
        execution = self.asked.pop(frame["id"], None)
        if execution is None:
            return
        if "error" in frame:
            assert frame["error"]["code"] == -32001, frame
            self.pictures.pop(execution, None)
            self.missing.add(execution)
            return
        result = frame["result"]
        if result["recovered"]:
            picture = self.pictures[execution]
            assert (result["seq"], result["epoch"]) == (picture.snapshot.seq, picture.snapshot.epoch)
        else:
            self._replace(execution, result["snapshot"])

    def _replace(self, execution: str, snapshot: dict[str, Any]) -> None:
        read = msgspec.convert(snapshot, Snapshot)
        known = self.pictures.get(execution)
        if known is None or known.snapshot.epoch != read.epoch or known.snapshot.seq < read.seq:
            self.pictures[execution] = Picture(read)

    def _happened(self, execution: str, events: list[dict[str, Any]]) -> None:
        picture = self.pictures.get(execution)
        if picture is None:
            return
        for event in events:
            if event["seq"] <= picture.snapshot.seq:
                continue
            if event["seq"] > picture.snapshot.seq + 1:
                self.subscribe(execution)
                return
            picture.fold(msgspec.convert(event, Event))


class Server:
    """An orchestrator on a data directory; both can be exchanged."""

    def __init__(self, chance: random.Random, **settings: Any) -> None:
        self.data = MemoryData()
        self._chance = chance
        self._settings = settings
        self._seconds = itertools.count()
        self.puppets: Puppets
        self.host: Host

    async def start(self) -> None:
        """Start and take over what is not finished."""

        def factory(name: str, environment: Environment, report: ReportSink) -> Puppets:
            self.puppets = Puppets(report)
            return self.puppets

        self.puppets = Puppets(lambda execution, report: None)
        config = RuntimeConfig(data_dir=Path("unused"), **self._settings)
        self.host = Host(Orchestrator(SluggishStore(self.data, self._chance), factory, self._clock, config))
        await self.host.orchestrator.recover()

    async def stop(self) -> None:
        """Stop; what is not finished goes on with the next start."""
        await self.host.orchestrator.close()

    def wipe(self, kept: int, *, is_copy: bool = False) -> None:
        """Another data directory, or an older copy of this one, where the executions got only `kept` events far."""
        data = MemoryData()
        if is_copy:
            data.epoch = self.data.epoch
        for execution, old in self.data.executions.items():
            kept_events = max(seq for seq in self.data.__dict__["commits"][execution] if seq <= kept)
            if kept_events:
                data.executions[execution] = type(old)(
                    submission=old.submission,
                    created=old.created,
                    owned_by="nobody",
                    status=ExecutionStatus.RUNNING,
                    events=old.events[:kept_events],
                    blobs=dict(old.blobs),
                )
                data.__dict__.setdefault("commits", {})[execution] = [0, kept_events]
        self.data = data

    async def submit(self, tasks: int) -> str:
        """A chain of tasks with a retry each."""
        nodes = tuple(
            NodeSpec(
                key=TaskKey(f"t{number}"),
                name=f"t{number}",
                code=BLOB,
                call=BLOB,
                options=TaskOptions(retries=1, retry_delay=0.5),
            )
            for number in range(tasks)
        )
        submission = Submission(
            workflow="chain",
            graph=GraphSpec(nodes=nodes, result=ResultSpec(template=BLOB)),
            blobs={BLOB: b"blob"},
            environment=Environment(executable="python", directory="/", path=()),
        )
        return await self.host.orchestrator.submit(submission)

    async def command(self, execution: str, command: Command) -> None:
        """As a person would; a refusal is fine."""
        with contextlib.suppress(WorkflowError):
            await self.host.orchestrator.command(execution, command)

    def _clock(self) -> datetime:
        return START + timedelta(seconds=next(self._seconds))


def truth(data: MemoryData, execution: str, seq: int) -> Snapshot | None:
    """The fold of the first `seq` events on disk; None when there are not so many."""
    found = data.executions.get(execution)
    if found is None or seq > len(found.events):
        return None
    picture = Picture(empty(execution, data.epoch, found.created, found.submission.workflow))
    for event in found.events[:seq]:
        picture.fold(event)
    return picture.snapshot
