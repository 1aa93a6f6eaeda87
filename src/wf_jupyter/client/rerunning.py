"""`Execution.rerun`: a new execution on the results of an old one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from wf_jupyter.client.environment import environment
from wf_jupyter.client.tasks import TaskView
from wf_jupyter.errors import InputError
from wf_jupyter.model.submission import Submission
from wf_jupyter.values.packaging import pack

if TYPE_CHECKING:
    from wf_jupyter.client.execution import Execution

#: A task by key or as a view of it, or several of them.
TaskNames = str | TaskView | Iterable[str | TaskView] | None


def rerun(execution: Execution, from_: TaskNames, inputs: Mapping[str, object] | None) -> Execution:
    """See `Execution.rerun`."""
    here = environment()
    submission: Submission | None = None
    bound = execution.bound
    if inputs is not None:
        if bound is None:
            raise InputError(
                "inputs can only be changed by the kernel that submitted the execution, because the workflow is "
                "traced again: submit the workflow with these inputs, or rerun without inputs",
                "inputs",
            )
        bound = bound.with_inputs(**inputs)
        submission = pack(bound.draft, here, bound.options, owner="")
    again = execution.connection.rerun(execution.id, _keys(from_), here, submission)
    return type(execution)(execution.connection, again, bound)


def _keys(from_: TaskNames) -> list[str]:
    if from_ is None:
        return []
    given = [from_] if isinstance(from_, str | TaskView) else list(from_)
    keys = [task.key if isinstance(task, TaskView) else task for task in given]
    for key in keys:
        if not isinstance(key, str):
            raise InputError(f"from_={key!r} is not allowed: it must be a task's key, as in execution.tasks", "from_")
    return keys
