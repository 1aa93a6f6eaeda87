"""The worker process: runs attempts that its parent sends, one after the other, in the main thread.

A second thread reads messages while an attempt runs, so that a stop reaches it. An attempt belongs to
whoever takes it out of `_waiting` first: to run it, or to give it back or drop it. `async def` attempts
go to a process of this kind whose main thread runs an event loop.
"""

from __future__ import annotations

import faulthandler
import os
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from wf_jupyter.executors.wire.frames import FrameTooLarge
from wf_jupyter.executors.wire.messages import (
    PROTOCOL,
    UNREADABLE,
    Blob,
    Drained,
    Final,
    Forget,
    FromWorker,
    Quit,
    Raised,
    Ready,
    Recall,
    Recalled,
    Run,
    Stop,
    Stopped,
    ToWorker,
)
from wf_jupyter.executors.worker.attempt import main_module, stale_modules
from wf_jupyter.executors.worker.attempt.admission import admit
from wf_jupyter.executors.worker.attempt.runner import Runner
from wf_jupyter.executors.worker.connection import Pipes, WorkerConnection
from wf_jupyter.executors.worker.interrupts import Interrupts
from wf_jupyter.executors.worker.isolation import aspects, library_state
from wf_jupyter.executors.worker.isolation.exits import ExitFunctions
from wf_jupyter.executors.worker.isolation.imports import ImportWatch
from wf_jupyter.executors.worker.isolation.module_state import UserModules
from wf_jupyter.executors.worker.isolation.process_state import Aspect, ProcessState
from wf_jupyter.executors.worker.message_reader import MessageReader
from wf_jupyter.executors.worker.output import capture, console, display, ownership
from wf_jupyter.executors.worker.output import stream as output
from wf_jupyter.executors.worker.output.stream import Flusher, Output
from wf_jupyter.executors.worker.setup import SetupKeeper
from wf_jupyter.model.events import Failure
from wf_jupyter.model.keys import Digest
from wf_jupyter.values.code import Code


class Assigned(NamedTuple):
    """An attempt with its bytes, looked up when it came: its blobs may be forgotten before it begins."""

    run: Run
    code: bytes
    call: bytes


