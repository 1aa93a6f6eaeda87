"""Events: durable facts about one execution, in the past tense.

`seq` starts at 1 and has no gaps within an execution; `time` is UTC. An event names what a person
may see; values of users never enter it, only bounded previews. Adding an event here makes every
`match` over `Event` fail the type check until it is handled.

`epoch`, where an event has one, names the stretch of the log that begins with it: a random name made
by the orchestrator that writes from here on. Empty when the same one goes on writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from wf_jupyter.model.reason import Reason, reason_of_error
from wf_jupyter.model.record import Record
from wf_jupyter.model.status import ExecutionStatus, TaskStatus

#: The type of a failure that is no doing of the task's: a node of a cluster went, and the attempt with it.
NODE_LOST = "NodeLost"


class Failure(Record, msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Reason why an attempt did not succeed, as text.

    `kind` is who is to blame: `raised` (the task's own exception), `timeout`, `cancelled`,
    `worker_lost` (crash, `os._exit`, killed), `upstream` (a task of the graph that it returned),
    `value` (an input or result that cannot be encoded, decoded or is too large) or `definition` (a map
    over something that is no list).
    `retriable` is False when `retry_on` does not name the exception.
    """

    kind: Literal["raised", "timeout", "cancelled", "worker_lost", "upstream", "value", "definition"]
    type: str
    message: str
    traceback: str = ""
    retriable: bool = True

    @property
    def is_of_the_node(self) -> bool:
        """Whether the task may run again without using up one of its retries."""
        return self.kind == "worker_lost" and self.type == NODE_LOST


