"""The answers to the questions of `protocol.operations` that are answered in JSON, one function each.

Whoever asks, over HTTP, through a page's kernel or in this process, gets what these functions return. They are
called on the orchestrator's loop, with what the operation's path names (an execution, a task) and its query.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from wf_jupyter.errors import ExecutionNotFound
from wf_jupyter.model.events import TaskCompleted, TaskLog, TaskOutput, TaskRetrying
from wf_jupyter.model.snapshot import Snapshot
from wf_jupyter.ports import Published
from wf_jupyter.protocol.operations import Operation
from wf_jupyter.protocol.pages import (
    EventPage,
    ExecutionPage,
    FoundPage,
    HistoryPage,
    InputPage,
    LogLine,
    LogPage,
    LogStretch,
    OutputLine,
    OutputPage,
    Standing,
    TaskUsage,
    UsagePage,
    WorkflowList,
    WorkflowPage,
)
from wf_jupyter.protocol.rest import EndingQuery, EventsQuery, ExecutionsQuery, LogQuery, SearchQuery, TaskQuery
from wf_jupyter.service.orchestrator import Orchestrator

A = TypeVar("A")
E = TypeVar("E", TaskLog, TaskOutput)
T = TypeVar("T")

_PAGE = 1000


async def executions(engine: Orchestrator, query: ExecutionsQuery) -> ExecutionPage:
    """A page of them, newest first."""
    found = await engine.executions(
        status=query.status or None,
        workflow=_given_or_none(query.workflow),
        limit=query.limit,
        before=_given_or_none(query.before),
    )
    return ExecutionPage(executions=found)


async def execution(engine: Orchestrator, execution: str) -> Snapshot:
    """Everything about it at one `seq`."""
    return await engine.snapshot(execution)


async def events(engine: Orchestrator, execution: str, query: EventsQuery) -> EventPage:
    """Events after `after`; with `wait`, as soon as there is one."""
    return await engine.following.page(execution, after=query.after, limit=query.limit, wait=query.wait)


async def ending(engine: Orchestrator, execution: str, query: EndingQuery) -> Standing:
    """Where it stands; with `wait`, as soon as it has ended or does not go on by itself."""
    return await engine.following.ending(execution, query.wait)


async def history(engine: Orchestrator, execution: str) -> HistoryPage:
    """From earlier executions of the same workflow; no task is named that none of them finished."""
    return await engine.history(execution)


async def usage(engine: Orchestrator, execution: str) -> UsagePage:
    """From the events of attempts that ended, of the whole log: also of those before a retry."""
    tasks: dict[str, TaskUsage] = {}
    after = 0
    while page := await engine.events(execution, after=after, limit=_PAGE):
        for event in page:
            if isinstance(event, TaskCompleted | TaskRetrying) and event.usage is not None:
                before = tasks.pop(event.task, TaskUsage(task=event.task, attempts=0, cpu=0.0))
                tasks[event.task] = TaskUsage(
                    task=event.task,
                    attempts=before.attempts + 1,
                    cpu=round(before.cpu + event.usage.cpu, 6),
                    memory=_most(before.memory, event.usage.memory),
                )
        after = page[-1].seq
    if not tasks:
        await engine.snapshot(execution)  # ExecutionNotFound for an unknown id
    found = list(tasks.values())
    cpu = round(sum(each.cpu for each in found), 6)
    return UsagePage(cpu=cpu, memory=_most(*(each.memory for each in found)), tasks=found)


async def logs(engine: Orchestrator, execution: str, key: str, query: TaskQuery) -> LogPage:
    """Text that a task printed: all of it, or what came after event `after`; of one stream, or of all."""
    lines = [
        LogLine(attempt=event.attempt, stream=event.stream, text=event.text, seq=event.seq, time=event.time)
        for event in await _of_task(engine, execution, key, query.after, TaskLog)
        if _given_or_none(query.stream) in (None, event.stream)
    ]
    return LogPage(task=key, logs=lines)


async def log(engine: Orchestrator, execution: str, key: str, query: LogQuery) -> LogStretch:
    """A stretch of what one attempt printed; the next one begins at `end`."""
    return await engine.tasks.log(execution, key, _given_or_none(query.attempt), query.offset, query.limit)


async def search(engine: Orchestrator, execution: str, key: str, query: SearchQuery) -> FoundPage:
    """The first lines of that which hold the text, and how many there are."""
    return await engine.tasks.search(execution, key, query.text, _given_or_none(query.attempt), query.limit)


async def inputs(engine: Orchestrator, execution: str, key: str) -> InputPage:
    """Texts, made where the workflow was submitted: no value is looked at here."""
    return await engine.tasks.inputs(execution, key)


async def outputs(engine: Orchestrator, execution: str, key: str, query: TaskQuery) -> OutputPage:
    """Outputs that a task displayed: all of them, or those after event `after`."""
    found = await _of_task(engine, execution, key, query.after, TaskOutput)
    lines = [OutputLine(attempt=event.attempt, data=event.data, seq=event.seq, time=event.time) for event in found]
    return OutputPage(task=key, outputs=lines)


async def workflows(engine: Orchestrator) -> WorkflowList:
    """The newest version of each, by name."""
    return WorkflowList(workflows=[workflow_page(published) for published in await engine.workflows()])


async def workflow(engine: Orchestrator, name: str) -> WorkflowPage:
    """The newest version of a published workflow."""
    return workflow_page(await engine.workflow(name))


#: By the name of the operation.
ANSWERS: Mapping[str, Callable[..., Awaitable[Any]]] = {
    function.__name__: function
    for function in (
        executions,
        execution,
        events,
        ending,
        history,
        usage,
        logs,
        log,
        search,
        inputs,
        outputs,
        workflows,
        workflow,
    )
}


async def answer(
    engine: Orchestrator, operation: Operation[A], path: tuple[str, ...], query: msgspec.Struct | None
) -> A:
    """Call the operation's function; its errors are those of `errors`.

    Args:
        path: what stands for the operation's `parameters`, in order.
        query: of the operation's own type; None for one with all defaults.
    """
    given = () if operation.query is None else (query or operation.query(),)
    found: A = await ANSWERS[operation.name](engine, *path, *given)
    return found


def workflow_page(workflow: Published) -> WorkflowPage:
    """A published workflow without its code."""
    return WorkflowPage(
        name=workflow.name,
        version=workflow.version,
        description=workflow.description,
        parameters=workflow.parameters,
        published=workflow.published,
    )


def _most(*measured: int | None) -> int | None:
    return max((each for each in measured if each is not None), default=None)


def _given_or_none(field: T | msgspec.UnsetType) -> T | None:
    """The value of a query's field, or None when it is not given. An empty text is a text."""
    return None if isinstance(field, msgspec.UnsetType) else field


async def _of_task(engine: Orchestrator, execution: str, key: str, after: int, kind: type[E]) -> list[E]:
    snapshot = await engine.snapshot(execution)
    task = next((task for task in snapshot.tasks if task.key == key), None)
    if task is None:
        raise ExecutionNotFound(f"execution {execution!r} has no task {key!r}")
    found: list[E] = []
    if not (task.logged if kind is TaskLog else task.displayed):
        return found
    while page := await engine.events(execution, after=after, limit=_PAGE):
        found += [event for event in page if isinstance(event, kind) and event.task == key]
        after = page[-1].seq
    return found
