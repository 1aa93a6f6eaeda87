"""Published workflows become graphs in a worker: neither their code nor their schemas run in this process.

These workers are apart from those that run tasks, so that starting a workflow does not wait until somebody
else's tasks have ended; and no workflow occupies all of them, however long its body takes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Mapping

import msgspec

from wf_jupyter.errors import InputError
from wf_jupyter.executors.worker.published import Refused, trace
from wf_jupyter.model.events import Failure
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.secrecy import MASK, is_secret, mask
from wf_jupyter.model.stimuli import AttemptExpanded, AttemptFailed, AttemptStopped, AttemptSucceeded, Report
from wf_jupyter.model.submission import Submission
from wf_jupyter.ports import Attempt, Executor, Published
from wf_jupyter.values.plain import encode_plain

#: Processes per environment, started when needed; of these one workflow occupies at most `SHARE`.
TRACERS = 4
SHARE = 2
#: How long checking the inputs and running the body may take, in seconds.
TRACE_TIMEOUT = 60.0
_PREVIEW = 200
#: A function of ours, by its name: to pickle that, nothing of a user's is imported or read.
_TRACE = encode_plain({"function": trace, "retry_on": (), "sources": {}})


class _Refusal(msgspec.Struct):
    message: str
    field: str | None = None


class Tracer:
    """Runs the bodies of published workflows, each as an attempt that returns a graph."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[AttemptExpanded]] = {}
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(SHARE))

    def report(self, trace_id: str, report: Report) -> bool:
        """Take a report if it belongs to a trace; says whether it did."""
        done = self._waiting.get(trace_id)
        if done is None:
            return False
        match report:
            case AttemptExpanded() if not done.done():
                done.set_result(report)
            case AttemptFailed() if not done.done():
                done.set_exception(_refusal(report.failure))
            case AttemptSucceeded() | AttemptStopped() if not done.done():
                done.set_exception(InputError("the published code did not return a workflow"))
            case _:
                pass
        return True

    async def trace(
        self, workflow: Published, inputs: Mapping[str, object], executor: Executor, owner: str
    ) -> Submission:
        """The workflow with these JSON inputs as a submission.

        Raises `InputError` when the inputs do not fit the schema or the signature, or the body raises.
        """
        attempt = _attempt(f"trace-{secrets.token_hex(8)}", workflow, inputs)
        place = self._places[workflow.name]
        async with place:
            report = await self._run(attempt, executor)
        return Submission(
            workflow=workflow.name,
            graph=report.expansion.graph,
            blobs=report.expansion.blobs,
            environment=workflow.environment,
            inputs={name: _preview(name, value, workflow.parameters) for name, value in inputs.items()},
            options=workflow.options,
            owner=owner,
        )

    async def _run(self, attempt: Attempt, executor: Executor) -> AttemptExpanded:
        done: asyncio.Future[AttemptExpanded] = asyncio.get_running_loop().create_future()
        self._waiting[attempt.execution] = done
        try:
            # Without a slot: the executor queues what it has no process for, and only this asks it.
            executor.start(attempt, "")
            return await done
        except asyncio.CancelledError:
            executor.stop(attempt.execution, attempt.task, attempt.number)
            raise
        finally:
            del self._waiting[attempt.execution]


def _refusal(failure: Failure) -> InputError:
    if failure.type == Refused.__name__:
        try:
            refusal = msgspec.json.decode(failure.message, type=_Refusal)
        except msgspec.DecodeError:
            return InputError(failure.message)
        return InputError(refusal.message, refusal.field)
    if failure.kind == "timeout":
        return InputError(f"checking the inputs and running the workflow's body took more than {TRACE_TIMEOUT:g} s")
    return InputError(f"{failure.type}: {failure.message}")


def _attempt(trace_id: str, workflow: Published, inputs: Mapping[str, object]) -> Attempt:
    schema, given = _json(workflow.parameters, "parameters"), _json(inputs, "input")
    return Attempt(
        execution=trace_id,
        task="trace",
        number=1,
        name=workflow.name,
        code=Digest("wf_jupyter:trace"),
        code_data=_TRACE,
        call_data=encode_plain(((workflow.name, workflow.code, schema, given), {})),
        timeout=TRACE_TIMEOUT,
    )


def _json(value: object, field: str) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        raise InputError("the inputs are nested too deeply", field) from None
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"the inputs cannot be told in JSON: {error}", field) from None


def _preview(name: str, value: object, schema: Mapping[str, object]) -> str:
    properties = schema.get("properties")
    declared = properties.get(name) if isinstance(properties, dict) else None
    marked = isinstance(declared, dict) and declared.get("writeOnly") is True
    if value is not None and (marked or is_secret(name)):
        return MASK
    text = mask(_json(value, "input"))
    return text if len(text) <= _PREVIEW else text[: _PREVIEW - 1] + "…"
