"""What a page may ask about its execution through the kernel: the same questions as over REST, by the same names.

Answers are bounded, so that no message of a notebook's connection becomes huge: a long list comes with
`more`, and the page asks for what follows. Questions are answered on threads of their own, as the
disk or a server may take its time; commands are carried out in order, where they arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from wf_jupyter.client.execution import Execution
from wf_jupyter.client.loop import background
from wf_jupyter.client.records import stream
from wf_jupyter.errors import InputError
from wf_jupyter.model.events import TaskOutput
from wf_jupyter.model.stimuli import Cancel, CancelTask
from wf_jupyter.protocol.problems import input_error, problem
from wf_jupyter.protocol.rest import (
    CommandBody,
    EventsQuery,
    LogQuery,
    OutputLine,
    RerunFrom,
    RetryBody,
    SearchQuery,
    TaskQuery,
)

#: Bytes of a list in one answer, unless its first member alone is larger.
LARGEST_ANSWER = 1 << 20

T = TypeVar("T", bound=msgspec.Struct)
Send = Callable[[Mapping[str, Any]], None]


class _OfTask(msgspec.Struct, frozen=True):
    task: str


class Desk:
    """Answers for one execution, whoever runs it."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._commands: Mapping[str, Callable[[object], object]] = {
            "cancel": self._cancel,
            "pause": lambda _: self._execution.pause(),
            "resume": lambda _: self._execution.resume(),
            "retry": lambda sent: self._execution.retry(_read(sent, RetryBody).keys or None),
            "rerun": lambda sent: {"id": self._execution.rerun(_read(sent, RerunFrom).keys or None).id},
        }
        self._questions: Mapping[str, Callable[[object], object]] = {
            "events": self._events,
            "history": lambda _: execution.connection.history(execution.id),
            "inputs": lambda sent: execution.connection.task_inputs(execution.id, _read(sent, _OfTask).task),
            "outputs": self._outputs,
            "log": self._log,
            "search": self._search,
        }

    def take(self, asked: Mapping[str, Any], send: Send) -> None:
        """A page's request, untrusted: its answer is sent once it is there, with the request's `id`."""
        method, sent = asked.get("method"), asked.get("params", {})
        head = {"kind": "answer", "execution_id": self._execution.id, "id": asked.get("id")}
        if isinstance(method, str) and method in self._questions:
            question = self._questions[method]
            background().spawn(asyncio.to_thread(lambda: send({**head, **_outcome(question, sent)})))
        else:
            send({**head, **_outcome(self._commands.get(str(method), _refuse), sent)})

    def _cancel(self, sent: object) -> None:
        body = _read(sent, CommandBody)
        command = Cancel(reason=body.reason) if body.task is None else CancelTask(task=body.task)
        self._execution.connection.command(self._execution.id, command)

    def _events(self, sent: object) -> Mapping[str, Any]:
        wanted = _read(sent, EventsQuery)
        page = self._execution.connection.events(self._execution.id, wanted.after, wanted.limit)
        return _page("events", page.events)

    def _outputs(self, sent: object) -> Mapping[str, Any]:
        key, after = _read(sent, _OfTask).task, _read(sent, TaskQuery).after
        events = stream(self._execution.connection, self._execution.id, after, follow=False)
        lines = (
            OutputLine(attempt=event.attempt, data=event.data, seq=event.seq, time=event.time)
            for event in events
            if isinstance(event, TaskOutput) and event.task == key
        )
        return _page("outputs", lines)

    def _log(self, sent: object) -> object:
        key, wanted = _read(sent, _OfTask).task, _read(sent, LogQuery)
        attempt = None if wanted.attempt is msgspec.UNSET else wanted.attempt
        limit = min(wanted.limit, LARGEST_ANSWER)
        return self._execution.connection.log_text(self._execution.id, key, attempt, wanted.offset, limit)

    def _search(self, sent: object) -> object:
        key, wanted = _read(sent, _OfTask).task, _read(sent, SearchQuery)
        attempt = None if wanted.attempt is msgspec.UNSET else wanted.attempt
        return self._execution.connection.search_log(self._execution.id, key, wanted.text, attempt, wanted.limit)


def _outcome(act: Callable[[object], object], sent: object) -> Mapping[str, Any]:
    try:
        return {"result": msgspec.to_builtins(act(sent)) or {}}
    except Exception as error:  # whatever it is, the page must not wait for ever
        return {"error": msgspec.to_builtins(problem(error))}


def _refuse(sent: object) -> None:
    raise InputError("this kernel does not know what the page asks for", "method")


def _read(sent: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(sent, kind)
    except msgspec.ValidationError as error:
        raise input_error(error, "params") from None


def _page(name: str, members: Iterable[msgspec.Struct]) -> Mapping[str, Any]:
    """As many members as one answer takes."""
    kept: list[Any] = []
    size = 0
    for member in members:
        size += len(msgspec.json.encode(member))
        if kept and size > LARGEST_ANSWER:
            return {name: kept, "more": True}
        kept.append(msgspec.to_builtins(member))
    return {name: kept}
