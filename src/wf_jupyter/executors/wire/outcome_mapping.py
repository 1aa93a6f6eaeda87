"""Messages of a worker as the reports that the engine understands, and the failures only a parent can tell of."""

from __future__ import annotations

import signal
from typing import assert_never

from wf_jupyter.executors.wire.messages import Done, Expanded, Final, Progress, Raised, Shown, Stopped, Text
from wf_jupyter.model.events import NODE_LOST, Failure
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptFailed,
    AttemptStopped,
    AttemptSucceeded,
    Displayed,
    Printed,
    Progressed,
    Report,
)
from wf_jupyter.ports import Attempt


def report_of(message: Final | Text | Progress | Shown, attempt: Attempt) -> Report:
    """The message about `attempt` as a report."""
    task, number = attempt.task, attempt.number
    match message:
        case Done():
            return AttemptSucceeded(
                task=task,
                attempt=number,
                duration=message.duration,
                result=message.result,
                values=message.values,
                lengths=message.lengths,
                truth=message.truth,
                is_kept=message.is_kept,
                usage=message.usage,
                began=message.began,
            )
        case Expanded(duration=duration, expansion=expansion, usage=usage):
            return AttemptExpanded(
                task=task,
                attempt=number,
                duration=duration,
                expansion=expansion,
                usage=usage,
                began=message.began,
            )
        case Raised(duration=duration, failure=failure, values=values, usage=usage):
            return AttemptFailed(
                task=task,
                attempt=number,
                duration=duration,
                failure=failure,
                values=values,
                usage=usage,
                began=message.began,
            )
        case Stopped(duration=duration, usage=usage):
            return AttemptStopped(task=task, attempt=number, duration=duration, usage=usage, began=message.began)
        case Text(stream=stream, text=text):
            return Printed(task=task, attempt=number, stream=stream, text=text)
        case Progress(done=done, total=total, text=label):
            return Progressed(task=task, attempt=number, done=done, total=total, text=label)
        case Shown(data=data):
            return Displayed(task=task, attempt=number, data=data)
        case _:
            assert_never(message)


def timeout_failure(attempt: Attempt, duration: float, began: float | None = None) -> AttemptFailed:
    """The attempt ran longer than it may."""
    message = f"the task ran longer than its timeout of {attempt.timeout:g} s"
    return AttemptFailed(
        task=attempt.task,
        attempt=attempt.number,
        duration=duration,
        failure=Failure(kind="timeout", type="TimeoutError", message=message),
        began=began,
    )


def worker_lost(attempt: Attempt, duration: float, message: str, began: float | None = None) -> AttemptFailed:
    """The attempt's worker is gone, or never came."""
    return AttemptFailed(
        task=attempt.task,
        attempt=attempt.number,
        duration=duration,
        failure=Failure(kind="worker_lost", type="WorkerLost", message=message),
        began=began,
    )


def node_lost(attempt: Attempt, duration: float, message: str, began: float | None = None) -> AttemptFailed:
    """Failure of an attempt whose machine is gone, by no fault of the task: it may run again at no cost of a retry."""
    return AttemptFailed(
        task=attempt.task,
        attempt=attempt.number,
        duration=duration,
        failure=Failure(kind="worker_lost", type=NODE_LOST, message=message),
        began=began,
    )


def ending_of(returncode: int | None) -> str:
    """Describe how a process ended, for the person whose task it was."""
    if returncode is None:
        return "the worker process closed its connection"
    if returncode < 0:
        try:
            name = signal.Signals(-returncode).name
        except ValueError:
            name = f"signal {-returncode}"
        return f"the worker process was killed by {name}"
    return f"the worker process ended with exit code {returncode} in the middle of the task"
