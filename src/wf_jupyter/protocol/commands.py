"""Commands to an execution, as the engine takes them: the same for the WebSocket, HTTP and a page's kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from wf_jupyter.model.stimuli import Cancel, CancelTask, Pause, Resume, Retry
from wf_jupyter.protocol import messages
from wf_jupyter.protocol.rest import CommandBody, RetryBody

#: What a person may ask of an execution.
Command = Cancel | CancelTask | Pause | Resume | Retry
Body = CommandBody | RetryBody

#: The bodies of the commands, by their names on the wire.
BODIES: Mapping[str, type[CommandBody] | type[RetryBody]] = {
    "cancel": CommandBody,
    "pause": CommandBody,
    "resume": CommandBody,
    "retry": RetryBody,
}


def command_of(name: str, body: Body) -> Command:
    """The command of that name; `body` says to which tasks, and why."""
    if isinstance(body, RetryBody):
        return Retry(tasks=tuple(body.keys))
    if name == "cancel":
        return CancelTask(task=body.task) if body.task is not None else Cancel(reason=body.reason)
    return Pause() if name == "pause" else Resume()


def command_in(params: messages.Cancel | messages.Pause | messages.Resume | messages.Retry) -> Command:
    """The command that a method of the WebSocket asks for."""
    match params:
        case messages.Cancel():
            return command_of("cancel", CommandBody(reason=params.reason, task=params.task))
        case messages.Pause():
            return Pause()
        case messages.Resume():
            return Resume()
        case messages.Retry():
            return command_of("retry", RetryBody(task=params.task))
        case _:
            assert_never(params)


def encode_command(command: Command) -> tuple[str, Body]:
    """The name of a command on the wire, and its body."""
    match command:
        case CancelTask(task=task):
            return "cancel", CommandBody(task=task)
        case Retry(tasks=tasks):
            return "retry", RetryBody(task=list(tasks) or None)
        case Cancel(reason=reason):
            return "cancel", CommandBody(reason=reason)
        case Pause() | Resume():
            return type(command).__name__.lower(), CommandBody()
        case _:
            assert_never(command)
