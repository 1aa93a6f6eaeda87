"""The commands, one function each. Data go to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import datetime
from pathlib import Path
from typing import assert_never

from wf_jupyter.cli import live, loading, notebooks
from wf_jupyter.client import api, session
from wf_jupyter.client.execution import Execution
from wf_jupyter.client.replica import Link, Replica
from wf_jupyter.errors import InputError, WorkflowError
from wf_jupyter.model.events import (
    Event,
    TaskCancelling,
    TaskCompleted,
    TaskLog,
    TaskOutput,
    TaskProgress,
    TaskRequeued,
    TaskRetrying,
    TasksAdded,
    TaskStarted,
    WorkflowCancelling,
    WorkflowCompleted,
    WorkflowInterrupted,
    WorkflowPaused,
    WorkflowRecovered,
    WorkflowResumed,
    WorkflowRetried,
    WorkflowStarted,
    reason_of,
)
from wf_jupyter.model.snapshot import is_at_rest, status_word
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.render.text import snapshot_text


def run(asked: Namespace) -> int:
    """Submit; without a server, with `--watch` or with `--output`, stay until it has ended."""
    workflow = loading.workflow(asked.workflow, asked.mode_of_cells)
    for option in ("output", "check"):
        if getattr(asked, option) and not notebooks.is_notebook(workflow):
            raise InputError(f"--{option} is for notebooks, and {asked.workflow} is none", option)
    if asked.output:
        notebooks.prepare(Path(asked.output))
    if asked.executor:
        workflow = workflow.with_options(executor=asked.executor)
    inputs = loading.inputs(asked.parameter)
    book = notebooks.book_of(workflow, inputs) if asked.output else None
    execution: Execution = workflow.submit(**inputs)
    print(execution.id, flush=True)
    if asked.watch:
        _tell(execution)
    elif execution.connection.server_id and not (asked.output or asked.check):
        return 0
    execution.wait()
    if book is not None:
        notebooks.save(execution, book, Path(asked.output))
    ended = _outcome(execution)
    return notebooks.check(execution, workflow, inputs) if asked.check and not ended else ended


def list_executions(asked: Namespace) -> int:
    """One line per execution."""
    for summary in api.executions(asked.status, asked.workflow, asked.limit).summaries:
        done = sum(summary.counts.get(status, 0) for status in ("succeeded", "cached"))
        created = summary.created.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        total = sum(summary.counts.values())
        print(f"{summary.id}  {created}  {status_word(summary):<11}  {done}/{total}  {summary.workflow}")
        if summary.parked is not None:
            print(f"{'':<{len(summary.id)}}  {summary.parked.reason}")
    return 0


def export(asked: Namespace) -> int:
    """One file for those who have no server."""
    try:
        print(api.get_execution(asked.id).to_html(asked.file))
    except OSError as error:
        raise WorkflowError(f"{asked.file} cannot be written: {error.strerror or error}") from error
    return 0


def show(asked: Namespace) -> int:
    """The picture in text, and the first failure at length."""
    execution = api.get_execution(asked.id)
    snapshot = execution.snapshot()
    print(snapshot_text(snapshot))
    if snapshot.parked is not None:
        print(f"  {status_word(snapshot)}: {snapshot.parked.reason}")
    for name, value in snapshot.inputs.items():
        print(f"  {name} = {value}")
    if snapshot.status is ExecutionStatus.FAILED:
        print(f"\n{execution.exception()}")
    return 0


def watch(asked: Namespace) -> int:
    """A line per event until the end."""
    execution = api.get_execution(asked.id)
    _tell(execution)
    return _outcome(execution)


def logs(asked: Namespace) -> int:
    """Print what tasks printed, as it was printed."""
    execution = api.get_execution(asked.id)
    try:
        for piece in execution.logs(asked.task, follow=True) if asked.follow else [execution.logs(asked.task)]:
            print(piece, end="", flush=True)
    except KeyError as error:
        print(f"jupyter wf: {error.args[0]}", file=sys.stderr)
        return 1
    return 0


def cancel(asked: Namespace) -> int:
    """Stop it."""
    return _command(asked, "cancel")


def retry(asked: Namespace) -> int:
    """Run again what did not succeed; without a server, here and until the end."""
    return _command(asked, "retry")


def pause(asked: Namespace) -> int:
    """Start no more tasks."""
    return _command(asked, "pause")


def resume(asked: Namespace) -> int:
    """Undo a pause."""
    return _command(asked, "resume")


def doctor(asked: Namespace) -> int:
    """List what of a data directory cannot be used; 1 when there is something."""
    from wf_jupyter.client.embedded import data_directory
    from wf_jupyter.service.doctor import examine

    folder = Path(asked.data_dir).expanduser().absolute() if asked.data_dir else data_directory()
    problems = 0
    print(folder)
    for finding in examine(folder):
        problems += finding.is_problem
        print(f"  {'problem' if finding.is_problem else 'note':<8}{finding.text}", flush=True)
    print(f"{problems} {'problem' if problems == 1 else 'problems'}")
    return 1 if problems else 0


def _command(asked: Namespace, name: str) -> int:
    execution = api.get_execution(asked.id)
    getattr(execution, name)()
    if name == "retry" and not session.current().server_id:
        execution.wait()
        return _outcome(execution)
    print(f"{execution.workflow}: {execution.status}")
    return 0


def _tell(execution: Execution) -> None:
    if live.is_terminal(sys.stderr):
        live.watch(execution)
        return
    replica = execution.follow()
    reasons = _Reasons(replica)
    replica.attach(reasons, lambda _: None)
    try:
        # One that does not go on by itself is told to where it stands: waiting for more could last for ever.
        follow = not replica.read(is_at_rest)
        for event in execution.events(follow=True) if follow else execution.events():
            if text := _line(event):
                print(f"{event.time.astimezone():%H:%M:%S}  {text}", file=sys.stderr, flush=True)
            if follow and replica.read(is_at_rest) and event.seq >= replica.position[1]:
                break
            reasons.look()
    finally:
        replica.detach(reasons)


class _Reasons:
    """Tells why an execution does not move, and that it does again: that stands in no event."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._reason = ""

    def look(self) -> None:
        """Tell what is new."""
        parked = self._replica.read(lambda snapshot: snapshot.parked)
        reason = "" if parked is None else parked.reason
        if reason == self._reason:
            return
        self._reason = reason
        waits = parked is not None and parked.kind == "waiting"
        text = f"parked: {reason}{' (goes on by itself)' if waits else ''}" if reason else "goes on"
        print(f"{datetime.now():%H:%M:%S}  {text}", file=sys.stderr, flush=True)

    def on_events(self, events: object) -> None:
        """Called with new events."""
        self.look()

    def on_snapshot(self) -> None:
        """Called with a new snapshot."""
        self.look()

    def on_link(self, link: Link) -> None:
        """Called when the connection comes or goes."""


