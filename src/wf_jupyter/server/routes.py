"""Which handler answers where. Patterns are relative to the server's base URL."""

from __future__ import annotations

from wf_jupyter.protocol.rest import PREFIX
from wf_jupyter.server.about import HelloHandler, OpenApiHandler
from wf_jupyter.server.api import RestHandler, UnknownResource
from wf_jupyter.server.executions import (
    CommandHandler,
    EventsHandler,
    ExecutionHandler,
    ExecutionsHandler,
    HistoryHandler,
    PictureHandler,
    RerunHandler,
    ResultHandler,
    UploadHandler,
)
from wf_jupyter.server.pages import ComparePage, ExecutionPage, ListPage, PageHandler
from wf_jupyter.server.socket import EventSocket
from wf_jupyter.server.tasks import (
    CallHandler,
    ErrorHandler,
    InputsHandler,
    LogHandler,
    LogsHandler,
    OutputsHandler,
    SearchHandler,
    ValueHandler,
)
from wf_jupyter.server.workflows import WorkflowHandler, WorkflowsHandler

Route = tuple[str, type[RestHandler] | type[PageHandler] | type[EventSocket]]

_ID = "([^/]+)"
# A task key may hold slashes, and some proxies decode %2F on the way: the last word decides.
_KEY = "(.+)"


def routes() -> list[Route]:
    """All of them; the first that matches wins."""
    execution = f"/{PREFIX}/executions/{_ID}"
    return [
        (f"/{PREFIX}/hello", HelloHandler),
        (rf"/{PREFIX}/openapi\.json", OpenApiHandler),
        (f"/{PREFIX}/ws", EventSocket),
        (f"/{PREFIX}/executions/?", ExecutionsHandler),
        (f"/{PREFIX}/uploads/{_ID}/{_ID}", UploadHandler),
        (execution, ExecutionHandler),
        (f"{execution}/(cancel|pause|resume|retry)", CommandHandler),
        (f"{execution}/rerun", RerunHandler),
        (f"{execution}/events", EventsHandler),
        (f"{execution}/history", HistoryHandler),
        (f"{execution}/picture", PictureHandler),
        (f"{execution}/result", ResultHandler),
        (f"{execution}/tasks/{_KEY}/logs", LogsHandler),
        (f"{execution}/tasks/{_KEY}/log", LogHandler),
        (f"{execution}/tasks/{_KEY}/search", SearchHandler),
        (f"{execution}/tasks/{_KEY}/inputs", InputsHandler),
        (f"{execution}/tasks/{_KEY}/outputs", OutputsHandler),
        (f"{execution}/tasks/{_KEY}/result", ValueHandler),
        (f"{execution}/tasks/{_KEY}/call", CallHandler),
        (f"{execution}/tasks/{_KEY}/error", ErrorHandler),
        (f"/{PREFIX}/workflows/?", WorkflowsHandler),
        (f"/{PREFIX}/workflows/{_ID}", WorkflowHandler),
        ("/wf-jupyter/api(?:/.*)?", UnknownResource),
        (f"/wf-jupyter/executions/{_ID}/compare/{_ID}", ComparePage),
        (f"/wf-jupyter/executions/{_ID}", ExecutionPage),
        ("/wf-jupyter/?", ListPage),
    ]
