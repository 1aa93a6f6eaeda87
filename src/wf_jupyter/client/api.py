"""Functions of `import wf_jupyter as wf` that run workflows and find their executions."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from wf_jupyter.client import display, session
from wf_jupyter.client.environment import environment
from wf_jupyter.client.execution import Execution
from wf_jupyter.client.listing import Executions
from wf_jupyter.client.publishing import pack_workflow
from wf_jupyter.errors import InputError
from wf_jupyter.launch import Bound, Definition
from wf_jupyter.model.given_executors import PREFIX
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.snapshot import Summary
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.texts import storable
from wf_jupyter.protocol.operations import EXECUTIONS, WORKFLOWS
from wf_jupyter.protocol.rest import MAX_PAGE, ExecutionsQuery
from wf_jupyter.values.packaging import pack


def connect(
    url: str | None = None, token: str | None = None, mode: Literal["auto", "server", "embedded"] | None = None
) -> str:
    """Settle where workflows of this process run from now on; says where that is.

    Args:
        url: a Jupyter server's address; it must answer. Without it, the environment decides.
        token: that server's token, or a JupyterHub one.
        mode: `"server"` insists on a server (`ServerUnavailable`), `"embedded"` runs inside this
            process, `"auto"` takes the server of this kernel when there is one.
    """
    connection = session.connect(url, token, mode)
    return "connected to the Jupyter server" if connection.server_id else "running inside this process"


@dataclass(frozen=True)
class ConnectionInfo:
    """Where workflows of this process run.

    `place` is `"server"` or `"embedded"`: inside this process, with which they end. `url` is the Jupyter server's
    address, empty when embedded; `version` that of wf_jupyter there.
    """

    place: Literal["server", "embedded"]
    url: str = field(repr=False)
    version: str = field(repr=False)


def connection() -> ConnectionInfo:
    """Where workflows of this process run; connects if nothing did before, and raises as `connect` does."""
    found = session.current()
    return ConnectionInfo("server" if found.server_id else "embedded", found.url, found.version)


def submit(bound: Bound, options: ExecutionOptions) -> Execution:
    """Start an execution of a bound workflow and return it at once; with `executor="inline"`, when it has ended.

    One that needs an executor object of this process runs in this process.
    """
    notebook = storable(os.environ.get("JPY_SESSION_NAME", ""))
    submission = pack(bound.draft, environment(), options, owner=_owner(), notebook=notebook)
    if options.executor == "inline":
        embedded = session.embedded()
        return Execution(embedded, embedded.submit_inline(submission), bound.without_graph())
    named = (options.executor, *(node.options.executor or "" for node in submission.graph.nodes))
    is_here = any(name.startswith(PREFIX) for name in named)
    connection = session.embedded() if is_here else session.current()
    return Execution(connection, connection.submit(submission), bound.without_graph())


def run(bound: Bound, options: ExecutionOptions) -> Any:
    """Submit, show, wait, and return the result. An interrupt leaves the execution running."""
    execution = submit(bound, options)
    display.show(execution)
    return execution.result()


def executions(
    status: str | None = None, workflow: str | None = None, limit: int = 50, before: str | None = None
) -> Executions:
    """Executions, newest first, of every kernel and notebook that uses the same orchestrator.

    Args:
        status: only those in this status.
        workflow: only those of the workflow of this name.
        limit: at most so many.
        before: the id of the last one of the previous page.
    """
    if not isinstance(limit, int) or limit < 1:
        raise InputError(f"limit={limit!r} is not allowed: it must be 1 or more", "limit")
    connection = session.current()
    wanted = ExecutionsQuery(status=_status(status) or UNSET, workflow=UNSET if workflow is None else workflow)
    found: list[Summary] = []
    while len(found) < limit:
        after = found[-1].id if found else before
        query = msgspec.structs.replace(wanted, limit=min(limit - len(found), MAX_PAGE), before=after or UNSET)
        page = connection.ask(EXECUTIONS, query=query).executions
        found += page
        if len(page) < query.limit:
            break
    return Executions(connection, found)


def get_execution(id: str) -> Execution:  # noqa: A002 - what it is called everywhere else, too
    """The execution with that id, whoever started it; `ExecutionNotFound`."""
    if not isinstance(id, str) or not id.strip():
        raise InputError(f"id={id!r} is not allowed: it must be the id of an execution, as in `execution.id`", "id")
    found: Execution = Execution(session.current(), id)
    found.workflow  # noqa: B018 - asks for it
    return found


def workflows() -> list[str]:
    """The names of the published workflows."""
    return [page.name for page in session.current().ask(WORKFLOWS).workflows]


def publish(workflow: Definition, name: str | None = None) -> None:
    """Store a workflow with its code, to be executed by name; a changed one becomes a new version."""
    session.current().publish(pack_workflow(workflow, name, environment()))


def form(workflow: Definition) -> Any:
    """A form for a workflow's inputs; `ImportError` where this kernel has no widgets."""
    return display.widgets("form").WorkflowForm(workflow)


def execute(name: str, inputs: Mapping[str, Any] | None = None) -> Execution:
    """Start a published workflow by its name; `WorkflowNotFound`, or `InputError` when the inputs do not fit."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"name={name!r} is not allowed: it must be the name of a published workflow", "name")
    if inputs is not None and not isinstance(inputs, Mapping):
        raise InputError(f"inputs={inputs!r} is not allowed: it must be a dict of input names and values", "inputs")
    connection = session.current()
    return Execution(connection, connection.execute(name, dict(inputs or {})))


def _status(status: str | None) -> ExecutionStatus | None:
    if status is None:
        return None
    try:
        return ExecutionStatus(status)
    except ValueError:
        allowed = ", ".join(known.value for known in ExecutionStatus)
        raise InputError(f"status={status!r} is not allowed: it must be one of {allowed}", "status") from None


def _owner() -> str:
    try:
        return storable(getpass.getuser())
    except (KeyError, OSError, ImportError):
        return ""  # a container whose user has no name