class Worker:
    """Base of both kinds of worker: messages, blobs, output, and the line of waiting attempts."""

    def __init__(self, connection: WorkerConnection, interrupts: Interrupts) -> None:
        self.connection = connection
        self.interrupts = interrupts
        self.runner = Runner(owns_figures=True, prepare=self._prepare_for, is_alone=True)
        self.watch = ImportWatch()
        self._setups = SetupKeeper(self.watch)
        self.exits = ExitFunctions()
        self.state = ProcessState([*aspects.table(), *library_state.table(self.watch, self._add)], self.watch)
        #: What the attempts so far changed and what cannot be put back: this process is to be replaced.
        self.dirty: list[str] = []
        self.loaded_modules = stale_modules.StaleModules()
        self._pipes = Pipes()
        self._flusher = Flusher()
        self._streams = capture.Streams()
        self._blobs: dict[Digest, bytes] = {}
        self._waiting: dict[int, Assigned] = {}
        self._line: deque[int | None] = deque()
        self._is_drained = False
        self._reader = MessageReader(connection, self.on_message)

    def serve(self) -> None:
        """Run attempts until told to quit. In the main thread."""
        self.prepare()
        self._reader.start()
        self.connection.send([Ready(PROTOCOL)])
        while True:
            with ending_at_errors():
                self._reader.glance()
                while not self._line:
                    self._reader.wait()
            token = self._line.popleft()
            if token is None:
                return
            assigned = self.take(token)
            if assigned is not None and not self.declines(assigned.run):
                self._attempt(assigned)

    def prepare(self) -> None:
        """Take the process over: signals, streams, displays."""
        self.interrupts.install()
        self._streams.install()
        console.install()
        self.watch.install()
        display.install(self.watch)
        ownership.install(self.watch)
        main_module.install(self.watch)
        self.exits.install()
        os.register_at_fork(after_in_child=capture.note_fork)
        self.loaded_modules.note(stale_modules.now())
        for aspect in UserModules(self.watch).aspects():
            self.state.add(aspect)
        self.state.remember()

    def take(self, token: int) -> Assigned | None:
        """The attempt, if it has not been given back or stopped meanwhile."""
        return self._waiting.pop(token, None)

    def declines(self, run: Run) -> bool:
        """Whether the attempt was given back because this process holds outdated modules, or is not as it was."""
        if not self.dirty and not self.loaded_modules.is_stale_for(run.execution):
            return False
        self.connection.send([self.give_back(run.token)])
        return True

    def give_back(self, *tokens: int) -> Recalled:
        """Make the message that these attempts, and all that wait, are to run in another process."""
        waiting = (token for token in list(self._waiting) if self.take(token) is not None)
        return Recalled((*tokens, *waiting), stale=True)

    def output_of(self, run: Run) -> Output:
        """A place for what the attempt says."""
        return Output(run.token, self.connection.send, self._flusher, run.log_limit)

    def on_run(self, token: int) -> None:
        """An attempt came. In the thread that reads."""
        self._line.append(token)

    def on_stop(self, token: int) -> None:
        """An attempt that has begun is to stop. In the thread that reads."""
        self.interrupts.stop(token)

    def on_quit(self) -> None:
        """The process is to end. In the thread that reads."""
        self._line.append(None)

    def install_streams(self) -> None:
        """Take SIGINT and the streams back, which an attempt may have taken."""
        self.interrupts.install()
        self._streams.install()
        console.install()

    def put_back(self, sink: Output) -> list[FromWorker]:
        """Undo what attempts changed; what is to be sent when something cannot be undone. `sink` hears of it."""
        speaking = output.speak_for(sink)
        try:
            self.dirty += self.state.restore()
            aspects.forget_shown_warnings()
            faulthandler.cancel_dump_traceback_later()
        finally:
            output.speak_no_more(speaking)
        return [self.give_back()] if self.dirty else []

    def reports_first(self) -> bool:
        """Whether an attempt is reported before the process is put back, which takes as long as small ones do.

        Not when others wait here: they begin, to those who watch, when it is over. Nor when a timer of its runs,
        which may end the process.
        """
        return not self._line and not aspects.has_timer()

    def _prepare_for(self, code: Code, arguments: Sequence[object]) -> None:
        main_module.enter(code, arguments)
        if code.setup is not self._setups.present and code.setup != self._setups.present:
            self.state.change(lambda: self._setups.apply(code.setup))

    def _add(self, aspect: Aspect) -> None:
        self.state.add(aspect)

    def conclude(self, sink: Output, final: Final, is_last: bool = True) -> Final:
        """Put the process back, send the rest of the output and the final message; returns that message.

        `is_last`: no other attempt runs here.
        """
        if capture.is_fork():
            os._exit(0)  # a child that the task forked, and that came back from the task
        self.install_streams()
        self.exits.run(sink)
        is_early = is_last and self.reports_first()
        returned = self.put_back(sink) if is_last and not is_early else []
        last = [*returned, *sink.close()]
        if self._pipes.unread():
            final = _unread(final)
        try:
            self.connection.send([*last, final])
        except FrameTooLarge as error:
            final = Raised(final.token, final.duration, Failure(kind="value", type="ValueTooLarge", message=str(error)))
            self.connection.send([*last, final])
        if is_early and (returned := self.put_back(sink)):
            self.connection.send(returned)
        return final

    def _attempt(self, assigned: Assigned) -> None:
        began = stale_modules.now()
        sink = self.output_of(assigned.run)
        self._is_drained = False
        with self._reader.attempt():
            final = self.runner.run(assigned.run, assigned.code, assigned.call, sink, self.interrupts)
            self.loaded_modules.note(began)
            final = admit(assigned.run, final, sink, self.loaded_modules, began)
            # Inside, because a child that the task forked ends here, and has no second thread to wait for.
            final = self.conclude(sink, final)
        with ending_at_errors():
            while final.unread and not self._is_drained:
                self._reader.wait()

    def on_message(self, message: ToWorker) -> None:
        """Something that the parent says. In the thread that reads."""
        match message:
            case Run():
                call = message.call if message.call_digest is None else self._blobs[message.call_digest]
                self._waiting[message.token] = Assigned(message, self._blobs[message.code], call)
                self.on_run(message.token)
            case Blob(digest=digest, data=data):
                self._blobs[digest] = data
            case Forget(digest=digest):
                self._blobs.pop(digest, None)
            case Stop(token=token):
                if self.take(token) is not None:
                    self.connection.send([Stopped(token, 0.0)])
                else:
                    self.on_stop(token)
            case Recall(tokens=tokens):
                given_back = tuple(token for token in tokens if self.take(token) is not None)
                self.connection.send([Recalled(given_back)])
            case Drained():
                self._is_drained = True
            case Quit():
                self.on_quit()


def _unread(final: Final) -> Final:
    import msgspec

    return msgspec.structs.replace(final, unread=True)


@contextmanager
def ending_at_errors() -> Iterator[None]:
    """End the process when reading fails: it would hang, and its end is something that the parent sees."""
    try:
        yield
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        os._exit(UNREADABLE)
