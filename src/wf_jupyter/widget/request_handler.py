"""Questions of a page about its execution, through the kernel: the same as over REST, by the same names.

Answers are bounded, so that no message of a notebook's connection becomes huge: a long list comes with
`more`, and the page asks for what follows. Questions are answered on threads of their own, as the
disk or a server may take its time; commands are carried out in order, where they arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from wf_jupyter.client.execution import Execution
from wf_jupyter.client.loop import background
from wf_jupyter.errors import InputError
from wf_jupyter.protocol.commands import BODIES, command_of
from wf_jupyter.protocol.operations import EVENTS, RELAYED, Operation
from wf_jupyter.protocol.problems import input_error, problem
from wf_jupyter.protocol.rest import EventsQuery, LogQuery, RerunFrom

#: Bytes of a list in one answer, unless its first member alone is larger.
LARGEST_ANSWER = 1 << 20

T = TypeVar("T", bound=msgspec.Struct)
Send = Callable[[Mapping[str, Any]], None]


class _OfTask(msgspec.Struct, frozen=True):
    task: str


class RequestHandler:
    """Answers for one execution, whoever runs it."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    def take(self, asked: Mapping[str, Any], send: Send) -> None:
        """A page's request, untrusted: its answer is sent once it is there, with the request's `id`."""
        method, sent = asked.get("method"), asked.get("params", {})
        head = {"kind": "answer", "execution_id": self._execution.id, "id": asked.get("id")}
        operation = RELAYED.get(method) if isinstance(method, str) else None
        if operation is None:
            send({**head, **_outcome(_refuse)})
        elif operation.verb == "get":
            background().spawn(
                asyncio.to_thread(lambda: send({**head, **_outcome(lambda: self._answer(operation, sent))}))
            )
        else:
            send({**head, **_outcome(lambda: self._carry_out(operation.name, sent))})

    def _carry_out(self, name: str, sent: object) -> Mapping[str, Any]:
        if name == "rerun":
            return {"id": self._execution.rerun(_read(sent, RerunFrom).keys or None).id}
        command = command_of(name, _read(sent, BODIES[name]))
        connection = self._execution.connection
        connection.command(self._execution.id, command)
        # What the command changed is known here when the page hears that it was carried out.
        connection.refresh(self._execution.follow())
        return {}

    def _answer(self, operation: Operation[Any], sent: object) -> Mapping[str, Any]:
        connection, execution = self._execution.connection, self._execution.id
        query = None if operation.query is None else _read(sent, operation.query)
        if isinstance(query, EventsQuery):
            # Read as clients do, who skip what a newer server may send.
            return _bound_answer({EVENTS.name: connection.events(execution, query.after, query.limit).events})
        if isinstance(query, LogQuery):
            query = msgspec.structs.replace(query, limit=min(query.limit, LARGEST_ANSWER))
        key = (_read(sent, _OfTask).task,) if "key" in operation.parameters else ()
        found = connection.ask(operation, execution, *key, query=query)
        return _bound_answer({name: getattr(found, name) for name in found.__struct_fields__})


def _outcome(act: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    try:
        return {"result": act()}
    except Exception as error:  # whatever it is, the page must not wait for ever
        return {"error": msgspec.to_builtins(problem(error))}


def _refuse() -> Mapping[str, Any]:
    raise InputError("this kernel does not know what the page asks for", "method")


def _read(sent: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(sent, kind)
    except msgspec.ValidationError as error:
        raise input_error(error, "params") from None


def _bound_answer(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer with as many members of each list as one message takes; `more` when some were left out."""
    bounded: dict[str, Any] = {}
    for name, value in answer.items():
        kept, is_whole = _first(value) if isinstance(value, list) else (value, True)
        bounded[name] = msgspec.to_builtins(kept)
        if not is_whole:
            bounded["more"] = True
    return bounded


def _first(members: list[Any]) -> tuple[list[Any], bool]:
    size = 0
    for number, member in enumerate(members):
        size += len(msgspec.json.encode(member))
        if number and size > LARGEST_ANSWER:
            return members[:number], False
    return members, True