class ResultInfo(Record, msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A result as people see it: class name, bounded text, size in bytes, and data facts.

    `length` is `len()` where that means something, `shape` a tuple of sizes for arrays and frames.
    """

    type: str
    text: str = ""
    size: int = 0
    length: int | None = None
    shape: tuple[int, ...] | None = None
    html: str | None = None


class Usage(Record, msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Usage of one attempt: seconds of the processor, and bytes of its process's memory at the peak.

    `memory` is None where several attempts share a process, and for those of a few milliseconds.
    """

    cpu: float = 0.0
    memory: int | None = None


class TaskInfo(Record, msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is added: `dependencies` are keys of tasks or of groups."""

    key: str
    name: str
    group: str | None = None
    dependencies: tuple[str, ...] = ()


class GroupInfo(Record, msgspec.Struct, frozen=True, kw_only=True):
    """A mapped task or a sub-workflow as a whole; `size` is None until the number of items is known.

    A group that could not be expanded (its upstream failed, or gave no list) gets one task with the
    group's own key, which carries the reason.
    """

    key: str
    name: str
    kind: Literal["map", "workflow"]
    size: int | None = None
    group: str | None = None
    dependencies: tuple[str, ...] = ()


class _Event(Record, msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    seq: int
    time: datetime

    @property
    def type(self) -> str:
        """The kind of event, for example `task.completed`."""
        return str(self.__struct_config__.tag)

    def keys(self) -> tuple[str, ...]:
        return ("type", *self.__struct_fields__)


class WorkflowStarted(_Event, frozen=True, kw_only=True, tag="workflow.started"):
    """The execution exists: the first event of every one. `task_count` counts what is known so far."""

    workflow: str
    inputs: Mapping[str, str] = {}
    task_count: int = 0
    epoch: str = ""


class TasksAdded(_Event, frozen=True, kw_only=True, tag="tasks.added"):
    """The graph, and every later growth of it. A group that is already known gets its size."""

    tasks: tuple[TaskInfo, ...] = ()
    groups: tuple[GroupInfo, ...] = ()


class TaskStarted(_Event, frozen=True, kw_only=True, tag="task.started"):
    """An attempt (from 1) was handed to a worker. That it began later is said by the event that ends it."""

    task: str
    attempt: int
    worker: str = ""


class TaskProgress(_Event, frozen=True, kw_only=True, tag="task.progress"):
    """A running task reported how far it is; `total` is None when unknown."""

    task: str
    done: float
    total: float | None = None
    text: str | None = None


class TaskLog(_Event, frozen=True, kw_only=True, tag="task.log"):
    """Text that a task printed or logged."""

    task: str
    attempt: int
    stream: str
    text: str


class TaskOutput(_Event, frozen=True, kw_only=True, tag="task.output"):
    """Something a task displayed: MIME type → content (text, or base64 for binary types)."""

    task: str
    attempt: int
    data: Mapping[str, str]


class TaskRetrying(_Event, frozen=True, kw_only=True, tag="task.retrying"):
    """An attempt failed and another follows after `delay` seconds. `started` as in `task.completed`."""

    task: str
    attempt: int
    error: Failure
    delay: float
    usage: Usage | None = None
    started: datetime | None = None


class TaskRequeued(_Event, frozen=True, kw_only=True, tag="task.requeued"):
    """An attempt had not begun where it was handed to: it counts as not started, and the task waits for a place."""

    task: str
    attempt: int


class TaskCancelling(_Event, frozen=True, kw_only=True, tag="task.cancelling"):
    """Somebody asked for a running attempt to be stopped; `task.completed` follows when it has."""

    task: str
    attempt: int


class TaskCompleted(_Event, frozen=True, kw_only=True, tag="task.completed"):
    """A task reached a final status. `attempt` is how many were started; `duration` that of the last, in seconds.

    `started` is when the last attempt began to run, unless that was when it was handed to its worker.
    `reason` is why it was skipped, or stopped because another one failed: that is no error of its own.
    `lengths` gives the number of items of each part of the result that is mapped over, and
    `truth` whether the result is truthy, when the graph asked for it.
    """

    task: str
    attempt: int
    status: TaskStatus
    duration: float = 0.0
    error: Failure | None = None
    reason: Reason | None = None
    result: ResultInfo | None = None
    lengths: Mapping[str, int] = {}
    truth: bool | None = None
    usage: Usage | None = None
    started: datetime | None = None


def reason_of(event: TaskCompleted) -> Reason | None:
    """The reason that the event carries, also where an older log has it as an error of a skipped task."""
    error = event.error
    if event.reason is not None or event.status is not TaskStatus.SKIPPED or error is None:
        return event.reason
    return reason_of_error(error.type, error.message)


class WorkflowPaused(_Event, frozen=True, kw_only=True, tag="workflow.paused"):
    """No new task starts until resumed; running ones end."""


class WorkflowResumed(_Event, frozen=True, kw_only=True, tag="workflow.resumed"):
    """Tasks start again."""


class WorkflowCancelling(_Event, frozen=True, kw_only=True, tag="workflow.cancelling"):
    """Cancel was asked for; running tasks are being stopped."""

    reason: str = ""


class WorkflowRetried(_Event, frozen=True, kw_only=True, tag="workflow.retried"):
    """`tasks` were reset to pending and run again."""

    tasks: tuple[str, ...] = ()
    epoch: str = ""


class WorkflowInterrupted(_Event, frozen=True, kw_only=True, tag="workflow.interrupted"):
    """The orchestrator that ran the execution is gone; `reason` says why it does not go on by itself."""

    epoch: str = ""
    reason: str = ""


class WorkflowRecovered(_Event, frozen=True, kw_only=True, tag="workflow.recovered"):
    """An orchestrator took the execution over; the attempts of `tasks` were in flight and run again."""

    tasks: tuple[str, ...] = ()
    epoch: str = ""


class WorkflowCompleted(_Event, frozen=True, kw_only=True, tag="workflow.completed"):
    """The execution reached a final status; `failed` names the tasks that failed, at most 100."""

    status: ExecutionStatus
    duration: float = 0.0
    result: ResultInfo | None = None
    failed: tuple[str, ...] = ()
    failed_count: int = 0


Event = (
    WorkflowStarted
    | TasksAdded
    | TaskStarted
    | TaskProgress
    | TaskLog
    | TaskOutput
    | TaskRetrying
    | TaskRequeued
    | TaskCancelling
    | TaskCompleted
    | WorkflowPaused
    | WorkflowResumed
    | WorkflowCancelling
    | WorkflowRetried
    | WorkflowInterrupted
    | WorkflowRecovered
    | WorkflowCompleted
)

#: Those that a subscriber to all executions (`"*"`) receives.
WORKFLOW_EVENTS = (
    WorkflowStarted,
    WorkflowPaused,
    WorkflowResumed,
    WorkflowCancelling,
    WorkflowRetried,
    WorkflowInterrupted,
    WorkflowRecovered,
    WorkflowCompleted,
)
