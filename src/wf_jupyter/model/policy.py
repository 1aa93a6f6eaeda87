"""Options that the author of a workflow may set, as plain data with its validation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from wf_jupyter.errors import InputError

TriggerRule = Literal["all_success", "all_done", "one_failed"]
OnFailure = Literal["continue", "fail_fast"]
ExecutorName = Literal["local", "inline", "dask"]
TaskExecutor = Literal["local", "dask"]

TRIGGER_RULES = ("all_success", "all_done", "one_failed")
ON_FAILURE = ("continue", "fail_fast")
EXECUTORS = ("local", "inline", "dask")
TASK_EXECUTORS = ("local", "dask")

#: An executor object of the submitting process, or one that a package offers (`model.given_executors`).
_OTHER_EXECUTOR = re.compile(r"(object|futures):[\w.-]{1,80}")

#: Tasks that one execution may have. At about 1 kB each in the engine and in every picture, more would
#: cost the server gigabytes: a map over a million items wants fewer, larger tasks.
MAX_TASKS = 200_000
#: Expansions inside expansions. Keys grow with the depth, so a loop that never ends must be stopped.
MAX_DEPTH = 2_000
#: The longest wait and the longest timeout: a year. Dates end, and so do the clocks of timers.
LONGEST = 365 * 86_400
#: More retries or places than anybody means.
MOST = 1_000_000
_PLACES = f"1 or more, at most {MOST:,}, or None"


class TaskOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Options of one task call. Times are in seconds.

    `retries` counts attempts after the first. `retry_delay` is the wait before the first retry,
    multiplied by `retry_backoff` for each further one; `retry_delays` spells the waits out instead
    (the last one repeats). `retry_jitter` spreads a wait by ± that share. `retry_on` lives with the
    code: the worker knows the exception's classes and reports whether they match.
    `resources` are amounts by name, `memory` in bytes. `threads` is how many threads numeric libraries start.
    `cache` is True, False, or a time to live. `max_parallel` limits one mapped task. `executor` is where
    it runs, None for that of the execution.
    """

    retries: int = 0
    retry_delay: float = 1.0
    retry_delays: tuple[float, ...] = ()
    retry_backoff: float = 2.0
    retry_jitter: float = 0.1
    timeout: float | None = None
    cache: bool | float = False
    cache_version: str | None = None
    trigger_rule: TriggerRule = "all_success"
    max_parallel: int | None = None
    resources: Mapping[str, float] = {}
    tags: tuple[str, ...] = ()
    is_async: bool = False
    executor: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        _require(0 <= self.retries <= MOST, "retries", self.retries, f"0 or more, at most {MOST:,}")
        for delay in (self.retry_delay, *self.retry_delays):
            _require(0 <= delay <= LONGEST, "retry_delay", delay, "0 or more seconds, at most a year")
        _require(1 <= self.retry_backoff <= 1000, "retry_backoff", self.retry_backoff, "1 or more, at most 1000")
        _require(0 <= self.retry_jitter <= 1, "retry_jitter", self.retry_jitter, "between 0 and 1")
        limit = self.timeout
        _require(
            limit is None or 0 < limit <= LONGEST, "timeout", limit, "more than 0 seconds, at most a year, or None"
        )
        _require(isinstance(self.cache, bool) or self.cache > 0, "cache", self.cache, "True, False, or seconds to live")
        _require(
            self.trigger_rule in TRIGGER_RULES, "trigger_rule", self.trigger_rule, "one of " + ", ".join(TRIGGER_RULES)
        )
        places = self.max_parallel
        _require(places is None or 1 <= places <= MOST, "max_parallel", places, _PLACES)
        where = self.executor
        known = where is None or where in TASK_EXECUTORS or is_other_executor(where)
        _require(known, "executor", where, "one of " + ", ".join(TASK_EXECUTORS) + ", or None")
        some = self.threads
        _require(some is None or 1 <= some <= MOST, "threads", some, f"1 or more, at most {MOST:,}, or None")
        for name, amount in self.resources.items():
            _require(amount > 0, f"resources[{name!r}]", amount, "more than 0")


class ExecutionOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Options of one execution."""

    executor: str = "local"
    max_parallel: int | None = None
    on_failure: OnFailure = "continue"

    def __post_init__(self) -> None:
        known = self.executor in EXECUTORS or is_other_executor(self.executor)
        _require(known, "executor", self.executor, "one of " + ", ".join(EXECUTORS))
        places = self.max_parallel
        _require(places is None or 1 <= places <= MOST, "max_parallel", places, _PLACES)
        _require(self.on_failure in ON_FAILURE, "on_failure", self.on_failure, "one of " + ", ".join(ON_FAILURE))


def is_other_executor(name: str) -> bool:
    """Whether the name is one of an executor object, or of one that a package offers."""
    return _OTHER_EXECUTOR.fullmatch(name) is not None


def retry_wait(options: TaskOptions, attempt: int, jitter: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1); `jitter` is uniform in [0, 1)."""
    if options.retry_delays:
        base = options.retry_delays[min(attempt, len(options.retry_delays)) - 1]
    else:
        base = min(options.retry_delay * options.retry_backoff ** min(attempt - 1, 99), LONGEST)
    return base * (1 + options.retry_jitter * (2 * jitter - 1))


def _require(holds: bool, field: str, got: object, allowed: str) -> None:
    if not holds:
        raise InputError(f"{field}={got!r} is not allowed: it must be {allowed}", field)
