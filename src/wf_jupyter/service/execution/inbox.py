"""Inbox of an execution: what happened since its last turn, and who waits to be answered for it."""

from __future__ import annotations

import asyncio

from wf_jupyter.errors import WorkflowError
from wf_jupyter.model.stimuli import Command, Report, Stimulus
from wf_jupyter.owner_thread import OwnerThread
from wf_jupyter.service.execution.coalescing import coalesce

Answer = asyncio.Future[None]


class Inbox:
    """Collects stimuli until `take`. Of every answer that it gave out it knows until that is done."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Stimulus, Answer | None]] = []
        self._unanswered: set[Answer] = set()
        self._wake = asyncio.Event()
        self._thread = OwnerThread("the inbox of an execution")

    def __bool__(self) -> bool:
        """Whether something waits for the next turn."""
        return bool(self._waiting)

    def post(self, report: Report) -> None:
        """Something happened to an attempt; nobody waits for an answer."""
        self._thread.check()
        self._waiting.append((report, None))
        self._wake.set()

    def ask(self, command: Command, refusal: WorkflowError | None) -> Answer:
        """Somebody asked for something; with a refusal, the answer is that."""
        self._thread.check()
        answer: Answer = asyncio.get_running_loop().create_future()
        if refusal is not None:
            answer.set_exception(refusal)
            return answer
        self._unanswered.add(answer)
        answer.add_done_callback(self._unanswered.discard)
        self._waiting.append((command, answer))
        self._wake.set()
        return answer

    def wake(self) -> None:
        """Wake the driver: there may be something to do although nothing happened."""
        self._wake.set()

    async def wait(self) -> None:
        """Return as soon as there may be something to do."""
        await self._wake.wait()
        self._wake.clear()

    def take(self) -> list[tuple[Stimulus, Answer | None]]:
        """Take what happened since the last time, coalesced."""
        taken, self._waiting = coalesce(self._waiting), []
        return taken

    def refuse(self, error: WorkflowError) -> None:
        """Answer everybody who still waits."""
        for answer in list(self._unanswered):
            if not answer.done():
                answer.set_exception(error)
