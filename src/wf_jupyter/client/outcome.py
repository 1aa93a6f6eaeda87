"""From what the orchestrator keeps (bytes) to what the user wrote (objects), in the user's own process.

This is one of the two places that unpickle values; the other one is the worker.
"""

from __future__ import annotations

import re

from wf_jupyter.errors import ExecutionCancelled, StateConflict, TaskFailed, WorkflowDefinitionError, WorkflowError
from wf_jupyter.model.draft import ABSENT
from wf_jupyter.model.events import Failure
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.ports import ExecutionResult, Input, TaskFailure
from wf_jupyter.values import codec, inputs
from wf_jupyter.values.exceptions import decode_exception

#: How many other failed tasks the error names.
_NAMED = 5


def decode_returned(result: ExecutionResult) -> object:
    """Decode what the workflow returned; raises what `failure` says when it did not."""
    error = failure(result)
    if error is not None:
        raise error
    if result.template is None:
        raise StateConflict(f"the execution has no result: it is {result.status}")
    resolve = inputs.resolver(result.inputs)

    def part(position: int, path: tuple[object, ...]) -> object:
        whole = resolve(position, ())
        try:
            return _present(resolve(position, path))
        except Exception as error:  # a value's own __getitem__ may raise anything
            keys = "".join(f"[{key!r}]" for key in path)
            message = f"the workflow returns item {keys} of a task's result, a {type(whole).__name__}, which has none"
            raise WorkflowDefinitionError(f"{message}: {type(error).__name__}: {error}") from error

    return codec.decode(result.template, part)


def failure(result: ExecutionResult) -> WorkflowError | None:
    """The error that stands for an execution that did not succeed."""
    match result.status:
        case ExecutionStatus.SUCCEEDED:
            return None
        case ExecutionStatus.CANCELLED:
            return ExecutionCancelled("the execution was cancelled before it had a result")
    if not result.failed:
        return WorkflowError(f"the execution is {result.status}, and no task says why")
    # A task that returned a graph fails because of another one, which says why.
    origins = [failed for failed in result.failed if failed.failure.kind != "upstream"] or result.failed
    # By key, not by time: of several failures the same one is told in every run.
    first, *rest = sorted(origins, key=lambda failed: _natural(failed.task))
    error = task_failed(first)
    others = [f"{other.task}: {other.failure.type}" for other in rest]
    if others:
        more = f", and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        error.add_note(f"Also failed: {', '.join(others[:_NAMED])}{more}")
    return error


def task_failed(failed: TaskFailure) -> TaskFailed:
    """The error of one task, with the task's own exception as its cause when it can be rebuilt."""
    error = TaskFailed(*_split_failure(failed.task, failed.failure))
    if failed.error is not None:
        error.__cause__ = decode_exception(failed.error)
    return error


def value(stored: Input) -> object:
    """The object behind one stored result; None stands for a task that was skipped or cancelled."""
    return _present(inputs.load(stored))


def _natural(key: str) -> list[tuple[str, int]]:
    return [(word, int(number or -1)) for word, number in re.findall(r"(\D*)(\d*)", key)]


def _split_failure(task: str, failure: Failure) -> tuple[str, str, str, str]:
    return task, failure.type, failure.message, failure.traceback


def _present(found: object) -> object:
    """A user's program knows nothing of our marker for "no value"; the results of a map may hold some."""
    if found is ABSENT:
        return None
    if type(found) is list and any(item is ABSENT for item in found):
        return [None if item is ABSENT else item for item in found]
    return found
