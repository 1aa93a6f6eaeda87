"""Settings of an orchestrator, as plain data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class RuntimeConfig:
    """Settings of an orchestrator.

    `data_dir` holds the database and the values. `max_workers` limits the processes per environment.
    `inline_limit` is the size in bytes up to which a result is kept in the database instead of a file.
    `size_limit` bounds a single result, `log_limit` the characters of one attempt's whole log.
    `recovery` says what happens to executions whose orchestrator died; every `takeover_interval` seconds
    an orchestrator looks whether one did. `idle_seconds` is how long an
    unused worker stays. `grace` is the time in seconds that a task has to end after it was asked to
    stop. `resources` is what
    there is of each named resource, for all executions together; where it says nothing of `gpu` and `memory`, what the
    machine has. `gpus` names the machine's GPUs, None for those that are found. `dask_address` is the scheduler that
    `executor="dask"` uses when the submitting process names none; empty for clusters of our own. `dask_losses` is how
    often one task runs again at no cost of its retries because its Dask worker was lost; `dask_patience` for how many
    seconds a place on the cluster is waited for. Executions
    that ended `retention_days` ago are forgotten, and the oldest ones while all together occupy more than
    `retention_bytes` (None: never). `has_inline` says whether this process has a caller's thread that runs the tasks of
    `executor="inline"`; without one, such executions are refused.
    """

    data_dir: Path
    max_workers: int = os.cpu_count() or 2
    inline_limit: int = 64 * 1024
    size_limit: int = 64 * 1024**3
    log_limit: int = 64 * 1024**2
    recovery: Literal["resume", "interrupt", "leave"] = "resume"
    takeover_interval: float = 2.0
    retention_days: float | None = 90.0
    retention_bytes: int | None = 20 * 1024**3
    durability: Literal["normal", "full"] = "normal"
    idle_seconds: float = 60.0
    grace: float = 2.0
    resources: Mapping[str, float] = field(default_factory=dict)
    gpus: tuple[str, ...] | None = None
    dask_address: str = ""
    dask_losses: int = 3
    dask_patience: float = 300.0
    has_inline: bool = True
    mailbox_limit: int = 4096
    gap_limit: int = 5000
