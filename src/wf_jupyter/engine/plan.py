"""`plan(state, slots, free)`: what should be running but is not. Reads the state and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wf_jupyter.engine.state import ExecutionState, Lane, Task
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import AttemptStarted


def has_ready(state: ExecutionState) -> bool:
    """Whether a task would start if there were room for it."""
    return state.status is ExecutionStatus.RUNNING and any(lane.ready for lane in state.lanes)


def executors(state: ExecutionState) -> tuple[str | None, ...]:
    """Where tasks that are ready would run; None stands for the execution's own executor."""
    return tuple(dict.fromkeys(lane.executor for lane in state.lanes if lane.ready))


def count_wanted(
    state: ExecutionState, limit: int, free: Mapping[str, float], executor: str | None = None, planned: int = 0
) -> int:
    """Count the slots of that executor that `plan` could use now: at most `limit`. `free` is what is left of each
    resource, `planned` how many others were planned and not started.

    Exact, because slots that are taken and given back unused wake everyone who waits for one.
    """
    if len(state.lanes) == 1 and state.options.max_parallel is None and not state.lanes[0].resources:
        is_starting = state.status is ExecutionStatus.RUNNING and not state.is_failing
        return min(limit, len(state.lanes[0].ready)) if is_starting and executor is None else 0
    return sum(1 for _ in _startable(state, limit, free, executor, planned))


def plan(
    state: ExecutionState,
    slots: Sequence[str],
    free: Mapping[str, float],
    executor: str | None = None,
    planned: int = 0,
) -> tuple[AttemptStarted, ...]:
    """Attempts to start now, one per slot (a worker's name) at most, in the order of readiness."""
    startable = _startable(state, len(slots), free, executor, planned)
    return tuple(
        AttemptStarted(task=task.key, attempt=task.attempt + 1, worker=worker)
        for task, worker in zip(startable, slots, strict=False)
    )


def _startable(
    state: ExecutionState, limit: int, free: Mapping[str, float], executor: str | None, planned: int
) -> Iterator[Task]:
    if state.status is not ExecutionStatus.RUNNING or state.is_failing:
        return
    most = state.options.max_parallel
    if most is not None:
        limit = min(limit, most - planned - sum(lane.running for lane in state.lanes))
    left = dict(free)
    for lane in state.lanes:
        if lane.executor != executor:
            continue
        for task in _from_lane(lane, limit, left):
            yield task
            limit -= 1
            for name, amount in lane.resources.items():
                left[name] -= amount
        if limit <= 0:
            return


def _from_lane(lane: Lane, limit: int, free: Mapping[str, float]) -> Iterator[Task]:
    if lane.limit is not None:
        limit = min(limit, lane.limit - lane.running)
    for name, amount in lane.resources.items():
        limit = min(limit, int(free.get(name, 0.0) / amount + 1e-9))
    if limit <= 0:
        return
    for task in lane.ready:
        yield task
        limit -= 1
        if limit <= 0:
            return
