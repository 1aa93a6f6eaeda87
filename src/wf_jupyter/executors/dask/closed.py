"""Scheduler and worker of a cluster of our own: they listen for those with its certificate, and nobody else.

Dask starts an HTTP server beside each, on 127.0.0.1 and without any authentication, even with the dashboard
switched off. It tells every user of the machine what runs, with its arguments; here nothing listens.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from distributed import Nanny, Scheduler, Security, SpecCluster, Worker
from distributed.http.routing import RoutingApplication
from distributed.worker_memory import parse_memory_limit
from tornado.httpserver import HTTPServer

_HOST = "127.0.0.1"
_log = logging.getLogger(__name__)


class _NoHttp:
    """Instead of `ServerNode.start_http_server`: makes what others look for, and binds no port."""

    http_application: Any
    http_server: Any

    def start_http_server(self, routes: Sequence[Any], dashboard_address: object, **options: object) -> None:
        """Serve nothing."""
        self.http_application = RoutingApplication(routes)  # type: ignore[no-untyped-call]
        self.http_server = HTTPServer(self.http_application)


class ClosedScheduler(_NoHttp, Scheduler):  # type: ignore[misc]
    """A scheduler without HTTP."""


class ClosedWorker(_NoHttp, Worker):  # type: ignore[misc]
    """A worker without HTTP."""


def start(workers: int) -> tuple[str, str, str]:
    """Start a cluster in this process and its children; its address, and the certificate and key that open it.

    Raises `ImportError` without the package cryptography.
    """
    security = Security.temporary()  # type: ignore[no-untyped-call]
    common = {"host": _HOST, "protocol": "tls://", "security": security}
    memory = parse_memory_limit("auto", 1, workers, logger=_log)
    worker = {
        "cls": Nanny,
        "options": {**common, "nthreads": 1, "memory_limit": memory, "worker_class": ClosedWorker, "silence_logs": 50},
    }
    cluster = SpecCluster(  # type: ignore[no-untyped-call]
        scheduler={"cls": ClosedScheduler, "options": {**common, "port": 0, "dashboard": False}},
        workers=dict.fromkeys(range(workers), worker),
        worker=worker,
        security=security,
        silence_logs=50,
    )
    return cluster.scheduler_address, security.tls_client_cert, security.tls_client_key
