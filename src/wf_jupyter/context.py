"""Functions by which a running task reports about itself: `progress`, `track`, `current_task`.

The worker sets the context around each attempt; outside a task, `progress` and `track` do nothing,
so that a task stays a plain function in a unit test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class TaskContext:
    """The attempt that is running here: execution id, task key, function name, attempt (from 1), item index."""

    execution: str
    key: str
    name: str
    attempt: int
    index: int | None = None
    report_progress: Callable[[float, float | None, str | None], None] = field(
        default=lambda done, total, text: None, repr=False, compare=False
    )
    #: It runs in the process that submitted it.
    is_inline: bool = field(default=False, repr=False, compare=False)


active: ContextVar[TaskContext | None] = ContextVar("wf_jupyter_task", default=None)


def current_task() -> TaskContext | None:
    """The running attempt, or None outside a task."""
    return active.get()


def progress(done: float, total: float | None = None, text: str | None = None) -> None:
    """Tell how far the running task is; at most ten a second reach the log.

    Args:
        done: how much is done, in any unit; with `total` None just a count.
        total: how much there is.
        text: what is being done, shown beside the bar.
    """
    context = active.get()
    if context is not None:
        context.report_progress(float(done), None if total is None else float(total), text)


def track(iterable: Iterable[T], total: int | None = None, text: str | None = None) -> Iterator[T]:
    """Yield from `iterable` and tell the progress; `total` defaults to its length when it has one."""
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    progress(0, total, text)
    for count, item in enumerate(iterable, start=1):
        yield item
        progress(count, total, text)
