"""`Execution`: a run of a workflow, as the user holds it.

The run belongs to the orchestrator, not to this object: dropping it, or restarting the kernel,
changes nothing, and `wf.get_execution(id)` gives it back.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, overload

from wf_jupyter.client import display, log_views, outcome, rerunning
from wf_jupyter.client.connection import Connection
from wf_jupyter.client.html_export import write_html
from wf_jupyter.client.log_views import LogText
from wf_jupyter.client.looking import Look
from wf_jupyter.client.replica import Replica
from wf_jupyter.client.tasks import Tasks
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.events import Event
from wf_jupyter.model.snapshot import Parked, Snapshot, is_at_rest, status_word
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Cancel, Pause, Resume, Retry
from wf_jupyter.ports import ExecutionResult
from wf_jupyter.protocol.commands import Command
from wf_jupyter.protocol.operations import USAGE
from wf_jupyter.protocol.pages import Standing, UsagePage, standing
from wf_jupyter.render.comparison import Comparison, compare

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultedTypeVar

    # Whoever writes `Execution` alone means one of any result.
    R = DefaultedTypeVar("R", covariant=True, default=Any)
else:
    R = TypeVar("R", covariant=True)

#: Seconds in which a replica should have heard of the end by itself.
_ON_ITS_WAY = 1.0


class Execution(Generic[R]):
    """One execution, of a workflow that returns an `R`.

    Every method may be called from any thread, also inside a running event loop.
    """

    def __init__(self, connection: Connection, execution: str, bound: Any = None) -> None:
        self._connection = connection
        self._id = execution
        self._bound = bound
        self._look = Look(lambda: connection.follow(execution))
        self._standing: Standing | None = None
        self._view: Any = None

    @property
    def bound(self) -> Any:
        """The bound workflow, in the kernel that submitted it; else None."""
        return self._bound

    # -- what it is --------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The id, as `wf.get_execution` takes it."""
        return self._id

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        if self._standing is None and (replica := self._look.find_known()) is not None:
            return replica.workflow
        return (self._standing or self._ending(0.0)).workflow

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The inputs: short plain values (numbers, texts, lists, …) as such, all others as bounded texts."""
        texts = self._follow().read(lambda snapshot: dict(snapshot.inputs))
        return {name: log_views.plain(text) for name, text in texts.items()}

    @property
    def status(self) -> str:
        """Where the execution stands, for example `"running"`; `"parked"` while something keeps it from going on."""
        return self._follow().read(status_word)

    @property
    def parked(self) -> Parked | None:
        """Reason why it stands still although it has not ended, and whether it goes on by itself; else None."""
        return self._follow().read(lambda snapshot: snapshot.parked)

    @property
    def tasks(self) -> Tasks:
        """The tasks by key. It grows while mapped tasks learn their sizes."""
        return Tasks(self._connection, self._follow())

    def snapshot(self) -> Snapshot:
        """Everything that is known at this moment, as a copy."""
        return self._follow().read(log_views.deep_copy)

    # -- waiting -----------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> ExecutionStatus | None:
        """Block until the execution has ended; its status then, or None after `timeout` seconds.

        Raises `StateConflict` when it is parked and does not go on by itself: `resume()` it.
        """
        found = self._ending(timeout)
        if not is_at_rest(found):
            return None
        _check_not_parked(found)
        return found.status

    def result(self, timeout: float | None = None) -> R:
        """Wait for the end and return what the workflow returned.

        Raises `TaskFailed` with the task's own exception as its cause, `ExecutionCancelled`, or
        `TimeoutError` after `timeout` seconds (the execution goes on).
        """
        return cast("R", outcome.decode_returned(self._outcome(timeout)))

    def exception(self, timeout: float | None = None) -> Exception | None:
        """The error that `result` would raise, or None when the execution succeeded."""
        return outcome.failure(self._outcome(timeout))

    def __await__(self) -> Generator[Any, None, R]:
        return self._await_result().__await__()

    # -- steering ----------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Stop what runs and start nothing more; `StateConflict` when it has ended."""
        self._command(Cancel())

    def pause(self) -> None:
        """Start nothing more until resumed; running tasks end."""
        self._command(Pause())

    def resume(self) -> None:
        """Undo a pause."""
        self._command(Resume())

    def retry(self, task: rerunning.TaskNames = None) -> None:
        """Run failed, skipped and cancelled tasks again; finished ones are kept.

        Args:
            task: a task or mapped task, by key or as a task of this execution (or several of them). Then
                only that one runs again, with what waits for it: other failures stay as they are. That is
                possible while other tasks still run.

        Raises:
            StateConflict: the execution has not failed or been cancelled, or the task did not fail.
        """
        self._command(Retry(tasks=tuple(rerunning.task_keys(task, "task"))))

    def rerun(self, from_: rerunning.TaskNames = None, inputs: Mapping[str, object] | None = None) -> Execution[R]:
        """Start a new execution that keeps every result whose code and inputs are unchanged.

        Args:
            from_: a task or mapped task, by key or as a task of this execution (or several of them), to
                compute anew with all that follows it. Without it, what has a result is kept.
            inputs: inputs to change. The workflow is traced again, so this needs the kernel that
                submitted the execution.

        Raises:
            StateConflict: the execution has not ended.
            InputError: an unknown task or input, or `inputs` in a kernel that did not submit the execution.
        """
        again, bound = rerunning.rerun(self._connection, self._id, self._bound, from_, inputs)
        return Execution(self._connection, again, bound)

    # -- looking closer ----------------------------------------------------------------------------

    @overload
    def events(self, after: int = 0, follow: Literal[False] = False) -> list[Event]: ...
    @overload
    def events(self, after: int = 0, *, follow: Literal[True]) -> Iterator[Event]: ...
    @overload
    def events(self, after: int = 0, follow: bool = False) -> list[Event] | Iterator[Event]: ...
    def events(self, after: int = 0, follow: bool = False) -> list[Event] | Iterator[Event]:
        """The events with `seq > after`; with `follow`, an iterator that goes on until the execution ends, or does not
        move any more unless somebody resumes it (`parked` says why).
        """
        stream = log_views.stream(self._connection, self._id, after, follow)
        return stream if follow else list(stream)

    @overload
    def logs(self, task: str | None = None, follow: Literal[False] = False) -> LogText: ...
    @overload
    def logs(self, task: str | None = None, *, follow: Literal[True]) -> Iterator[str]: ...
    @overload
    def logs(self, task: str | None = None, follow: bool = False) -> LogText | Iterator[str]: ...
    def logs(self, task: str | None = None, follow: bool = False) -> LogText | Iterator[str]:
        """Text that the tasks (or one of them) printed and logged; with `follow`, piece by piece as it comes."""
        if task is not None:
            self.tasks[task]
        pieces = log_views.read_text(log_views.stream(self._connection, self._id, 0, follow), task)
        return pieces if follow else LogText("".join(pieces))

    def to_frame(self) -> Any:
        """One row per task, as a pandas DataFrame."""
        return log_views.frame(self.snapshot())

    def usage(self) -> UsagePage:
        """Seconds of the processor and bytes of memory at the peak, per task and in all, of what has ended so far.

        Measured where the tasks ran. `memory` is that of the whole process, the interpreter included; None where
        several tasks shared a process, and for those that took a few milliseconds.
        """
        return self._connection.ask(USAGE, self._id)

    def to_svg(self) -> str:
        """The graph with its states, as an SVG picture."""
        return display.svg(self.snapshot())

    def compare(self, other: Execution[Any]) -> Comparison:
        """Compare with another execution of the workflow, an earlier one as a rule."""
        return compare(other.snapshot(), self.snapshot())

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained file: the same view, with replay, that needs no server and no network.

        Returns the file's path. Of an execution that still runs, the file shows what happened so far.
        """
        events = self.events()
        return write_html(self.snapshot(), events, path)

    def view(self, tab: str | None = None, height: int | None = None) -> Any:
        """The live view as a widget, opened on a tab and with a height in pixels.

        Without arguments it is the same widget each time, as at the end of a cell.
        """
        if tab is not None or height is not None:
            return display.widget(self, tab, height)
        # A view that was closed, by itself or with all widgets, cannot be shown again.
        if self._view is None or self._view.is_closed:
            self._view = display.widget(self, None, None)
        return self._view

    # -- how it shows ------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Execution of {self.workflow!r}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> display.Bundle:
        return display.bundle(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Execution) and other._id == self._id

    def __hash__(self) -> int:
        return hash(self._id)

    # -- plumbing ----------------------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        """The orchestrator that runs it."""
        return self._connection

    def follow(self) -> Replica:
        """The live replica behind this object; what the view and the relay listen to."""
        return self._follow()

    def still(self) -> Snapshot:
        """The state that a saved notebook may show: the end if there is one, else the graph as it was submitted.

        Anything in between would depend on the moment of saving.
        """
        snapshot = self.snapshot()
        return snapshot if snapshot.status.is_final else log_views.beginning(self._connection, snapshot)

    def _follow(self) -> Replica:
        replica = self._look.replica()
        self._catch_up(replica)
        return replica

    def _command(self, command: Command) -> None:
        self._connection.command(self._id, command)
        # What the command changed must be visible to the next line.
        self._standing = None
        self._refresh()

    def _ending(self, timeout: float | None) -> Standing:
        """Where it stands as soon as it is at rest, or after `timeout` seconds."""
        replica = self._look.find_known()
        if replica is not None and replica.read(is_at_rest):
            return replica.read(standing)
        waiting = self._connection.ending(self._id, timeout)
        try:
            self._standing = known = waiting.result()
        except BaseException:
            waiting.cancel()
            raise
        if replica is not None:
            self._catch_up(replica)
        return known

    def _catch_up(self, replica: Replica) -> None:
        """Bring the replica up to the end that was reported: nobody may see an older state after it."""
        known = self._standing
        if known is None or not is_at_rest(known) or _knows(replica, known):
            return
        if not replica.wait(lambda snapshot: _is_up_to(snapshot, known), _ON_ITS_WAY):
            self._connection.refresh(replica)
            self._standing = None

    def _refresh(self) -> None:
        if (replica := self._look.find_known()) is not None:
            self._connection.refresh(replica)

    def _outcome(self, timeout: float | None) -> ExecutionResult:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            found = self._ending(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if not is_at_rest(found):
                raise TimeoutError(f"{found.workflow} is still {status_word(found)} after {timeout:g} s; it goes on")
            _check_not_parked(found)
            try:
                return self._connection.result(self._id)
            except StateConflict:
                # Somebody retried it since it ended.
                self._refresh()

    async def _await_result(self) -> R:
        while True:
            replica = self._look.find_known()
            if replica is not None and replica.read(is_at_rest):
                found = replica.read(standing)
            else:
                self._standing = found = await asyncio.wrap_future(self._connection.ending(self._id))
            _check_not_parked(found)
            try:
                result = await asyncio.to_thread(self._connection.result, self._id)
            except StateConflict:
                await asyncio.to_thread(self._refresh)
                continue
            if replica is not None and not _knows(replica, found):
                await asyncio.to_thread(self._catch_up, replica)
            return cast("R", outcome.decode_returned(result))


def _check_not_parked(found: Standing) -> None:
    if found.parked is not None and not found.status.is_final:
        raise StateConflict(f"the execution is {status_word(found)}: {found.parked.reason}")


def _knows(replica: Replica, known: Standing) -> bool:
    return replica.read(lambda snapshot: _is_up_to(snapshot, known))


def _is_up_to(snapshot: Snapshot, known: Standing) -> bool:
    return snapshot.seq > known.seq or (snapshot.seq == known.seq and snapshot.parked == known.parked)
