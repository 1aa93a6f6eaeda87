"""`fold(snapshot, event)`: the picture people see. Its twin in the browser is held to the same vectors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from wf_jupyter.model.events import (
    Event,
    TaskCancelling,
    TaskCompleted,
    TaskLog,
    TaskOutput,
    TaskProgress,
    TaskRequeued,
    TaskRetrying,
    TasksAdded,
    TaskStarted,
    WorkflowCancelling,
    WorkflowCompleted,
    WorkflowInterrupted,
    WorkflowPaused,
    WorkflowRecovered,
    WorkflowResumed,
    WorkflowRetried,
    WorkflowStarted,
    reason_of,
)
from wf_jupyter.model.snapshot import GroupSnapshot, Parked, Progress, Snapshot, TaskSnapshot
from wf_jupyter.model.status import ExecutionStatus, TaskStatus


class Picture:
    """A snapshot with an index by key, so that each event costs O(1).

    `snapshot` is the live object: copy it before handing it to another thread. `epochs` are the stretches
    of the log so far, each with the `seq` that it begins at.
    """

    def __init__(self, snapshot: Snapshot, epochs: Sequence[tuple[int, str]] = ()) -> None:
        self.snapshot = snapshot
        self.epochs = list(epochs) or [(snapshot.seq, snapshot.epoch)]
        self.tasks = {task.key: task for task in snapshot.tasks}
        self.groups = {group.key: group for group in snapshot.groups}

    def fold(self, event: Event) -> None:
        """Change the snapshot to what is true after `event`. An event for an unknown task changes only `seq`."""
        fold(self, event)

    def epoch_at(self, seq: int) -> str:
        """The stretch of the log that event `seq` is in; empty when the log does not reach that far."""
        if seq > self.snapshot.seq:
            return ""
        return next((epoch for first, epoch in reversed(self.epochs) if first <= seq), "")

    def holds(self, epoch: str, seq: int) -> bool:
        """Whether who knows the log up to `seq`, and its last stretch as `epoch`, knows this log and no other.

        A stretch has one writer, which went on from all that precedes it: the same name at the same place
        means the same events up to there. A log that lost its end, or was replaced by an older copy, goes
        on with a stretch of another name.
        """
        last = self.snapshot.seq
        for first, known in reversed(self.epochs):
            if known == epoch:
                return 0 <= seq <= last
            last = first - 1
        return False


def empty(execution: str, epoch: str, created: datetime, workflow: str = "") -> Snapshot:
    """The picture of an execution before its first event."""
    return Snapshot(
        id=execution,
        workflow=workflow,
        status=ExecutionStatus.PENDING,
        epoch=epoch,
        seq=0,
        created=created,
        counts={status.value: 0 for status in TaskStatus},
        groups=[],
        tasks=[],
    )


def fold(picture: Picture, event: Event) -> None:
    """Apply an event to the snapshot of `picture` (`Picture.fold`)."""
    snapshot = picture.snapshot
    snapshot.seq = event.seq
    if isinstance(event, _WITH_EPOCH) and event.epoch:
        snapshot.epoch = event.epoch
        picture.epochs.append((event.seq, event.epoch))
    snapshot.parked = None
    match event:
        case WorkflowStarted():
            snapshot.workflow = event.workflow
            snapshot.inputs = event.inputs
            snapshot.started = event.time
            snapshot.status = ExecutionStatus.RUNNING
        case TasksAdded():
            _add(picture, event)
        case (
            TaskStarted()
            | TaskProgress()
            | TaskLog()
            | TaskOutput()
            | TaskRetrying()
            | TaskRequeued()
            | TaskCancelling()
            | TaskCompleted()
        ):
            task = picture.tasks.get(event.task)
            if task is not None:
                _fold_task(snapshot, task, event)
        case WorkflowPaused():
            snapshot.status = ExecutionStatus.PAUSED
        case WorkflowResumed():
            snapshot.status = ExecutionStatus.RUNNING
        case WorkflowCancelling():
            snapshot.status = ExecutionStatus.CANCELLING
        case WorkflowRetried():
            snapshot.status = ExecutionStatus.RUNNING
            snapshot.ended = snapshot.duration = snapshot.result = None
            snapshot.failed = ()
            _reset(picture, event.tasks)
        case WorkflowInterrupted():
            snapshot.status = ExecutionStatus.INTERRUPTED
            if event.reason:
                snapshot.parked = Parked(kind="stopped", reason=event.reason, since=event.time)
        case WorkflowRecovered():
            if snapshot.status is ExecutionStatus.INTERRUPTED:
                snapshot.status = ExecutionStatus.RUNNING
            _reset(picture, event.tasks)
        case WorkflowCompleted():
            snapshot.status = event.status
            snapshot.ended = event.time
            snapshot.duration = event.duration
            snapshot.result = event.result
            snapshot.failed = event.failed
        case _:
            assert_never(event)


_WITH_EPOCH = (WorkflowStarted, WorkflowRecovered, WorkflowRetried, WorkflowInterrupted)
_TaskEvent = (
    TaskStarted | TaskProgress | TaskLog | TaskOutput | TaskRetrying | TaskRequeued | TaskCancelling | TaskCompleted
)


def _fold_task(snapshot: Snapshot, task: TaskSnapshot, event: _TaskEvent) -> None:
    match event:
        case TaskStarted():
            _move(snapshot, task, TaskStatus.RUNNING)
            task.attempts = event.attempt
            task.worker = event.worker
            task.started = event.time
            task.ended = task.duration = task.progress = task.retry_at = None
        case TaskProgress():
            task.progress = Progress(done=event.done, total=event.total, text=event.text)
        case TaskLog():
            task.logged += 1
        case TaskOutput():
            task.displayed += 1
        case TaskRetrying():
            _move(snapshot, task, TaskStatus.RETRYING)
            task.error = event.error
            task.started = event.started or task.started
            task.ended = event.time
            task.retry_at = event.time + timedelta(seconds=event.delay)
        case TaskRequeued():
            _move(snapshot, task, TaskStatus.PENDING)
            task.attempts = event.attempt - 1
            task.worker = ""
            task.started = None
        case TaskCancelling():
            task.cancelling = True
        case TaskCompleted():
            _move(snapshot, task, event.status)
            task.attempts = event.attempt
            task.reason = reason_of(event)
            task.error = None if event.status is TaskStatus.SKIPPED else event.error
            task.result = event.result
            task.started = event.started or task.started
            task.ended = event.time
            task.retry_at = None
            task.duration = event.duration if event.attempt else None
        case _:
            assert_never(event)


def _add(picture: Picture, event: TasksAdded) -> None:
    snapshot = picture.snapshot
    for info in event.groups:
        known = picture.groups.get(info.key)
        if known is not None:
            known.size = info.size
            continue
        group = GroupSnapshot(
            key=info.key,
            name=info.name,
            kind=info.kind,
            size=info.size,
            group=info.group,
            dependencies=info.dependencies,
        )
        picture.groups[info.key] = group
        snapshot.groups.append(group)
    for added in event.tasks:
        if added.key in picture.tasks:
            continue
        task = TaskSnapshot(
            key=added.key,
            name=added.name,
            status=TaskStatus.PENDING,
            group=added.group,
            dependencies=added.dependencies,
            attempts=0,
        )
        picture.tasks[added.key] = task
        snapshot.tasks.append(task)
        snapshot.counts[TaskStatus.PENDING] += 1


def _reset(picture: Picture, keys: tuple[str, ...]) -> None:
    for key in keys:
        task = picture.tasks.get(key)
        if task is None:
            continue
        if task.group == key:
            # It stood for a mapped task that could not be expanded, which now has another chance.
            del picture.tasks[key]
            picture.snapshot.tasks.remove(task)
            picture.snapshot.counts[task.status] -= 1
            continue
        _move(picture.snapshot, task, TaskStatus.PENDING)
        task.error = task.reason = task.result = task.progress = task.duration = None
        task.started = task.ended = task.retry_at = None


def _move(snapshot: Snapshot, task: TaskSnapshot, status: TaskStatus) -> None:
    snapshot.counts[task.status] -= 1
    snapshot.counts[status] += 1
    task.status = status
    task.cancelling = False
