"""Every error a user of wf_jupyter can meet, in one tree.

WorkflowError
├── WorkflowDefinitionError    the workflow's author: the body cannot become a graph
├── InputError                 the caller: an argument, option or name is wrong
│   └── ValueTooLarge          … or is larger than the limit that the message names
├── TaskError                  a task: what `wf.allow_failure` hands downstream
│   ├── TaskFailed             … and what `Execution.result()` raises
│   └── TaskSkipped            why a task did not run, which need be no failure: `task.error` of a skipped one
├── CellFailed                 a notebook that is a task: one of its cells raised
├── ExecutionCancelled         somebody cancelled the execution
├── ExecutionNotFound          no such execution in this data directory
├── WorkflowNotFound           no workflow was published under that name
├── StateConflict              the execution is in a state that does not allow the request
├── NotPermitted               the identity may not do that
├── ServerUnavailable          no orchestrator could be reached
├── ProtocolMismatch           client and server speak different versions
├── RateLimited                too many requests; `retry_after` says how long to wait
├── StoreError                 the data directory: full, unreadable or corrupt
│   └── Unreadable             … or one thing in it, which is named, cannot be read
└── IllegalTransition          a bug of ours: a state move that the table does not allow
"""

from __future__ import annotations


class WorkflowError(Exception):
    """Base of every error raised by wf_jupyter."""


class WorkflowDefinitionError(WorkflowError):
    """A workflow body does something that cannot become a graph."""


class InputError(WorkflowError):
    """An argument, option or name given by the caller is wrong.

    `field` names the offending input, or is None when no single one is to blame.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ValueTooLarge(InputError):
    """A value is larger than the limit that the message names."""


class TaskError(WorkflowError):
    """A task that did not succeed, as data.

    `task` is its key; `kind` the exception's class name; `text` its message; `traceback` the
    formatted traceback as the worker saw it (empty when the worker died before it could tell).
    """

    def __init__(self, task: str, kind: str, text: str, traceback: str = "") -> None:
        self.task = task
        self.kind = kind
        self.text = text
        self.traceback = traceback
        headline = f"task {task!r} failed: {kind}: {text}" if text else f"task {task!r} failed: {kind}"
        super().__init__(f"{headline}\n\n{traceback.rstrip()}" if traceback else headline)

    def __repr__(self) -> str:
        # Without the traceback, whose cells have other numbers in each run: nbval compares this text.
        return f"{type(self).__name__}({', '.join(map(repr, (self.task, self.kind, self.text)))})"

    def __reduce__(self) -> tuple[type[TaskError], tuple[str, str, str, str]]:
        return type(self), (self.task, self.kind, self.text, self.traceback)


class TaskFailed(TaskError):
    """Raised by `Execution.result()`; `__cause__` is the task's own exception when it can be rebuilt."""


class TaskSkipped(TaskError):
    """Reason why a task did not run, as in `not taken: is_big was truthy`; never raised.

    `kind` is that of the reason: `not_taken`, `not_needed`, `upstream_failed`, `upstream_cancelled`,
    `upstream_skipped` or `fail_fast`; `cause` the key of the task that caused it, however far upstream.
    """

    def __init__(self, task: str, kind: str, text: str, cause: str = "") -> None:
        super().__init__(task, kind, text)
        self.cause = cause
        self.args = (text,)

    def __reduce__(self) -> tuple[type[TaskSkipped], tuple[str, str, str, str]]:
        return type(self), (self.task, self.kind, self.text, self.cause)


class CellFailed(WorkflowError):
    """A cell of a notebook raised an exception; its traceback stands in the notes.

    `outcome` is what a cell of `wf.notebook` left until then.
    """

    outcome: object = None


class ExecutionCancelled(WorkflowError):
    """The execution was cancelled before it had a result."""


class ExecutionNotFound(WorkflowError):
    """No execution with that id is known to this orchestrator."""


class WorkflowNotFound(WorkflowError):
    """No workflow was published under that name."""


class StateConflict(WorkflowError):
    """The execution's present state does not allow what was asked."""


class NotPermitted(WorkflowError):
    """The identity behind the request may not do that."""


class ServerUnavailable(WorkflowError):
    """No orchestrator could be reached.

    `status` is the HTTP status that a gateway answered in its place, 0 where no answer came, and else None.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ProtocolMismatch(WorkflowError):
    """Client and server speak versions of the protocol that do not fit together."""


class RateLimited(WorkflowError):
    """Too many requests; try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreError(WorkflowError):
    """The data directory cannot be used: full, unreadable or corrupt.

    `is_temporary` says that the same may work later, as when the disk is full.
    """

    def __init__(self, message: str, *, is_temporary: bool = False) -> None:
        super().__init__(message)
        self.is_temporary = is_temporary


class OwnershipLost(StoreError):
    """Another orchestrator goes on with the execution: this one was taken for gone."""


class Unreadable(StoreError):
    """One thing in the data directory cannot be read; everything else can."""


class IllegalTransition(WorkflowError):
    """A state move that the table in `model.status` does not allow. Always a bug."""
