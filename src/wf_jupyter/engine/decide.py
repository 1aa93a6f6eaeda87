"""`decide(state, stimulus, now, jitter)`: what a command or a report means, as events. Changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_never

from wf_jupyter.engine.cancel import cancel_part, end_cancelled
from wf_jupyter.engine.reasons import stop_reason
from wf_jupyter.engine.retry_scope import tasks_again
from wf_jupyter.engine.state import ExecutionState, Subgraph, Task
from wf_jupyter.engine.task_announcements import subgraph_infos
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.events import (
    Event,
    Failure,
    TaskCompleted,
    TaskLog,
    TaskOutput,
    TaskProgress,
    TaskRequeued,
    TaskRetrying,
    TaskStarted,
    WorkflowCancelling,
    WorkflowPaused,
    WorkflowRecovered,
    WorkflowResumed,
    WorkflowRetried,
    WorkflowStarted,
)
from wf_jupyter.model.policy import MAX_DEPTH, MAX_TASKS, retry_wait
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptRequeued,
    AttemptStarted,
    AttemptStopped,
    AttemptSucceeded,
    Cancel,
    CancelTask,
    Displayed,
    Found,
    NotFound,
    Pause,
    Printed,
    Progressed,
    Recover,
    Resume,
    Retry,
    RetryDue,
    Start,
    Stimulus,
)

_E = ExecutionStatus
#: An attempt that waited for less at its worker began when it was handed over, to those who read of it.
NOTICED_SECONDS = 0.002


def decide(state: ExecutionState, stimulus: Stimulus, now: datetime, jitter: float) -> tuple[Event, ...]:
    """The events that a stimulus causes; none when it is late, a duplicate, or asks for what already is.

    `jitter` is uniform in [0, 1) and spreads retry waits.

    Raises:
        StateConflict: a command that the execution's status does not allow; nothing happened.
    """
    seq = state.seq + 1
    match stimulus:
        case Start(epoch=epoch):
            return _begin(state, now, epoch)
        case Cancel(reason=reason):
            if state.status is _E.CANCELLING:
                return ()
            _require(state, (_E.RUNNING, _E.PAUSED), "cancelled")
            return (WorkflowCancelling(seq=seq, time=now, reason=reason),)
        case CancelTask(task=key):
            return cancel_part(state, key, now)
        case Pause():
            _require(state, (_E.RUNNING,), "paused")
            return (WorkflowPaused(seq=seq, time=now),)
        case Resume():
            _require(state, (_E.PAUSED,), "resumed")
            return (WorkflowResumed(seq=seq, time=now),)
        case Retry(tasks=keys, epoch=epoch):
            _require(state, (_E.FAILED, _E.CANCELLED, _E.RUNNING) if keys else (_E.FAILED, _E.CANCELLED), "retried")
            return (WorkflowRetried(seq=seq, time=now, tasks=tasks_again(state, keys), epoch=epoch),)
        case Recover(epoch=epoch):
            return _recover(state, now, epoch)
        case RetryDue() | NotFound():
            return ()
        case Found():
            return _reuse_result(state, stimulus, now)
        case AttemptStarted():
            return (
                TaskStarted(seq=seq, time=now, task=stimulus.task, attempt=stimulus.attempt, worker=stimulus.worker),
            )
        case (
            AttemptSucceeded()
            | AttemptExpanded()
            | AttemptFailed()
            | AttemptStopped()
            | AttemptRequeued()
            | Printed()
            | Progressed()
            | Displayed()
        ):
            task = _current(state, stimulus.task, stimulus.attempt)
            return () if task is None else _decide_report(state, task, stimulus, now, jitter)
        case _:
            assert_never(stimulus)


_Running = (
    AttemptSucceeded
    | AttemptExpanded
    | AttemptFailed
    | AttemptStopped
    | AttemptRequeued
    | Printed
    | Progressed
    | Displayed
)


def _decide_report(
    state: ExecutionState, task: Task, report: _Running, now: datetime, jitter: float
) -> tuple[Event, ...]:
    seq, key = state.seq + 1, task.key
    match report:
        case AttemptSucceeded():
            return (
                TaskCompleted(
                    seq=seq,
                    time=now,
                    task=key,
                    attempt=task.attempt,
                    status=TaskStatus.SUCCEEDED,
                    duration=report.duration,
                    result=report.result,
                    lengths=report.lengths,
                    truth=report.truth,
                    usage=report.usage,
                    started=_began_at(task, report),
                ),
            )
        case AttemptExpanded():
            return _expand(state, task, report, now)
        case AttemptFailed():
            return _fail_attempt(state, task, report, now, jitter)
        case AttemptStopped():
            return (
                TaskCompleted(
                    seq=seq,
                    time=now,
                    task=key,
                    attempt=task.attempt,
                    status=TaskStatus.CANCELLED,
                    duration=report.duration,
                    reason=stop_reason(state),
                    usage=report.usage,
                    started=_began_at(task, report),
                ),
            )
        case AttemptRequeued():
            if key in state.stopping:
                return (end_cancelled(state, task, now, seq),)
            return (TaskRequeued(seq=seq, time=now, task=key, attempt=task.attempt),)
        case Printed():
            return (TaskLog(seq=seq, time=now, task=key, attempt=task.attempt, stream=report.stream, text=report.text),)
        case Progressed():
            return (TaskProgress(seq=seq, time=now, task=key, done=report.done, total=report.total, text=report.text),)
        case Displayed():
            return (TaskOutput(seq=seq, time=now, task=key, attempt=task.attempt, data=report.data),)
        case _:
            assert_never(report)


def _reuse_result(state: ExecutionState, found: Found, now: datetime) -> tuple[Event, ...]:
    if found.task not in state.asking:
        return ()
    return (
        TaskCompleted(
            seq=state.seq + 1,
            time=now,
            task=found.task,
            attempt=0,
            status=TaskStatus.CACHED,
            result=found.result,
            lengths=found.lengths,
            truth=found.truth,
        ),
    )


def _begin(state: ExecutionState, now: datetime, epoch: str) -> tuple[Event, ...]:
    if state.seq:
        return ()
    nodes = state.root.graph.nodes
    known = sum(1 for node in nodes if not node.is_map)
    known += sum(next((over.length or 0 for over in node.over), 0) for node in nodes if node.is_map)
    started = WorkflowStarted(
        seq=1, time=now, workflow=state.workflow, inputs=state.inputs, task_count=known, epoch=epoch
    )
    return (started, subgraph_infos(state, state.root, now, seq=2))


def _began_at(
    task: Task, report: AttemptSucceeded | AttemptExpanded | AttemptFailed | AttemptStopped
) -> datetime | None:
    """When the attempt began to run, if that was noticeably later than it was handed over."""
    if (
        report.began is None
        or task.dispatched_at is None
        or report.began - task.dispatched_at.timestamp() < NOTICED_SECONDS
    ):
        return None
    return datetime.fromtimestamp(report.began, UTC)


def _expand(state: ExecutionState, task: Task, report: AttemptExpanded, now: datetime) -> tuple[Event, ...]:
    subgraph = Subgraph(prefix=task.key, graph=report.expansion.graph)
    depth = task.key.count("/") + 1
    if depth > MAX_DEPTH or len(state.units) + len(subgraph.graph.nodes) > MAX_TASKS:
        excess = f"expansions are {depth:,} deep" if depth > MAX_DEPTH else f"there are {len(state.units):,} tasks"
        limits = f"at most {MAX_TASKS:,} tasks and expansions at most {MAX_DEPTH:,} deep"
        failure = Failure(
            kind="definition", type="WorkflowDefinitionError", message=f"{excess}: an execution may have {limits}"
        )
        return (_final_failure(state, task, failure, report, now),)
    if subgraph.graph.nodes:
        return (subgraph_infos(state, subgraph, now, seq=state.seq + 1),)
    return (
        TaskCompleted(
            seq=state.seq + 1,
            time=now,
            task=task.key,
            attempt=task.attempt,
            status=TaskStatus.SUCCEEDED,
            duration=report.duration,
            usage=report.usage,
            started=_began_at(task, report),
        ),
    )


def _fail_attempt(
    state: ExecutionState, task: Task, report: AttemptFailed, now: datetime, jitter: float
) -> tuple[Event, ...]:
    options, failure = task.node.options, report.failure
    stopping = state.is_cancelling or state.is_failing or task.key in state.stopping
    is_free, used = failure.is_of_the_node, task.attempt - task.losses
    if (is_free or (failure.retriable and used <= options.retries)) and not stopping:
        return (
            TaskRetrying(
                seq=state.seq + 1,
                time=now,
                task=task.key,
                attempt=task.attempt,
                error=failure,
                delay=0.0 if is_free else retry_wait(options, used, jitter),
                usage=report.usage,
                started=_began_at(task, report),
            ),
        )
    return (_final_failure(state, task, failure, report, now),)


def _final_failure(
    state: ExecutionState, task: Task, failure: Failure, report: AttemptFailed | AttemptExpanded, now: datetime
) -> TaskCompleted:
    return TaskCompleted(
        seq=state.seq + 1,
        time=now,
        task=task.key,
        attempt=task.attempt,
        status=TaskStatus.FAILED,
        duration=report.duration,
        error=failure,
        usage=report.usage,
        started=_began_at(task, report),
    )


def _recover(state: ExecutionState, now: datetime, epoch: str) -> tuple[Event, ...]:
    """Attempts in flight died with the old orchestrator: they run again, but for those that were to be stopped."""
    if state.status.is_final:
        raise StateConflict(f"execution {state.id} is {state.status}: there is nothing to take over")
    lost = [task for task in state.running.values() if task.expansion is None]
    again = tuple(task.key for task in lost if task.key not in state.stopping)
    recovered = WorkflowRecovered(seq=state.seq + 1, time=now, tasks=again, epoch=epoch)
    stopped = [task for task in lost if task.key in state.stopping]
    return (recovered, *(end_cancelled(state, task, now, seq) for seq, task in enumerate(stopped, start=state.seq + 2)))


def _current(state: ExecutionState, key: str, attempt: int) -> Task | None:
    """The task, if that attempt of it is still running: a report about any other is too late."""
    task = state.running.get(key)
    return task if task is not None and task.attempt == attempt and task.expansion is None else None


def _require(state: ExecutionState, allowed: tuple[ExecutionStatus, ...], verb: str) -> None:
    if state.status not in allowed:
        raise StateConflict(f"an execution that is {state.status} cannot be {verb}")
