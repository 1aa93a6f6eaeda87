"""An execution as people see it at one `seq`: the fold of its events up to there (`engine.fold`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from wf_jupyter.model.events import Failure, ResultInfo
from wf_jupyter.model.reason import Reason
from wf_jupyter.model.record import Record
from wf_jupyter.model.status import ExecutionStatus, TaskStatus


class Progress(Record, msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Progress of a task."""

    done: float
    total: float | None = None
    text: str | None = None


class TaskSnapshot(Record, msgspec.Struct, kw_only=True, omit_defaults=True):
    """One task. `attempts` is how many were started; `started` and `ended` are those of the last.

    `cancelling` says that a running task was asked to stop. `duration` is in seconds, as the worker
    measured it; None while there is none. `reason` is why it was skipped, or stopped because another one failed.
    """

    key: str
    name: str
    status: TaskStatus
    group: str | None
    dependencies: tuple[str, ...]
    attempts: int
    worker: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    duration: float | None = None
    progress: Progress | None = None
    error: Failure | None = None
    reason: Reason | None = None
    result: ResultInfo | None = None
    retry_at: datetime | None = None
    logged: int = 0
    displayed: int = 0
    cancelling: bool = False


class GroupSnapshot(Record, msgspec.Struct, kw_only=True):
    """A mapped task or sub-workflow as a whole; `size` is None until known."""

    key: str
    name: str
    kind: Literal["map", "workflow"]
    size: int | None = None
    group: str | None = None
    dependencies: tuple[str, ...] = ()


class Parked(Record, msgspec.Struct, frozen=True, kw_only=True):
    """Reason why an execution that has not ended does not move: a fact about its orchestrator, not in its log unless
    that says that it was interrupted.

    `waiting`: it goes on by itself as soon as the cause has passed. `stopped`: it goes on when somebody
    resumes it. `unreadable`: what is stored of it cannot be read. The next event says that it has passed.
    """

    kind: Literal["waiting", "stopped", "unreadable"]
    reason: str
    since: datetime


class Standing(Protocol):
    """Anything that has the state of an execution: a snapshot, a line of a list, an answer."""

    @property
    def status(self) -> ExecutionStatus:
        """The execution's status."""
        ...

    @property
    def parked(self) -> Parked | None:
        """The reason why the execution does not move."""
        ...


def is_at_rest(snapshot: Standing) -> bool:
    """Whether nothing more happens unless somebody asks for it: the execution ended, or is parked for good."""
    return snapshot.status.is_final or (snapshot.parked is not None and snapshot.parked.kind != "waiting")


def status_word(snapshot: Standing) -> str:
    """The status in a word, as people should read it: one that does not move is never called running."""
    if snapshot.parked is None or (
        snapshot.status is ExecutionStatus.INTERRUPTED and snapshot.parked.kind == "stopped"
    ):
        return snapshot.status.value
    return "unreadable" if snapshot.parked.kind == "unreadable" else "parked"


class Snapshot(Record, msgspec.Struct, kw_only=True):
    """A whole execution at `seq`. `counts` has every task status as a key; times are UTC."""

    id: str
    workflow: str
    status: ExecutionStatus
    epoch: str
    seq: int
    created: datetime
    counts: dict[str, int]
    inputs: Mapping[str, str] = {}
    started: datetime | None = None
    ended: datetime | None = None
    duration: float | None = None
    result: ResultInfo | None = None
    failed: tuple[str, ...] = ()
    parked: Parked | None = None
    groups: list[GroupSnapshot] = []
    tasks: list[TaskSnapshot] = []


class Summary(Record, msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list of executions. `inputs` are the first few, each in a few words."""

    id: str
    workflow: str
    status: ExecutionStatus
    seq: int
    created: datetime
    ended: datetime | None = None
    counts: Mapping[str, int] = {}
    parked: Parked | None = None
    owner: str = ""
    inputs: Mapping[str, str] = {}


#: Inputs that a line has room for, and characters of each.
_INPUTS = 6
_INPUT = 60


def inputs_in_short(inputs: Mapping[str, str]) -> dict[str, str]:
    """The inputs as one line of a list shows them."""
    return {
        name: text if len(text) <= _INPUT else f"{text[: _INPUT - 1]}…" for name, text in list(inputs.items())[:_INPUTS]
    }
