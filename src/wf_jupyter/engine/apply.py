"""`apply(state, event)`: the only code that changes an execution's state. O(1) plus woken dependents."""

from __future__ import annotations

from typing import assert_never

from wf_jupyter.engine.dependency_counts import wake
from wf_jupyter.engine.graph_expansion import add_tasks, reopen_tasks
from wf_jupyter.engine.result_preview import keep
from wf_jupyter.engine.state import ExecutionState, Task
from wf_jupyter.errors import IllegalTransition
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
from wf_jupyter.model.status import EXECUTION_MOVES, TASK_MOVES, ExecutionStatus, TaskStatus


def apply(state: ExecutionState, event: Event) -> None:
    """Change `state` to what is true after `event`.

    Raises:
        IllegalTransition: the event does not continue the sequence, names an unknown task, or moves
            a status in a way that the table forbids. The state is then not to be used any more.
    """
    if event.seq != state.seq + 1:
        raise IllegalTransition(f"{state.id}: event {event.seq} does not follow {state.seq}")
    state.seq = event.seq
    match event:
        case WorkflowStarted():
            _move_execution(state, ExecutionStatus.RUNNING)
            state.started = event.time
        case TasksAdded():
            add_tasks(state, event)
        case TaskStarted():
            _start(state, event)
        case TaskRetrying():
            task = _find_task(state, event.task)
            _move(state, task, TaskStatus.RETRYING)
            task.losses += event.error.is_of_the_node
        case TaskRequeued():
            task = _find_task(state, event.task)
            _move(state, task, TaskStatus.PENDING)
            task.attempt = event.attempt - 1
            state.unsettled.append(task)
        case TaskCancelling():
            _stop(state, event)
        case TaskCompleted():
            _complete(state, event)
        case WorkflowPaused():
            _move_execution(state, ExecutionStatus.PAUSED)
            state.is_paused = True
        case WorkflowResumed():
            _move_execution(state, ExecutionStatus.RUNNING)
            state.is_paused = False
        case WorkflowCancelling():
            _move_execution(state, ExecutionStatus.CANCELLING)
            state.is_cancelling = True
            stop_everything(state)
        case WorkflowRetried():
            _retry(state, event)
        case WorkflowInterrupted():
            _move_execution(state, ExecutionStatus.INTERRUPTED)
        case WorkflowRecovered():
            _recover(state, event)
        case WorkflowCompleted():
            _move_execution(state, event.status)
        case TaskProgress() | TaskLog() | TaskOutput():
            pass
        case _:
            assert_never(event)


def stop_everything(state: ExecutionState) -> None:
    """Mark running tasks for stopping, and everything that waits for a decision of `settle`."""
    state.stopping.update(key for key, task in state.running.items() if task.expansion is None)
    for unit in state.units.values():
        if not unit.is_final and unit.key not in state.running:
            state.unsettled.append(unit)


def _find_task(state: ExecutionState, key: str) -> Task:
    task = state.task(key)
    if task is None:
        raise IllegalTransition(f"{state.id}: event for the unknown task {key!r}")
    return task


def _move_execution(state: ExecutionState, status: ExecutionStatus) -> None:
    if status not in EXECUTION_MOVES[state.status]:
        raise IllegalTransition(f"{state.id}: {state.status} → {status}")
    state.status = status


def _move(state: ExecutionState, task: Task, status: TaskStatus) -> None:
    """The one place where a task changes status; keeps the indexes by status in step."""
    if status not in TASK_MOVES[task.status]:
        raise IllegalTransition(f"{state.id}: {task.key}: {task.status} → {status}")
    match task.status:
        case TaskStatus.RUNNING:
            del state.running[task.key]
            state.stopping.discard(task.key)
            if task.expansion is None:
                task.lane.running -= 1
        case TaskStatus.RETRYING:
            del state.retrying[task.key]
        case TaskStatus.FAILED:
            del state.failed[task.key]
        case _:
            pass
    task.status = status
    match status:
        case TaskStatus.RUNNING:
            state.running[task.key] = task
            if task.expansion is None:
                task.lane.running += 1
        case TaskStatus.RETRYING:
            state.retrying[task.key] = task
        case TaskStatus.FAILED:
            state.failed[task.key] = None
        case _:
            pass


def _start(state: ExecutionState, event: TaskStarted) -> None:
    task = _find_task(state, event.task)
    if event.attempt != task.attempt + 1:
        raise IllegalTransition(f"{state.id}: {task.key}: attempt {event.attempt} after {task.attempt}")
    _move(state, task, TaskStatus.RUNNING)
    task.attempt = event.attempt
    task.dispatched_at = event.time
    task.lane.ready.pop(task, None)


def _stop(state: ExecutionState, event: TaskCancelling) -> None:
    task = _find_task(state, event.task)
    if task.status is not TaskStatus.RUNNING or event.attempt != task.attempt:
        raise IllegalTransition(f"{state.id}: {task.key}: attempt {event.attempt} is not running")
    state.stopping.add(task.key)


def _complete(state: ExecutionState, event: TaskCompleted) -> None:
    task = _find_task(state, event.task)
    _move(state, task, event.status)
    task.lane.ready.pop(task, None)
    state.asking.pop(task.key, None)
    task.truth = event.truth
    task.reason = reason_of(event)
    task.lengths = dict(event.lengths)
    if event.result is not None:
        task.result_type = event.result.type
        keep(state, task, event.result)
    if not is_tolerated(task):
        task.subgraph.broken[task.key] = None
    state.open -= 1
    wake(state, task)
    if event.status is TaskStatus.FAILED and state.options.on_failure == "fail_fast" and not state.is_failing:
        state.is_failing = True
        stop_everything(state)


def is_tolerated(task: Task) -> bool:
    """Whether the rest of the graph can be whole in spite of how this task ended.

    A failure is forgiven when all who use the task said `allow_failure`; a skip always is: it is
    either the consequence of a failure that counts by itself, or wanted.
    """
    if task.status is not TaskStatus.FAILED and task.status is not TaskStatus.CANCELLED:
        return True
    names = {task.node.key}
    users = task.dependents + (task.group.dependents if task.group is not None else [])
    uses = [need.kind for user in users for need in user.node.needs if need.source in names]
    uses += [need.kind for need in task.subgraph.graph.result.needs if need.source in names]
    return bool(uses) and all(kind == "outcome" for kind in uses) and len(uses) >= len(users)


def _recover(state: ExecutionState, event: WorkflowRecovered) -> None:
    if state.status is ExecutionStatus.INTERRUPTED:
        _move_execution(state, ExecutionStatus.RUNNING)
        if state.is_cancelling or state.is_paused:
            _move_execution(state, ExecutionStatus.CANCELLING if state.is_cancelling else ExecutionStatus.PAUSED)
    for key in event.tasks:
        task = _find_task(state, key)
        _move(state, task, TaskStatus.PENDING)
        state.unsettled.append(task)


def _retry(state: ExecutionState, event: WorkflowRetried) -> None:
    """Reset tasks to pending, then count again what each of them waits for."""
    if state.status is not ExecutionStatus.RUNNING:
        _move_execution(state, ExecutionStatus.RUNNING)
        state.is_cancelling = state.is_failing = False
        state.stopping.clear()
    tasks = [_find_task(state, key) for key in event.tasks]
    state.lineages.clear()  # they hold what came of the tasks that are reset
    for task in tasks:
        _move(state, task, TaskStatus.PENDING)
    reopen_tasks(state, tasks)
