"""What follows from the state alone: skips, growth, endings. Units to look at are in `state.unsettled`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from wf_jupyter.engine.infos import item_infos, stand_in_info
from wf_jupyter.engine.lineage import is_fresh
from wf_jupyter.engine.returned import returned
from wf_jupyter.engine.state import ExecutionState, Fragment, Group, Task, Unit
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
        return (_completed(state, task, TaskStatus.CANCELLED, now),)
    if task.waiting > 0:
        return ()
    reason = why_skipped(state, task)
    if reason is not None:
        return (_completed(state, task, TaskStatus.SKIPPED, now, reason),)
    if task.node.options.cache is not False or (state.is_reusing and not is_fresh(state, task)):
        if task.key not in state.asking:
            state.asking[task.key] = task
            state.questions.append(task)
    else:
        task.lane.ready[task] = None
    return ()


def _settle_holder(state: ExecutionState, task: Task, now: datetime) -> tuple[Event, ...]:
    """A task that returned a graph ends as the graph does."""
    fragment = task.expansion
    if fragment is None or task.is_final:
        return ()
    if task.status is TaskStatus.PENDING:
        return (TaskStarted(seq=state.seq + 1, time=now, task=task.key, attempt=task.attempt + 1),)
    if fragment.open > 0 or task.status is not TaskStatus.RUNNING:
        return ()
    if fragment.broken:
        first = next(iter(fragment.broken))
        if state.is_cancelling or task.key in state.stopping:
            return (_completed(state, task, TaskStatus.CANCELLED, now),)
        reason = Failure(kind="upstream", type="TaskFailed", message=f"{first} did not succeed")
        return (_completed(state, task, TaskStatus.FAILED, now, reason),)
    return (_holder_succeeded(state, task, fragment, now),)


def _holder_succeeded(state: ExecutionState, task: Task, fragment: Fragment, now: datetime) -> TaskCompleted:
    lengths: Mapping[str, int] = {}
    truth: bool | None = None
    if fragment.graph.result.is_alias:
        child = state.units[next(iter(fragment.returned))]
        if isinstance(child, Group):
            lengths, truth = {"": child.size or 0}, bool(child.size)
        else:
            lengths, truth = child.lengths, child.truth
    return TaskCompleted(
        seq=state.seq + 1,
        time=now,
        task=task.key,
        attempt=task.attempt,
        status=TaskStatus.SUCCEEDED,
        result=returned(state, fragment),
        lengths=lengths,
        truth=truth,
    )


def _settle_group(state: ExecutionState, group: Group, now: datetime) -> tuple[Event, ...]:
    if group.size is not None or group.stand_in is not None:
        return ()
    if state.is_cancelling or state.is_failing or state.is_stopping(group):
        return stand_in(state, group, TaskStatus.CANCELLED, now, None)
    if group.unsized > 0:
        return ()
    lengths: dict[str, int] = {}
    for over in group.node.over:
        length = _length(state, group, over)
        if isinstance(length, Failure):
            status = TaskStatus.SKIPPED if length.kind == "upstream" else TaskStatus.FAILED
            return stand_in(state, group, status, now, length)
        lengths[over.parameter] = length
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        failure = Failure(
            kind="definition", type="WorkflowDefinitionError", message=f"map over lists of unequal lengths: {told}"
        )
        return stand_in(state, group, TaskStatus.FAILED, now, failure)
    size = next(iter(lengths.values()))
    if len(state.units) + size > MAX_TASKS:
        told = f"{group.key} would have {size:,} items: an execution may have at most {MAX_TASKS:,} tasks"
        failure = Failure(kind="definition", type="WorkflowDefinitionError", message=told)
        return stand_in(state, group, TaskStatus.FAILED, now, failure)
    return (item_infos(state, group, size, now),)


def _length(state: ExecutionState, group: Group, over: Over) -> int | Failure:
    """How many items a mapped parameter has, or why there is no telling."""
    if over.each is not None:
        return len(over.each)
    if over.source is None:
        return over.length or 0
    source = state.units[group.fragment.absolute(over.source)]
    if isinstance(source, Group):
        if source.stand_in is not None or source.size is None:
            return _blocked(source)
        return source.size
    if not source.is_ok:
        return _blocked(source)
    if over.path not in source.lengths:
        part = f"{source.key}{over.path}" if over.path else source.key
        told = f"{part} gave a {source.result_type}, not a list: return a list to map {over.parameter!r} over it"
        return Failure(kind="definition", type="WorkflowDefinitionError", message=told)
    return source.lengths[over.path]


def why_skipped(state: ExecutionState, task: Task) -> Failure | None:
    """None when the task may run, else the reason why it never will. All its sources are final."""
    rule = task.node.options.trigger_rule
    absolute = task.fragment.absolute
    firsts: list[Unit] = []
    for need in task.node.needs:
        unit = state.units[absolute(need.source)]
        match need.kind:
            case "truthy" | "falsy":
                reason = _unmet(unit, wanted=need.kind == "truthy")
                if reason is not None:
                    return reason
            case "first":
                firsts.append(unit)
            case "value" | "order" if rule == "all_success" and not unit.is_ok:
                return _blocked(unit)
            case _:
                pass
    if firsts and not any(unit.is_ok for unit in firsts):
        return _blocked(firsts[0])
    if rule == "all_success":
        for unit in _items_needed(state, task):
            if not unit.is_ok:
                return _blocked(unit)
    if rule == "one_failed" and not any(_has_failed(unit) for unit in _everything(state, task)):
        return Failure(kind="upstream", type="Skipped", message="nothing before it failed")
    return None


def _items_needed(state: ExecutionState, task: Task) -> Iterator[Unit]:
    if task.index is None:
        return
    for over in task.node.over:
        if over.each is not None:
            yield state.units[task.fragment.absolute(over.each[task.index])]
        elif over.source is not None:
            source = state.units[task.fragment.absolute(over.source)]
            yield source.items[task.index] if isinstance(source, Group) else source


def _everything(state: ExecutionState, task: Task) -> Iterator[Unit]:
    for need in task.node.needs:
        yield state.units[task.fragment.absolute(need.source)]
    yield from _items_needed(state, task)


def _has_failed(unit: Unit) -> bool:
    if isinstance(unit, Group):
        members = [unit.stand_in] if unit.stand_in is not None else unit.items
        return any(member.status is TaskStatus.FAILED for member in members)
    return unit.status is TaskStatus.FAILED


def _unmet(unit: Unit, *, wanted: bool) -> Failure | None:
    if isinstance(unit, Group):
        return None if unit.is_ok and bool(unit.size) is wanted else _blocked(unit)
    if not unit.is_ok:
        return _blocked(unit)
    if unit.truth is wanted:
        return None
    word = "falsy" if wanted else "truthy"
    return Failure(kind="upstream", type="Skipped", message=f"{unit.key} was {word}")


def _blocked(unit: Unit) -> Failure:
    """Why something that needs `unit` cannot run, naming the item at fault of a group."""
    culprit: Unit = unit
    if isinstance(unit, Group):
        members = [unit.stand_in] if unit.stand_in is not None else unit.items
        culprit = next((member for member in members if member is not None and not member.is_ok), unit)
    status = culprit.status.value if isinstance(culprit, Task) else "not run"
    return Failure(kind="upstream", type="UpstreamFailed", message=f"{culprit.key} {status}")


def stand_in(
    state: ExecutionState, group: Group, status: TaskStatus, now: datetime, error: Failure | None
) -> tuple[Event, ...]:
    """End a mapped node that has no items yet: one task with its key tells how."""
    added = TasksAdded(seq=state.seq + 1, time=now, tasks=(stand_in_info(state, group),))
    completed = TaskCompleted(seq=state.seq + 2, time=now, task=group.key, attempt=0, status=status, error=error)
    return (added, completed)


def _completed(
    state: ExecutionState,
    task: Task,
    status: TaskStatus,
    now: datetime,
    error: Failure | None = None,
) -> TaskCompleted:
    return TaskCompleted(
        seq=state.seq + 1,
        time=now,
        task=task.key,
        attempt=task.attempt,
        status=status,
        error=error,
    )


def _ending(state: ExecutionState, now: datetime) -> WorkflowCompleted:
    if state.is_cancelling:
        status = ExecutionStatus.CANCELLED
    elif state.root.broken:
        status = ExecutionStatus.FAILED
    else:
        status = ExecutionStatus.SUCCEEDED
    duration = (now - state.started).total_seconds() if state.started is not None else 0.0
    return WorkflowCompleted(
        seq=state.seq + 1,
        time=now,
        status=status,
        duration=duration,
        result=returned(state, state.root) if status is ExecutionStatus.SUCCEEDED else None,
        failed=tuple(state.failed)[:NAMED_FAILURES],
        failed_count=len(state.failed),
    )
