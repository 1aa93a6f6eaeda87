"""Published workflows: kept with their code, and made into submissions by a worker when their name is called."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from wf_jupyter.errors import InputError
from wf_jupyter.model.stimuli import Report
from wf_jupyter.model.submission import Submission
from wf_jupyter.ports import Published, Store
from wf_jupyter.service.pools import Pools
from wf_jupyter.service.published.tracing import Tracer
from wf_jupyter.values.json_schema import check_schema


class Publishing:
    """Workflows by name."""

    def __init__(self, store: Store, pools: Pools) -> None:
        self._store = store
        self._pools = pools
        self._tracer = Tracer()

    async def publish(self, workflow: Published) -> Published:
        """Store a workflow under its name, as a new version when it differs from the newest.

        Raises `InputError` when it has no name, no schema that inputs can be checked against, or cannot
        run here.
        """
        if not workflow.name.strip():
            raise InputError("a workflow needs a name", "name")
        if workflow.options.executor == "inline":
            raise InputError("executor='inline' runs in the process that submits: it cannot be published", "executor")
        # In a thread, and bounded: a schema may be large, and others wait for this loop.
        await asyncio.to_thread(check_schema, workflow.parameters)
        return await self._store.publish(workflow)

    async def submission(self, name: str, inputs: Mapping[str, object], owner: str) -> Submission:
        """The newest version with these inputs, traced in a worker of the publisher's environment.

        Raises:
            InputError: the name is empty, or the inputs do not fit.
            WorkflowNotFound: nothing was published under that name.
        """
        if not name.strip():
            raise InputError("workflow must not be empty", "workflow")
        workflow = await self._store.workflow(name)
        return await self._tracer.trace(workflow, inputs, self._pools.tracer(workflow.environment), owner)

    def report(self, trace: str, report: Report) -> bool:
        """Take a report if it belongs to a trace; says whether it did."""
        return self._tracer.report(trace, report)
