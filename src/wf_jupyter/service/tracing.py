"""Published workflows become graphs in a worker: their code never runs in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from wf_jupyter.errors import InputError
from wf_jupyter.model.events import Failure
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.stimuli import AttemptExpanded, AttemptFailed, AttemptStopped, AttemptSucceeded, Report
from wf_jupyter.model.submission import Submission
from wf_jupyter.ports import Attempt, Published
from wf_jupyter.service.execution.slots import SlotPool
from wf_jupyter.values.plain import encode_plain

#: How long a workflow's body may take to become a graph, in seconds.
TRACE_TIMEOUT = 60.0


class Tracer:
    """Runs the bodies of published workflows, each as an attempt that returns a graph."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[AttemptExpanded]] = {}

    def report(self, trace: str, report: Report) -> bool:
        """Take a report if it belongs to a trace; says whether it did."""
        done = self._waiting.get(trace)
        if done is None:
            return False
        match report:
            case AttemptExpanded() if not done.done():
                done.set_result(report)
            case AttemptFailed() if not done.done():
                done.set_exception(InputError(_told(report.failure)))
            case (AttemptSucceeded() | AttemptStopped()) if not done.done():
                done.set_exception(InputError("the published code did not return a workflow"))
            case _:
                pass
        return True

    async def trace(
        self, trace: str, workflow: Published, inputs: Mapping[str, object], pool: SlotPool, owner: str
    ) -> Submission:
        """The workflow with these JSON inputs as a submission.

        Raises `InputError` when the inputs do not fit the signature or the body raises.
        """
        done: asyncio.Future[AttemptExpanded] = asyncio.get_running_loop().create_future()
        self._waiting[trace] = done
        ready = asyncio.Event()
        try:
            while not (slots := pool.take(trace, ready.set, 1)):
                await ready.wait()
                ready.clear()
            pool.started(slots[0])
            pool.executor.start(_attempt(trace, workflow, inputs), slots[0])
            report = await done
        except asyncio.CancelledError:
            pool.executor.stop(trace, "trace", 1)
            raise
        finally:
            del self._waiting[trace]
            pool.ended(trace)
            pool.leave(trace)
        return Submission(
            workflow=workflow.name,
            graph=report.expansion.graph,
            blobs=report.expansion.blobs,
            environment=workflow.environment,
            inputs={name: _preview(value) for name, value in inputs.items()},
            options=workflow.options,
            owner=owner,
        )


def _told(failure: Failure) -> str:
    kind = failure.type.rpartition(".")[2]
    return failure.message if kind == InputError.__name__ else f"{failure.type}: {failure.message}"


def _attempt(trace: str, workflow: Published, inputs: Mapping[str, object]) -> Attempt:
    return Attempt(
        execution=trace,
        task="trace",
        number=1,
        name=workflow.name,
        code=Digest(f"workflow:{workflow.name}:{workflow.version}"),
        code_data=workflow.code,
        call_data=encode_plain(((_json(dict(inputs)),), {})),
        timeout=TRACE_TIMEOUT,
    )


def _json(value: object) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        raise InputError("the inputs are nested too deeply", "input") from None


def _preview(value: object) -> str:
    text = _json(value)
    return text if len(text) <= 200 else text[:199] + "…"
