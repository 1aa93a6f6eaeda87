"""Consequences of the state alone: skips, growth, endings. Units to look at are in `state.unsettled`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from wf_jupyter.engine.lineage import is_fresh
from wf_jupyter.engine.reasons import blocked_reason, stop_reason, why_skipped
from wf_jupyter.engine.result_preview import preview_result
from wf_jupyter.engine.state import ExecutionState, Group, Subgraph, Task
from wf_jupyter.engine.task_announcements import item_infos, placeholder_info
from wf_jupyter.model.events import (
    Event,
    Failure,
    TaskCompleted,
    TasksAdded,
    TaskStarted,
    WorkflowCompleted,
)
from wf_jupyter.model.graph import Over
from wf_jupyter.model.policy import MAX_TASKS
from wf_jupyter.model.reason import Reason
from wf_jupyter.model.status import ExecutionStatus, TaskStatus

NAMED_FAILURES = 100


def settle(state: ExecutionState, now: datetime) -> tuple[Event, ...]:
    """The next events that follow, or none when nothing more does.

    Apply them before calling again. Moves tasks that may run into their lane's ready queue, which
    is derived data: after a replay one call rebuilds it.
    """
    while state.unsettled:
        unit = state.unsettled.popleft()
        events = _settle_group(state, unit, now) if isinstance(unit, Group) else _settle_task(state, unit, now)
        if events:
            return events
    if state.open == 0 and state.started is not None and not state.status.is_final and state.seq > 1:
        return (_ending(state, now),)
    return ()


def _settle_task(state: ExecutionState, task: Task, now: datetime) -> tuple[Event, ...]:
    if task.expansion is not None:
        return _settle_holder(state, task, now)
    is_ending = state.is_cancelling or state.is_failing or state.is_stopping(task)
    if task.status is TaskStatus.RETRYING and not is_ending:
        return ()
    if task.status not in (TaskStatus.PENDING, TaskStatus.RETRYING):
        return ()
    if is_ending:
        return (_complete_task(state, task, TaskStatus.CANCELLED, now, reason=stop_reason(state)),)
    if task.waiting > 0:
        return ()
    reason = why_skipped(state, task)
    if reason is not None:
        return (_complete_task(state, task, TaskStatus.SKIPPED, now, reason=reason),)
    if _may_be_known(state, task):
        if task.key not in state.asking:
            state.asking[task.key] = task
            state.questions.append(task)
    else:
        task.lane.ready[task] = None
    return ()


def _may_be_known(state: ExecutionState, task: Task) -> bool:
    """Whether an earlier result may be taken: what a rerun names, and all after it, is computed anew."""
    if state.is_reusing:
        return not is_fresh(state, task)
    return task.node.options.cache is not False


def _settle_holder(state: ExecutionState, task: Task, now: datetime) -> tuple[Event, ...]:
    """A task that returned a graph ends as the graph does."""
    subgraph = task.expansion
    if subgraph is None or task.is_final:
        return ()
    if task.status is TaskStatus.PENDING:
        return (TaskStarted(seq=state.seq + 1, time=now, task=task.key, attempt=task.attempt + 1),)
    if subgraph.open > 0 or task.status is not TaskStatus.RUNNING:
        return ()
    if subgraph.broken:
        first = next(iter(subgraph.broken))
        if state.is_cancelling or task.key in state.stopping:
            return (_complete_task(state, task, TaskStatus.CANCELLED, now),)
        failure = Failure(kind="upstream", type="TaskFailed", message=f"{first} did not succeed")
        return (_complete_task(state, task, TaskStatus.FAILED, now, failure),)
    return (_holder_succeeded(state, task, subgraph, now),)


def _holder_succeeded(state: ExecutionState, task: Task, subgraph: Subgraph, now: datetime) -> TaskCompleted:
    lengths: Mapping[str, int] = {}
    truth: bool | None = None
    if subgraph.graph.result.is_alias:
        child = state.units[next(iter(subgraph.returned))]
        if isinstance(child, Group):
            lengths, truth = {"": child.size or 0}, bool(child.size)
        else:
            # What was skipped has no value, and stands for None: false to a condition.
            lengths, truth = child.lengths, child.truth if child.is_ok else False
    return TaskCompleted(
        seq=state.seq + 1,
        time=now,
        task=task.key,
        attempt=task.attempt,
        status=TaskStatus.SUCCEEDED,
        result=preview_result(state, subgraph),
        lengths=lengths,
        truth=truth,
    )


def _settle_group(state: ExecutionState, group: Group, now: datetime) -> tuple[Event, ...]:
    if group.size is not None or group.placeholder is not None:
        return ()
    if state.is_cancelling or state.is_failing or state.is_stopping(group):
        return placeholder(state, group, TaskStatus.CANCELLED, now, stop_reason(state))
    if group.unsized > 0:
        return ()
    lengths: dict[str, int] = {}
    for over in group.node.over:
        length = _length(state, group, over)
        if isinstance(length, Reason):
            return placeholder(state, group, TaskStatus.SKIPPED, now, length)
        if isinstance(length, Failure):
            return placeholder(state, group, TaskStatus.FAILED, now, length)
        lengths[over.parameter] = length
    if len(set(lengths.values())) > 1:
        lengths_text = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        failure = Failure(
            kind="definition",
            type="WorkflowDefinitionError",
            message=f"map over lists of unequal lengths: {lengths_text}",
        )
        return placeholder(state, group, TaskStatus.FAILED, now, failure)
    size = next(iter(lengths.values()))
    if len(state.units) + size > MAX_TASKS:
        message = f"{group.key} would have {size:,} items: an execution may have at most {MAX_TASKS:,} tasks"
        failure = Failure(kind="definition", type="WorkflowDefinitionError", message=message)
        return placeholder(state, group, TaskStatus.FAILED, now, failure)
    return (item_infos(state, group, size, now),)


def _length(state: ExecutionState, group: Group, over: Over) -> int | Failure | Reason:
    """Number of items of a mapped parameter, or the reason why there is none."""
    if over.each is not None:
        return len(over.each)
    if over.source is None:
        return over.length or 0
    source = state.units[group.subgraph.absolute(over.source)]
    if isinstance(source, Group):
        if source.placeholder is not None or source.size is None:
            return blocked_reason([source])
        return source.size
    if not source.is_ok:
        return blocked_reason([source])
    origin = state.origin(source)
    if not origin.is_ok:  # it returned a graph, whose result was skipped
        return blocked_reason([origin])
    if over.path not in source.lengths:
        part = f"{source.key}{over.path}" if over.path else source.key
        message = f"{part} gave a {source.result_type}, not a list: return a list to map {over.parameter!r} over it"
        return Failure(kind="definition", type="WorkflowDefinitionError", message=message)
    return source.lengths[over.path]


def placeholder(
    state: ExecutionState, group: Group, status: TaskStatus, now: datetime, why: Failure | Reason | None
) -> tuple[Event, ...]:
    """End a mapped node that has no items yet: one task with its key tells how."""
    added = TasksAdded(seq=state.seq + 1, time=now, tasks=(placeholder_info(state, group),))
    completed = TaskCompleted(
        seq=state.seq + 2,
        time=now,
        task=group.key,
        attempt=0,
        status=status,
        error=why if isinstance(why, Failure) else None,
        reason=why if isinstance(why, Reason) else None,
    )
    return (added, completed)


def _complete_task(
    state: ExecutionState,
    task: Task,
    status: TaskStatus,
    now: datetime,
    error: Failure | None = None,
    reason: Reason | None = None,
) -> TaskCompleted:
    return TaskCompleted(
        seq=state.seq + 1,
        time=now,
        task=task.key,
        attempt=task.attempt,
        status=status,
        error=error,
        reason=reason,
    )


def _ending(state: ExecutionState, now: datetime) -> WorkflowCompleted:
    if state.is_cancelling:
        status = ExecutionStatus.CANCELLED
    elif state.root.broken:
        status = ExecutionStatus.FAILED
    else:
        status = ExecutionStatus.SUCCEEDED
    # A clock may go back meanwhile.
    duration = max(0.0, (now - state.started).total_seconds()) if state.started is not None else 0.0
    return WorkflowCompleted(
        seq=state.seq + 1,
        time=now,
        status=status,
        duration=duration,
        result=preview_result(state, state.root) if status is ExecutionStatus.SUCCEEDED else None,
        failed=tuple(state.failed)[:NAMED_FAILURES],
        failed_count=len(state.failed),
    )
