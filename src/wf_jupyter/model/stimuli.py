"""Stimuli: what can happen to an execution from outside.

Commands are what a person asks, reports what an executor says happened to an attempt. `engine.decide`
turns either into events.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from wf_jupyter.model.events import Failure, ResultInfo, Usage
from wf_jupyter.model.submission import Expansion


class _Stimulus(msgspec.Struct, frozen=True, kw_only=True):
    pass


# -- commands ---------------------------------------------------------------------------------


class Start(_Stimulus, frozen=True, kw_only=True):
    """Begin: always the first stimulus of an execution. `epoch` as in `events`."""

    epoch: str = ""


class Cancel(_Stimulus, frozen=True, kw_only=True):
    """Stop everything that runs and start nothing more."""

    reason: str = ""


class CancelTask(_Stimulus, frozen=True, kw_only=True):
    """Stop one task, or all of a mapped one or of a sub-workflow; what depends on it is skipped."""

    task: str


class Pause(_Stimulus, frozen=True, kw_only=True):
    """Start nothing more until resumed."""


class Resume(_Stimulus, frozen=True, kw_only=True):
    """Undo a pause."""


class Retry(_Stimulus, frozen=True, kw_only=True):
    """Run failed, skipped and cancelled tasks again: all, or only `tasks` with what waits for them.

    `epoch` as in `events`, when the execution had ended.
    """

    tasks: tuple[str, ...] = ()
    epoch: str = ""


class Recover(_Stimulus, frozen=True, kw_only=True):
    """A new orchestrator owns the execution: attempts in flight died with the old one. `epoch` as in `events`."""

    epoch: str = ""


# -- reports ----------------------------------------------------------------------------------


class AttemptStarted(_Stimulus, frozen=True, kw_only=True):
    """An attempt is being handed to `worker`."""

    task: str
    attempt: int
    worker: str


class Value(_Stimulus, frozen=True, kw_only=True):
    """Where an encoded value is: `data` when small, else a file (`path`, absolute). `size` in bytes.

    `part` is `""` for the whole value; otherwise it names a part stored as separately readable
    items (`items:` + path), or `error` for a pickled exception.
    """

    part: str = ""
    data: bytes | None = None
    path: str | None = None
    size: int = 0


class Found(_Stimulus, frozen=True, kw_only=True):
    """A task need not run: its result is known from before."""

    task: str
    result: ResultInfo
    values: tuple[Value, ...] = ()
    lengths: Mapping[str, int] = {}
    truth: bool | None = None


class NotFound(_Stimulus, frozen=True, kw_only=True):
    """No earlier result fits: the task must run."""

    task: str


class AttemptSucceeded(_Stimulus, frozen=True, kw_only=True):
    """An attempt returned. `values` are stored in the transaction of the event; the engine does not read them.

    `is_kept`: the result may be kept in the cache, if the task asks for that. `began` is when it began to run, here
    and in the other ends of an attempt, in seconds since 1970; None when that is not known.
    """

    task: str
    attempt: int
    duration: float
    result: ResultInfo
    values: tuple[Value, ...] = ()
    lengths: Mapping[str, int] = {}
    truth: bool | None = None
    is_kept: bool = True
    usage: Usage | None = None
    began: float | None = None


class AttemptExpanded(_Stimulus, frozen=True, kw_only=True):
    """An attempt returned a bound workflow instead of a value."""

    task: str
    attempt: int
    duration: float
    expansion: Expansion
    usage: Usage | None = None
    began: float | None = None


class AttemptFailed(_Stimulus, frozen=True, kw_only=True):
    """An attempt raised, timed out, or its worker was lost."""

    task: str
    attempt: int
    duration: float
    failure: Failure
    values: tuple[Value, ...] = ()
    usage: Usage | None = None
    began: float | None = None


class AttemptStopped(_Stimulus, frozen=True, kw_only=True):
    """An attempt ended because it was asked to stop."""

    task: str
    attempt: int
    duration: float
    usage: Usage | None = None
    began: float | None = None


class AttemptRequeued(_Stimulus, frozen=True, kw_only=True):
    """An attempt has not begun where it was handed to, and will not: it is to be handed over again."""

    task: str
    attempt: int


class RetryDue(_Stimulus, frozen=True, kw_only=True):
    """The wait before the next attempt is over."""

    task: str
    attempt: int


class Printed(_Stimulus, frozen=True, kw_only=True):
    """A running attempt printed or logged."""

    task: str
    attempt: int
    stream: str
    text: str


class Progressed(_Stimulus, frozen=True, kw_only=True):
    """A running attempt told how far it is."""

    task: str
    attempt: int
    done: float
    total: float | None = None
    text: str | None = None


class Displayed(_Stimulus, frozen=True, kw_only=True):
    """A running attempt displayed something rich."""

    task: str
    attempt: int
    data: Mapping[str, str]


Command = Start | Cancel | CancelTask | Pause | Resume | Retry | Recover
Report = (
    AttemptStarted
    | Found
    | NotFound
    | AttemptSucceeded
    | AttemptExpanded
    | AttemptFailed
    | AttemptStopped
    | AttemptRequeued
    | RetryDue
    | Printed
    | Progressed
    | Displayed
)
Stimulus = Command | Report
