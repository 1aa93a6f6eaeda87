"""JSON answers of the HTTP interface."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from wf_jupyter.model.events import Event, ResultInfo
from wf_jupyter.model.snapshot import Parked, Snapshot, Summary
from wf_jupyter.model.status import ExecutionStatus


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """`POST executions`. `id` and `execution_id` are the same."""

    id: str
    execution_id: str
    workflow: str
    status: ExecutionStatus


class ExecutionPage(msgspec.Struct, frozen=True, kw_only=True):
    """`GET executions`."""

    executions: list[Summary]


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """`GET executions/{id}/events`; `seq` is that of the last one, or the caller's `after`.

    `epoch` is that of the log at `after`; empty when the log ends before it.
    """

    execution_id: str
    epoch: str
    seq: int
    events: list[Event]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """`GET executions/{id}/ending`: where it stands at `seq`, without its tasks."""

    execution_id: str
    workflow: str
    status: ExecutionStatus
    epoch: str
    seq: int
    parked: Parked | None = None


def standing(snapshot: Snapshot) -> Standing:
    """The standing of an execution, taken from a snapshot."""
    return Standing(
        execution_id=snapshot.id,
        workflow=snapshot.workflow,
        status=snapshot.status,
        epoch=snapshot.epoch,
        seq=snapshot.seq,
        parked=snapshot.parked,
    )


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """Usual values: of `count` values, as a rule seconds of successful attempts."""

    count: int
    p10: float
    p50: float
    p90: float
    p95: float


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """`GET executions/{id}/history`: from how many earlier executions, and what is usual.

    `tasks` by task name; by group name how long mapped tasks and sub-workflows take as a whole
    (`groups`), and how many items the mapped ones have (`sizes`).
    """

    workflow: str
    executions: int
    tasks: Mapping[str, Usual]
    groups: Mapping[str, Usual] = {}
    sizes: Mapping[str, Usual] = {}


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """Text that a task printed or logged."""

    attempt: int
    stream: str
    text: str
    seq: int
    time: datetime


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/tasks/{key}/logs`."""

    task: str
    logs: list[LogLine]


class LogStretch(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/tasks/{key}/log`: a stretch of what an attempt printed, stdout and stderr as they came.

    Positions count bytes of UTF-8. `end` is where the next stretch begins; `size` how much there is by now.
    """

    text: str
    end: int
    size: int


class FoundLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a log, shortened around what was found: its number from 1, and the byte that it begins at."""

    line: int
    offset: int
    text: str


class FoundPage(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/tasks/{key}/search`: the first lines, and how many there are in all."""

    task: str
    attempt: int
    lines: list[FoundLine]
    count: int


class TaskInput(msgspec.Struct, frozen=True, kw_only=True):
    """One argument of a task, shortened, and the keys of the tasks or groups whose results it holds.

    Without `text` it is that result itself; a `text` such as `['rows'][3]` beside one source is a part of it.
    """

    name: str
    text: str
    sources: list[str]


class InputPage(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/tasks/{key}/inputs`, in the order of the call."""

    task: str
    inputs: list[TaskInput]


class TaskUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of all attempts of one task: seconds of the processor, and memory in bytes at the peak of any."""

    task: str
    attempts: int
    cpu: float
    memory: int | None = None


class UsagePage(msgspec.Struct, frozen=True, kw_only=True):
    """`GET executions/{id}/usage`: tasks that ran, in the order in which they ended, and all of them together.

    What was taken from the cache used nothing. `memory` is None where it was not measured.
    """

    cpu: float
    memory: int | None
    tasks: list[TaskUsage]


class OutputLine(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a task displayed."""

    attempt: int
    data: Mapping[str, str]
    seq: int
    time: datetime


class OutputPage(msgspec.Struct, frozen=True, kw_only=True):
    """`GET …/tasks/{key}/outputs`."""

    task: str
    outputs: list[OutputLine]


class ResultPage(msgspec.Struct, frozen=True, kw_only=True):
    """`GET executions/{id}/result` as JSON."""

    status: ExecutionStatus
    result: ResultInfo | None
    failed: list[str]


class WorkflowPage(msgspec.Struct, frozen=True, kw_only=True):
    """One published workflow, without its code."""

    name: str
    version: int
    description: str
    parameters: Mapping[str, Any]
    published: datetime


class WorkflowList(msgspec.Struct, frozen=True, kw_only=True):
    """`GET workflows`."""

    workflows: list[WorkflowPage]
