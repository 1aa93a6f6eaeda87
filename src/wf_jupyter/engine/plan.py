"""`plan(state, slots)`: what should be running but is not. Reads the state and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wf_jupyter.engine.state import ExecutionState, Lane, Task
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import AttemptStarted


def wanted(state: ExecutionState, limit: int) -> int:
    """How many attempts could start now if there were room: at most `limit`. O(limit)."""
    return sum(1 for _ in _startable(state, limit))


def plan(state: ExecutionState, slots: Sequence[str]) -> tuple[AttemptStarted, ...]:
    """Attempts to start now, one per slot (a worker's name) at most, in the order of readiness."""
    startable = _startable(state, len(slots))
    return tuple(
        AttemptStarted(task=task.key, attempt=task.attempt + 1, worker=worker)
        for task, worker in zip(startable, slots, strict=False)
    )


def _startable(state: ExecutionState, limit: int) -> Iterator[Task]:
    if state.status is not ExecutionStatus.RUNNING or state.is_failing:
        return
    most = state.options.max_parallel
    if most is not None:
        limit = min(limit, most - sum(lane.running for lane in state.lanes))
    for lane in state.lanes:
        for task in _from_lane(lane, limit):
            yield task
            limit -= 1
        if limit <= 0:
            return


def _from_lane(lane: Lane, limit: int) -> Iterator[Task]:
    if lane.limit is not None:
        limit = min(limit, lane.limit - lane.running)
    if limit <= 0:
        return
    for task in lane.ready:
        yield task
        limit -= 1
        if limit <= 0:
            return
