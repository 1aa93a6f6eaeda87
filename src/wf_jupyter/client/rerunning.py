"""`Execution.rerun`: a new execution on the results of an old one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wf_jupyter.client.connection import Connection
from wf_jupyter.client.environment import environment
from wf_jupyter.client.tasks import TaskView
from wf_jupyter.errors import InputError
from wf_jupyter.launch import Bound
from wf_jupyter.model.submission import Submission
from wf_jupyter.values.packaging import pack

#: A task by key or as a view of it, or several of them.
TaskNames = str | TaskView | Iterable[str | TaskView] | None


def rerun(
    connection: Connection,
    execution: str,
    bound: Bound | None,
    from_: TaskNames,
    inputs: Mapping[str, object] | None,
) -> tuple[str, Bound | None]:
    """Carry out `Execution.rerun`; the id of the new execution, and what it is bound to."""
    here = environment()
    submission: Submission | None = None
    if inputs is not None:
        if not isinstance(inputs, Mapping):
            raise InputError(f"inputs={inputs!r} is not allowed: it must be a dict of input names and values", "inputs")
        if bound is None:
            raise InputError(
                "inputs can only be changed by the kernel that submitted the execution, because the workflow is "
                "traced again: submit the workflow with these inputs, or rerun without inputs",
                "inputs",
            )
        bound = bound.with_inputs(**inputs)
        submission = pack(bound.draft, here, bound.options, owner="")
    return connection.rerun(execution, task_keys(from_, "from_"), here, submission), bound


def task_keys(named: TaskNames, argument: str) -> list[str]:
    """The keys of the named tasks; `InputError` naming the argument that they were given as."""
    if named is None:
        return []
    given = list(named) if isinstance(named, Iterable) and not isinstance(named, str) else [named]
    keys = [task.key if isinstance(task, TaskView) else task for task in given]
    for key in keys:
        if not isinstance(key, str):
            raise InputError(
                f"{argument}={key!r} is not allowed: it must be a task's key, as in execution.tasks", argument
            )
    return keys
