"""REST: what this server is, and what it can be asked."""

from __future__ import annotations

import asyncio
import functools

import msgspec
from tornado import web

from wf_jupyter.protocol.openapi import document
from wf_jupyter.protocol.rest import HelloQuery
from wf_jupyter.server.access import permitted
from wf_jupyter.server.api import RestHandler, given


class HelloHandler(RestHandler):
    """Who answers here, and whether it is ready."""

    @web.authenticated
    @permitted("read")
    async def get(self) -> None:
        """`ready: false` with a message when the orchestrator could not start.

        A kernel that gives its `kernel_id` learns whether it is one of this server's: it may have
        inherited the announcement from another process.
        """
        wanted = given(self.query(HelloQuery).kernel_id)
        await self.host.start()
        hello = self.host.hello()
        if wanted is not None:
            hello = msgspec.structs.replace(hello, kernel=wanted in self.kernel_manager)
        self.answer(hello)


class OpenApiHandler(RestHandler):
    """The whole HTTP interface, for programs and for people with a viewer."""

    @web.authenticated
    @permitted("read")
    async def get(self) -> None:
        """An OpenAPI 3.1 document."""
        # It takes 100 ms to make: once, and in a thread.
        text = await asyncio.to_thread(_encoded, self.base_url, self.host.version)
        self.answer(msgspec.Raw(text))


@functools.cache
def _encoded(base_url: str, version: str) -> bytes:
    return msgspec.json.encode(document(base_url, version))
