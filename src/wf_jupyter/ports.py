"""The ports of the orchestrator to the world, as small protocols.

Adapters live in `store/` and `executors/`; every adapter of a port passes the same contract suite.
All methods are called on the orchestrator's event loop unless their docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from wf_jupyter.model.directory import DataDirectory, Ownership
from wf_jupyter.model.events import Event, Failure, ResultInfo
from wf_jupyter.model.history import Experience
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.snapshot import Summary
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Report, Value
from wf_jupyter.model.submission import Environment, Expansion, Submission

# -- attempts ---------------------------------------------------------------------------------


class Whole(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """An encoded value: its bytes, or the absolute path of the file that holds them."""

    data: bytes | None = None
    path: str | None = None


class Item(msgspec.Struct, frozen=True, tag=True):
    """Item `index` of a value that was stored as separately readable items."""

    of: Whole
    index: int


class Many(msgspec.Struct, frozen=True, tag=True):
    """A list, one input per element: the value of a mapped task."""

    items: tuple[Input, ...]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The `TaskError` of a task whose failure is allowed."""

    task: str
    failure: Failure


class Absent(msgspec.Struct, frozen=True, tag=True):
    """No value: the task was skipped or cancelled."""


class Built(msgspec.Struct, frozen=True, tag=True):
    """A value that a graph returned: an encoded template with references into `inputs`."""

    template: bytes
    inputs: tuple[Input, ...]


Input = Whole | Item | Many | Failed | Absent | Built


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt of one task, with all that a worker needs to run it.

    `inputs` stand in the order of the node's needs; then one per mapped parameter, named in `over`.
    A result larger than `inline_limit` bytes is written as a file into `directory`. Of what it prints,
    `log_limit` characters are reported. `index` is the item's position when the task is a mapped item.
    `coverage` is the encoded `Coverage` of a node that uses the cache. It gets so many GPUs (`devices`) of its own, may
    hold so many bytes of `memory`, and its libraries start so many `threads`; 0 where the task says nothing.
    """

    execution: str
    task: str
    number: int
    name: str
    code: Digest
    code_data: bytes
    call_data: bytes
    inputs: tuple[Input, ...] = ()
    over: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    wants_truth: bool = False
    is_async: bool = False
    timeout: float | None = None
    directory: str = ""
    inline_limit: int = 65536
    size_limit: int = 1 << 40
    log_limit: int = 64 << 20
    index: int | None = None
    coverage: bytes = b""
    devices: int = 0
    memory: int = 0
    threads: int = 0


# -- outcomes ---------------------------------------------------------------------------------


class TaskFailure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task that failed, and its pickled exception when that could be pickled."""

    task: str
    failure: Failure
    error: bytes | None = None


class ExecutionResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of an execution, with all that a kernel needs to rebuild what the workflow returned.

    `template` is the encoded template of the result, `inputs` what stands for its references;
    `template` is None unless the execution succeeded.
    """

    status: ExecutionStatus
    template: bytes | None = None
    inputs: tuple[Input, ...] = ()
    failed: tuple[TaskFailure, ...] = ()
    info: ResultInfo | None = None


class Executor(Protocol):
    """Runs attempts somewhere.

    Every started attempt is answered by exactly one final report (succeeded, expanded, failed, stopped, or
    requeued when it has not begun and will not), given to the `report` callback of the constructor on the
    orchestrator's loop; reports of one attempt arrive in the order in which they happened. Losing a worker
    fails its attempts with `Failure(kind="worker_lost")` and hurts nothing else.
    """

    def slots(self, limit: int) -> Sequence[str]:
        """Names of workers that would take an attempt now: at most `limit`, one entry per attempt."""
        ...

    def start(self, attempt: Attempt, worker: str) -> None:
        """Hand an attempt to a worker named by `slots` since the last await."""
        ...

    def stop(self, execution: str, task: str, number: int) -> None:
        """Ask an attempt to stop: interrupt, and kill after a grace. It reports when it has stopped."""
        ...

    async def close(self) -> None:
        """Kill what still runs and wait until it is gone; nothing is reported afterwards. Idempotent."""
        ...


#: Called as `report(execution, report)`; also `report("", None)` when a slot became free otherwise.
ReportSink = Callable[[str, Report | None], None]
#: Opens the executor of that name for that environment.
ExecutorFactory = Callable[[str, Environment, ReportSink], Executor]

# -- storage ----------------------------------------------------------------------------------


class CacheEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `task` may be used again wherever `key` comes up; the rest is what `TaskCompleted` tells of it.

    Its values are those of the task. `created` is when they were computed, however often they were used since.
    """

    key: str
    task: str
    result: ResultInfo
    lengths: Mapping[str, int] = {}
    truth: bool | None = None
    created: datetime


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one turn of one execution makes durable, in one transaction.

    `submission` stands in the first batch of an execution only; its environment's variables are not
    stored. `status`, `counts` and `ended` update the row that lists are made from. `encoded` are the events as JSON,
    if they have been encoded already: what is stored is what subscribers are sent.
    """

    execution: str
    events: tuple[Event, ...]
    encoded: tuple[bytes, ...] = ()
    values: tuple[tuple[str, Value], ...] = ()
    expansions: tuple[tuple[str, Expansion], ...] = ()
    cache: tuple[CacheEntry, ...] = ()
    submission: Submission | None = None
    status: ExecutionStatus
    counts: Mapping[str, int] = {}
    ended: datetime | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as it was submitted. `submission.blobs` is empty: read them with `EventLog.blobs`.

    `expansions` are in the order in which they happened, as (task key, expansion).
    """

    submission: Submission
    created: datetime
    expansions: tuple[tuple[str, Expansion], ...] = ()


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Space of one execution: `size` bytes in the database, and its files, by a number that a shared file keeps.

    `ended` is None until it is final; `is_needed` says that an execution that is not final builds on it.
    """

    id: str
    ended: datetime | None
    size: int
    files: Mapping[int, int] = {}
    is_needed: bool = False


class HistoryStore(Protocol):
    """Store of how long finished executions and their tasks took."""

    async def write_history(self, execution: str, experience: Experience) -> None:
        """Keep the summary of an execution for as long as the execution; `ExecutionNotFound`."""
        ...

    async def histories(self, workflow: str, before: str, limit: int) -> list[Experience]:
        """Summaries of older executions of the workflow than `before`, newest first."""
        ...


class EventLog(Protocol):
    """The durable truth. `epoch` names the data directory: a wiped one gets a new epoch."""

    epoch: str

    async def append(self, batch: Batch) -> None:
        """Make a batch durable: all of it or nothing.

        Batches of one execution are committed in the order of the calls; `seq` continues without a
        gap, else `StoreError`. Raises `StoreError` when the disk is full or the database broken;
        then nothing of the batch is stored.
        """
        ...

    async def events(self, execution: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Events with `seq > after`, in order. Event types from a newer version are left out."""
        ...

    async def record(self, execution: str) -> Record:
        """The execution as submitted; `ExecutionNotFound`."""
        ...

    async def blobs(self, execution: str) -> dict[Digest, bytes]:
        """Every blob of the execution and of its expansions."""
        ...

    async def blob(self, execution: str, digest: Digest) -> bytes | None:
        """One of them, or None when the execution has no such blob."""
        ...

    async def summaries(
        self,
        *,
        status: ExecutionStatus | None = None,
        workflow: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Summary]:
        """Executions, newest first; `before` is the id of the last one of the previous page."""
        ...

    async def summary(self, execution: str) -> Summary:
        """The line of one of them; `ExecutionNotFound`."""
        ...

    async def delete(self, execution: str) -> None:
        """Forget an execution with all its events, values and files.

        Raises:
            ExecutionNotFound: there is none.
            StateConflict: it is not final, and another orchestrator that lives owns it.
        """
        ...

    async def holdings(self) -> list[Holding]:
        """Space that every execution occupies."""
        ...


class ValueStore(Protocol):
    """Encoded results and whole logs."""

    async def values(self, execution: str, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Value]:
        """Values by (task key, part), as in `Value.part`; those that do not exist are left out."""
        ...

    def directory(self, execution: str) -> Path:
        """Where workers write this execution's large values; exists when returned."""
        ...

    def logs(self, execution: str) -> Path:
        """Where whole logs of this execution's tasks are kept; made by whoever writes the first."""
        ...

    async def adopt(self, values: Sequence[Value], into: str) -> tuple[Value, ...] | None:
        """Values of another execution as values of `into`, which keeps them however the other one ends.

        Files are linked, not copied. None when one of them does not exist any more.
        """
        ...

    async def cached(self, key: str, into: str) -> tuple[CacheEntry, str, tuple[Value, ...]] | None:
        """The newest result under that key: its entry, the execution it is from, and its values, adopted by `into`.

        None when there is none, or when a file of it does not exist any more.
        """
        ...


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow that can be executed by name. `code` is the pickled workflow, read by workers only.

    `parameters` is a JSON Schema of the inputs.
    """

    name: str
    version: int
    code: bytes
    environment: Environment
    parameters: Mapping[str, object]
    options: ExecutionOptions = ExecutionOptions()
    description: str = ""
    published: datetime


class WorkflowStore(Protocol):
    """Published workflows, every version kept."""

    async def publish(self, workflow: Published) -> Published:
        """Store as the newest version; the same code, parameters and environment keep their version."""
        ...

    async def workflow(self, name: str, version: int | None = None) -> Published:
        """The newest (or that) version; `WorkflowNotFound`."""
        ...

    async def workflows(self) -> list[Published]:
        """The newest version of each, by name."""
        ...


class Store(EventLog, ValueStore, WorkflowStore, HistoryStore, DataDirectory, Ownership, Protocol):
    """All of a data directory."""

    async def close(self) -> None:
        """Commit what is queued and release the directory. Idempotent."""
        ...


# -- transport --------------------------------------------------------------------------------


class Notifier(Protocol):
    """Told of every committed batch, in order per execution. Must return at once and not raise."""

    def notify(self, execution: str, workflow: str, events: Sequence[Event]) -> None:
        """The events of one execution that just became durable."""
        ...


Clock = Callable[[], datetime]
