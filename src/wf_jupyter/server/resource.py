"""One path of the HTTP interface: finds the operation, asks whether the identity may, and has it carried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tornado import web

from wf_jupyter.protocol.operations import Operation, Verb
from wf_jupyter.server.api import RestHandler
from wf_jupyter.server.endpoints import ENDPOINTS
from wf_jupyter.service.queries.answers import answer


class Resource(RestHandler):
    """Handles a path by the operations that the table has for it."""

    def initialize(self, name: str, *, operations: Mapping[Verb, Operation[Any]], **options: Any) -> None:
        """`operations` by the verb of the request; `name` is the extension's."""
        super().initialize(name, **options)
        self._operations = operations

    @web.authenticated
    async def get(self, *path: str) -> None:
        """Carry out what GET means here."""
        await self._carry_out("get", path)

    @web.authenticated
    async def post(self, *path: str) -> None:
        """Carry out what POST means here."""
        await self._carry_out("post", path)

    @web.authenticated
    async def put(self, *path: str) -> None:
        """Carry out what PUT means here."""
        await self._carry_out("put", path)

    @web.authenticated
    async def delete(self, *path: str) -> None:
        """Carry out what DELETE means here."""
        await self._carry_out("delete", path)

    async def _carry_out(self, verb: Verb, path: tuple[str, ...]) -> None:
        operation = self._operations.get(verb)
        if operation is None:
            raise web.HTTPError(405)
        # A body in MessagePack may carry code.
        needs_more = operation.packed is not None and self.is_packed
        await self.require(operation.packed if needs_more and operation.packed else operation.action)
        endpoint = ENDPOINTS.get(operation.name)
        if endpoint is not None:
            await endpoint(self, *path)
            return
        query = None if operation.query is None else self.query(operation.query)
        self.answer(await self.ask(lambda engine: answer(engine, operation, path, query)))

    def methods(self) -> list[str]:
        """Methods that the path takes."""
        return [*(verb.upper() for verb in self._operations), "OPTIONS"]
