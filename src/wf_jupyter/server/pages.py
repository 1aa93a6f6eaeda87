"""The pages: all executions, and one execution with the same view as in the notebook."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.base.handlers import FileFindHandler
from jupyter_server.extension.handler import ExtensionHandlerJinjaMixin, ExtensionHandlerMixin
from tornado import web

from wf_jupyter.errors import WorkflowError
from wf_jupyter.protocol import problems
from wf_jupyter.render.comparison import compare, comparison_html
from wf_jupyter.server.access import KernelAccess, require_action
from wf_jupyter.server.host import OrchestratorHost


class StaticFiles(FileFindHandler):
    """The bundle and the pages' own files.

    `FileFindHandler` remembers where it found a name for all extensions together: without a table of
    its own, another extension's `widget.js` would be served here.
    """

    _static_paths: dict[str, str] = {}  # noqa: RUF012  the base class declares it so


class PageHandler(ExtensionHandlerJinjaMixin, ExtensionHandlerMixin, KernelAccess):
    """Base of the pages. Anonymous visitors are sent to the login page and come back."""

    @property
    def host(self) -> OrchestratorHost:
        """The orchestrator."""
        return self.shared.host

    def static_url(self, path: str, include_host: bool | None = None, **options: Any) -> str:
        """The address of one of our files, with a version, so that browsers may keep it."""
        app = self.settings["wf_jupyter"]
        files = {"static_path": app.file_paths, "static_url_prefix": app.static_url_prefix}
        return str(StaticFiles.make_static_url(files, path, **options))

    def show(self, template: str, title: str, **options: object) -> None:
        """Write a page whose script finds `options` beside what every Jupyter page tells."""
        config = {
            "baseUrl": self.base_url,
            "wsUrl": self.ws_url,
            "wfJupyter": {
                "bundle": self.static_url("widget.js"),
                "server_id": self.host.server_id,
                **options,
            },
        }
        # Reading it sets the cookie without which the page's commands would be refused.
        _ = self.xsrf_token
        self.set_header("Cache-Control", "no-store")
        self.write(
            self.get_template(template).render(
                title=title,
                # "<" is the only character that could end the script element early.
                config=json.dumps(config).replace("<", "\\u003c"),
                style=self.static_url("pages.css"),
                script=self.static_url("pages.js"),
                home=self.base_url + "wf-jupyter/",
            )
        )

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Errors of our tree are answers: the access log's line is enough."""
        if not isinstance(value, WorkflowError) or problems.crossing(value).status >= 500:
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **options: Any) -> None:
        """Jupyter's own error page, with our message and status."""
        error = (options.get("exc_info") or (None, None, None))[1]
        if isinstance(error, WorkflowError):
            status_code = problems.crossing(error).status
            self.set_status(status_code)
            shown = web.HTTPError(status_code, problems.problem(error).message.replace("%", "%%"))
            options["exc_info"] = (type(shown), shown, None)
        super().write_error(status_code, **options)


class ListPage(PageHandler):
    """All executions, live."""

    @web.authenticated
    @require_action("read")
    async def get(self) -> None:
        """The page; its script fetches the rest."""
        await self.host.start()
        self.show("page.html", "Workflow executions", view="list", may_write=await self.allows("write"))


class ExecutionPage(PageHandler):
    """One execution."""

    @web.authenticated
    @require_action("read")
    async def get(self, execution: str) -> None:
        """The page; 404 when there is no such execution."""
        snapshot = await self.host.ask(lambda engine: engine.snapshot(execution))
        name = snapshot.workflow
        self.show(
            "page.html",
            name,
            view="execution",
            execution_id=snapshot.id,
            workflow=name,
            created=snapshot.created.isoformat(),
            inputs=dict(snapshot.inputs),
        )


class ComparePage(PageHandler):
    """Two executions side by side: what is different in one, as measured against another."""

    @web.authenticated
    @require_action("read")
    async def get(self, execution: str, other: str) -> None:
        """The page; 404 when one of them does not exist."""
        after = await self.host.ask(lambda engine: engine.snapshot(execution))
        before = await self.host.ask(lambda engine: engine.snapshot(other))
        pages = self.base_url + "wf-jupyter/"
        self.set_header("Cache-Control", "no-store")
        # In a thread: two executions of 10,000 tasks take seconds to compare.
        text = await asyncio.to_thread(lambda: comparison_html(before, after, compare(before, after)))
        # A strict policy refuses inline styles: a script of the site puts them on. What people wrote is escaped, and
        # has neither quotes nor tags.
        body = text.replace(' style="', ' data-style="')
        body = body.replace("<style>", "<metadata data-css>").replace("</style>", "</metadata>")
        self.write(
            self.get_template("compare.html").render(
                title=after.workflow,
                body=body,
                style=self.static_url("pages.css"),
                script=self.static_url("compare.js"),
                home=pages,
                before=f"{pages}executions/{before.id}",
                after=f"{pages}executions/{after.id}",
            )
        )
