"""Options of tasks and of executions as type checkers and editors see them; `task` and `workflow` say what they mean.

A name or value that is not here is an error in the editor; at run time `dsl.options` says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import TypedDict

from wf_jupyter.model.policy import ExecutorName, OnFailure, TaskExecutor, TriggerRule


class TaskKeywords(TypedDict, total=False):
    """Keywords of `@wf.task(...)` and `Task.with_options(...)`. Times are in seconds."""

    name: str | None
    retries: int
    retry_delay: float | Sequence[float]
    retry_backoff: float
    retry_jitter: float
    retry_on: type[BaseException] | Sequence[type[BaseException]]
    timeout: float | None
    cache: bool | float
    cache_version: str | int | None
    trigger_rule: TriggerRule
    max_parallel: int | None
    resources: Mapping[str, float | str] | None
    threads: int | None
    tags: tuple[str, ...] | list[str]
    outputs: int | tuple[str, ...] | list[str] | None
    executor: TaskExecutor | Executor | None


class ExecutionKeywords(TypedDict, total=False):
    """Keywords of `Workflow.with_options(...)`."""

    executor: ExecutorName | Executor
    max_parallel: int | None
    on_failure: OnFailure


class WorkflowKeywords(ExecutionKeywords, total=False):
    """Keywords of `@wf.workflow(...)`."""

    name: str | None
