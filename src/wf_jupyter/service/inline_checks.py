"""Refuses what would need a caller's thread where there is none: executions with `executor="inline"` on a server."""

from __future__ import annotations

from wf_jupyter.errors import InputError, StateConflict
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.stimuli import Cancel, Command
from wf_jupyter.service.config import RuntimeConfig


def check_submission(options: ExecutionOptions, config: RuntimeConfig) -> None:
    """`InputError` when the execution would wait for ever."""
    if options.executor == "inline" and not config.has_inline:
        raise InputError("executor='inline' runs in the process that submits, not on a server", "executor")


def check_command(options: ExecutionOptions, command: Command, config: RuntimeConfig) -> None:
    """`StateConflict` when the command would let an execution go on that cannot: all but `Cancel`."""
    if options.executor == "inline" and not config.has_inline and not isinstance(command, Cancel):
        raise StateConflict(
            "this execution runs in the process that submits it (executor='inline'): a server cannot go on with it. "
            "Retry or resume it in a kernel without a server (WF_JUPYTER_MODE=embedded), or cancel it here"
        )
