"""Workflows of Python tasks that run in the Jupyter server and are watched in the notebook.

The public names are resolved at first use: importing the package is cheap and loads neither server nor widget.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wf_jupyter import providers as providers  # they provide themselves
from wf_jupyter.version import VERSION

if TYPE_CHECKING:
    from wf_jupyter.client.api import connect, connection, execute, executions, get_execution, workflows
    from wf_jupyter.client.execution import Execution
    from wf_jupyter.context import current_task, progress, track
    from wf_jupyter.dsl.conditions import allow_failure, coalesce, unless, when
    from wf_jupyter.dsl.notebook import notebook_task
    from wf_jupyter.dsl.task import task
    from wf_jupyter.dsl.workflow import workflow
    from wf_jupyter.errors import (
        CellFailed,
        ExecutionCancelled,
        ExecutionNotFound,
        InputError,
        NotPermitted,
        ProtocolMismatch,
        RateLimited,
        ServerUnavailable,
        StateConflict,
        StoreError,
        TaskError,
        TaskFailed,
        ValueTooLarge,
        WorkflowDefinitionError,
        WorkflowError,
        WorkflowNotFound,
    )
    from wf_jupyter.notebooks.workflow import notebook
    from wf_jupyter.values.secret import Secret

__version__ = VERSION

__all__ = [
    "CellFailed",
    "Execution",
    "ExecutionCancelled",
    "ExecutionNotFound",
    "InputError",
    "NotPermitted",
    "ProtocolMismatch",
    "RateLimited",
    "Secret",
    "ServerUnavailable",
    "StateConflict",
    "StoreError",
    "TaskError",
    "TaskFailed",
    "ValueTooLarge",
    "WorkflowDefinitionError",
    "WorkflowError",
    "WorkflowNotFound",
    "__version__",
    "allow_failure",
    "coalesce",
    "connect",
    "connection",
    "current_task",
    "execute",
    "executions",
    "get_execution",
    "notebook",
    "notebook_task",
    "progress",
    "task",
    "track",
    "unless",
    "when",
    "workflow",
    "workflows",
]

_HOMES = {
    "client.api": ("connect", "connection", "execute", "executions", "get_execution", "workflows"),
    "client.execution": ("Execution",),
    "client.magics": ("load_ipython_extension",),
    "context": ("current_task", "progress", "track"),
    "dsl.conditions": ("allow_failure", "coalesce", "unless", "when"),
    "dsl.notebook": ("notebook_task",),
    "dsl.task": ("task",),
    "dsl.workflow": ("workflow",),
    "notebooks.workflow": ("notebook",),
    "values.secret": ("Secret",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:  # to a type checker it would stand for every name, a misspelt one as well

    def __getattr__(name: str) -> Any:
        if name not in __all__ and name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME_OF.get(name, 'errors')}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Name the extension for `jupyter server`; it asks only in its own process."""
    from wf_jupyter import unsupported

    if unsupported.reason() is not None:
        return [{"module": "wf_jupyter.unsupported"}]
    from wf_jupyter.server.extension import WorkflowExtension

    return [{"module": "wf_jupyter.server.extension", "app": WorkflowExtension}]
