"""REST: published workflows."""

from __future__ import annotations

from datetime import UTC, datetime

from tornado import web

from wf_jupyter.ports import Published
from wf_jupyter.protocol.rest import PublishBody, WorkflowList, WorkflowPage
from wf_jupyter.server.access import permitted
from wf_jupyter.server.api import RestHandler


class WorkflowsHandler(RestHandler):
    """All published workflows."""

    @web.authenticated
    @permitted("read")
    async def get(self) -> None:
        """The newest version of each, by name."""
        found = await self.ask(lambda engine: engine.workflows())
        self.answer(WorkflowList(workflows=[_page(workflow) for workflow in found]))

    @web.authenticated
    @permitted("submit")
    async def post(self) -> None:
        """Publish one: MessagePack, with the pickled workflow that only workers read."""
        body = self.packed_body(PublishBody)
        wanted = Published(
            name=body.name,
            version=0,
            code=body.code,
            environment=body.environment,
            parameters=body.parameters,
            options=body.options,
            description=body.description,
            published=datetime.now(UTC),
        )
        stored = await self.ask(lambda engine: engine.publish(wanted))
        self.set_header("Location", f"{self.base_url}wf-jupyter/api/v1/workflows/{stored.name}")
        self.answer(_page(stored), status=201)


class WorkflowHandler(RestHandler):
    """One published workflow."""

    @web.authenticated
    @permitted("read")
    async def get(self, name: str) -> None:
        """Its newest version."""
        self.answer(_page(await self.ask(lambda engine: engine.workflow(name))))


def _page(workflow: Published) -> WorkflowPage:
    return WorkflowPage(
        name=workflow.name,
        version=workflow.version,
        description=workflow.description,
        parameters=workflow.parameters,
        published=workflow.published,
    )
