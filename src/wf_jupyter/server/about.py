"""REST: what this server is, and what it can be asked."""

from __future__ import annotations

from tornado import web

from wf_jupyter.protocol.openapi import document
from wf_jupyter.server.access import permitted
from wf_jupyter.server.api import RestHandler


class HelloHandler(RestHandler):
    """Who answers here, and whether it is ready."""

    @web.authenticated
    @permitted("read")
    async def get(self) -> None:
        """`ready: false` with a message when the orchestrator could not start."""
        await self.host.start()
        self.answer(self.host.hello())


class OpenApiHandler(RestHandler):
    """The whole HTTP interface, for programs and for people with a viewer."""

    @web.authenticated
    @permitted("read")
    async def get(self) -> None:
        """An OpenAPI 3.1 document."""
        self.answer(document(self.base_url, self.host.version))
