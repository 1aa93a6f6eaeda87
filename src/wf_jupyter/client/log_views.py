"""The log of an execution, read for people: events, printed text, displayed things, a table."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from wf_jupyter.client.connection import Connection
from wf_jupyter.engine.fold import Picture, empty
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.events import Event, TaskLog, TaskOutput, TasksAdded, WorkflowCompleted
from wf_jupyter.model.snapshot import Snapshot, TaskSnapshot, is_at_rest
from wf_jupyter.protocol.codec import UnknownEvent
from wf_jupyter.protocol.operations import LOG
from wf_jupyter.protocol.rest import LogQuery

_PAGE = 1000
_WAIT = 20.0

_to_bytes = msgspec.msgpack.Encoder()
_to_snapshot = msgspec.msgpack.Decoder(Snapshot)


class LogText(str):
    """Text that shows as it is at the end of a cell, instead of as a quoted string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self).rstrip("\n")


@dataclass(frozen=True, repr=False)
class Output:
    """Something a task displayed: MIME type → content. Shows itself at the end of a cell."""

    data: Mapping[str, str]

    def __repr__(self) -> str:
        return self.data.get("text/plain", f"<output: {', '.join(sorted(self.data))}>")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return dict(self.data)


def stream(connection: Connection, execution: str, after: int, follow: bool) -> Iterator[Event]:
    """Events page by page; with `follow`, waits for more until the last one ends the execution.

    Raises:
        StateConflict: the log lost its end, or was replaced by an older copy: what it holds now does not
            continue what was told before.
    """
    ended = False
    epoch: str | None = None
    while True:
        answer = connection.events(execution, after, _PAGE, _WAIT if follow and not ended else 0.0)
        page = answer.events
        if answer.epoch == "" or epoch not in (None, answer.epoch):
            raise StateConflict(
                f"the log of execution {execution} has no such event {after} any more: it lost its end, or is an older "
                "copy. Read it again with after=0"
            )
        epoch = answer.epoch
        for event in page:
            after = event.seq
            ended = isinstance(event, WorkflowCompleted)
            epoch = getattr(event, "epoch", "") or epoch
            if not isinstance(event, UnknownEvent):
                yield event
        if not page and (ended or not follow):
            return
        if not page and follow and not ended:
            # Started at or after the end: no event tells of it any more.
            ended = is_at_rest(connection.ending(execution, 0.0).result())


def read_text(events: Iterable[Event], task: str | None) -> Iterator[str]:
    """The text of one task, or of all of them with each line marked by its task."""
    for event in events:
        if isinstance(event, TaskLog):
            if task is None:
                yield "".join(f"{event.task} | {line}\n" for line in event.text.splitlines())
            elif event.task == task:
                yield event.text


def whole_log(connection: Connection, execution: str, task: str, attempt: int) -> str:
    """All that one attempt printed so far."""
    texts: list[str] = []
    offset = 0
    while True:
        stretch = connection.ask(LOG, execution, task, query=LogQuery(attempt=attempt, offset=offset))
        texts.append(stretch.text)
        offset = stretch.end
        if not stretch.text or offset >= stretch.size:
            return "".join(texts)


def read_outputs(events: Iterable[Event], task: str) -> list[Output]:
    """Outputs that one task displayed."""
    return [Output(event.data) for event in events if isinstance(event, TaskOutput) and event.task == task]


def plain(text: str) -> Any:
    """The value that a preview spells out, of a submission (Python) or of an `execute` (JSON); else the text."""
    if "..." in text or "…" in text:
        return text  # maybe cut short: then it would read as another value
    for read in (ast.literal_eval, msgspec.json.decode):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def deep_copy(snapshot: Snapshot) -> Snapshot:
    """A snapshot that shares nothing with the live one; encoding is the fastest deep copy there is."""
    return _to_snapshot.decode(_to_bytes.encode(snapshot))


def beginning(connection: Connection, snapshot: Snapshot) -> Snapshot:
    """The execution as it was submitted: the graph with nothing done yet."""
    picture = Picture(empty(snapshot.id, snapshot.epoch, snapshot.created, snapshot.workflow))
    for event in connection.events(snapshot.id, 0, 2).events:
        if isinstance(event, TasksAdded):
            picture.fold(event)
    return picture.snapshot


def _why(task: TaskSnapshot) -> str | None:
    if task.reason is not None:
        return task.reason.text
    return None if task.error is None else f"{task.error.type}: {task.error.message}"


def frame(snapshot: Snapshot) -> Any:
    """One row per task, as a pandas DataFrame."""
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("to_frame() needs pandas: pip install pandas") from None
    columns = ("key", "name", "group", "status", "attempts", "started", "ended", "duration")
    rows = [
        {
            **{column: getattr(task, column) for column in columns},
            "status": str(task.status),
            "error": _why(task),
        }
        for task in snapshot.tasks
    ]
    return pd.DataFrame(rows, columns=[*columns, "error"])