def _outcome(execution: Execution) -> int:
    error = execution.exception()
    if error is None:
        print(f"{execution.workflow}: {execution.status}", file=sys.stderr)
        return 0
    print(f"jupyter wf: {error}", file=sys.stderr)
    return 1 if isinstance(error, WorkflowError) else 2


def _line(event: Event) -> str:
    match event:
        case WorkflowStarted():
            return f"{event.workflow} started"
        case TaskStarted():
            return f"{event.task} started" + (f" (attempt {event.attempt})" if event.attempt > 1 else "")
        case TaskLog():
            return f"{event.task} | {event.text.rstrip()}"
        case TaskRetrying():
            return f"{event.task} failed, tries again in {event.delay:.3g} s: {event.error.message}"
        case TaskRequeued():
            return f"{event.task} had not begun, and waits for another place"
        case TaskCancelling():
            return f"{event.task} is being cancelled"
        case TaskCompleted():
            return f"{event.task} {event.status}{_why(event)}"
        case WorkflowCompleted():
            return f"{event.status} in {event.duration:.3g} s"
        case WorkflowPaused() | WorkflowResumed() | WorkflowCancelling() | WorkflowInterrupted():
            return type(event).__name__.removeprefix("Workflow").lower()
        case WorkflowRetried() | WorkflowRecovered():
            return f"{type(event).__name__.removeprefix('Workflow').lower()}: {len(event.tasks)} tasks run again"
        case TasksAdded() | TaskProgress() | TaskOutput():
            return ""
        case _:
            assert_never(event)


def _why(event: TaskCompleted) -> str:
    """The words after a task's status: its reason, its error, or how long it took."""
    reason = reason_of(event)
    if reason is not None:
        return f": {reason.text}"
    if event.error is not None:
        return f": {event.error.type}: {event.error.message}"
    return f" in {event.duration:.3g} s" if event.attempt else ""
