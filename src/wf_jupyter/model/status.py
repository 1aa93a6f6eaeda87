"""The states of tasks and executions, and the one table of allowed moves.

Everything that may change a status lives in `engine.apply`; everything that says which change is
allowed lives here. A move that is missing below is a bug, and raises `IllegalTransition`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class TaskStatus(StrEnum):
    """Where one task stands."""

    PENDING = "pending"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CACHED = "cached"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether only `retry()` can still move the task."""
        return self in FINAL_TASK

    @property
    def has_value(self) -> bool:
        """Whether downstream tasks can read a result."""
        return self is TaskStatus.SUCCEEDED or self is TaskStatus.CACHED


class ExecutionStatus(StrEnum):
    """Where one execution stands."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    INTERRUPTED = "interrupted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether only `retry()` can still move the execution."""
        return self in FINAL_EXECUTION


_T = TaskStatus
_E = ExecutionStatus

TASK_MOVES: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    _T.PENDING: frozenset({_T.RUNNING, _T.SKIPPED, _T.CACHED, _T.CANCELLED, _T.FAILED}),
    # pending → failed: a task that could not even be handed to a worker (its inputs are gone).
    _T.RUNNING: frozenset({_T.SUCCEEDED, _T.FAILED, _T.CANCELLED, _T.RETRYING, _T.PENDING}),
    # running → pending: by `workflow.recovered`, when the orchestrator died with the attempt, and by `task.requeued`.
    _T.RETRYING: frozenset({_T.RUNNING, _T.CANCELLED, _T.PENDING}),
    _T.SUCCEEDED: frozenset(),
    _T.CACHED: frozenset(),
    _T.FAILED: frozenset({_T.PENDING}),
    _T.SKIPPED: frozenset({_T.PENDING}),
    _T.CANCELLED: frozenset({_T.PENDING}),
}

EXECUTION_MOVES: Mapping[ExecutionStatus, frozenset[ExecutionStatus]] = {
    _E.PENDING: frozenset({_E.RUNNING}),
    _E.RUNNING: frozenset({_E.SUCCEEDED, _E.FAILED, _E.CANCELLED, _E.PAUSED, _E.CANCELLING, _E.INTERRUPTED}),
    _E.PAUSED: frozenset({_E.RUNNING, _E.CANCELLING, _E.INTERRUPTED, _E.SUCCEEDED, _E.FAILED}),
    _E.CANCELLING: frozenset({_E.CANCELLED, _E.INTERRUPTED}),
    _E.INTERRUPTED: frozenset({_E.RUNNING, _E.PAUSED, _E.CANCELLING}),
    _E.SUCCEEDED: frozenset(),
    _E.FAILED: frozenset({_E.RUNNING}),
    _E.CANCELLED: frozenset({_E.RUNNING}),
}

FINAL_TASK = frozenset({_T.SUCCEEDED, _T.FAILED, _T.SKIPPED, _T.CACHED, _T.CANCELLED})
FINAL_EXECUTION = frozenset({_E.SUCCEEDED, _E.FAILED, _E.CANCELLED})
