"""The extension application: settings, routes, and the orchestrator's life inside the Jupyter server.

`jupyter_server` calls `stop_extension` on a clean stop only; not on SIGKILL, nor on an interrupt
without a terminal. Nothing here relies on it: the event log is durable at every moment, workers die
with the server, and the next start removes files that were left behind.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
from pathlib import Path
from typing import Literal, cast, get_args

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp, ExtensionAppJinjaMixin
from jupyter_server.serverapp import ServerApp
from traitlets import Bool, Dict, Enum, Float, Int, List, Set, Unicode, default

import wf_jupyter
from wf_jupyter.ports import Notifier
from wf_jupyter.protocol.messages import Action
from wf_jupyter.server import activity, connection_file, gc_tuning, modules
from wf_jupyter.server.connection_file import ConnectionFile
from wf_jupyter.server.host import OrchestratorHost
from wf_jupyter.server.kernel_socket import KernelSocket
from wf_jupyter.server.lifecycle import Lifecycle
from wf_jupyter.server.pages import StaticFiles
from wf_jupyter.server.rate_limit import RateLimiter
from wf_jupyter.server.routes import routes
from wf_jupyter.server.shared import Shared, keep
from wf_jupyter.server.ws.socket import GOING_AWAY
from wf_jupyter.service.config import RuntimeConfig

_PACKAGE = Path(wf_jupyter.__file__).parent
_ASSETS = Path(__file__).parent / "assets"
#: Of the time that a stopping server has; a Hub may grant as little as a few seconds.
_STOP_DEADLINE = 2.5
#: Gateways pass variables with this prefix on to their kernels.
_REMOTE = "KERNEL_WF_JUPYTER_URL"


class WorkflowExtension(ExtensionAppJinjaMixin, ExtensionApp):
    """Runs workflows submitted from notebooks."""

    name = "wf_jupyter"
    version = wf_jupyter.__version__
    description = "Workflows submitted from notebooks, run and kept by the Jupyter server."
    extension_url = "/wf-jupyter/"
    load_other_extensions = True

    max_workers = Int(
        min=1,
        help="Worker processes per environment; by default as many as the machine has CPUs. Up to 4 more, apart from "
        "these, turn published workflows into graphs.",
    ).tag(config=True)
    data_dir = Unicode(
        help="Directory of the event log and of results; by default WF_JUPYTER_DATA_DIR, "
        "or wf_jupyter in the Jupyter data directory. Several servers may share one."
    ).tag(config=True)
    durability = Enum(
        ["normal", "full"],
        "normal",
        help="`normal` survives every crash of the server; `full` also a power failure, at the price of one "
        "disk flush per transaction.",
    ).tag(config=True)
    recovery = Enum(
        ["resume", "interrupt"],
        "resume",
        help="What happens to executions whose server died: resume them, or leave them interrupted.",
    ).tag(config=True)
    takeover_interval = Float(
        2.0,
        min=0.1,
        help="Seconds between two looks whether another server on the same data directory has died.",
    ).tag(config=True)
    dask_address = Unicode(
        help="The Dask scheduler that executor='dask' uses, unless the kernel names one in WF_JUPYTER_DASK_ADDRESS. "
        "With none, in DASK_SCHEDULER_ADDRESS either, it starts a cluster on this machine."
    ).tag(config=True)
    dask_losses = Int(
        3,
        min=0,
        help="How often a task runs again, at no cost of its own retries, because its Dask worker was lost.",
    ).tag(config=True)
    dask_patience = Float(
        300.0,
        min=1.0,
        help="Seconds for which a place on a Dask cluster is waited for; then the task that waited fails, and says so.",
    ).tag(config=True)
    retention_days = Float(
        90.0,
        min=0.0,
        allow_none=True,
        help="Executions that ended so many days ago are forgotten, with results and logs, after an announcement in "
        "the log; None for never. Only days that were seen to pass count.",
    ).tag(config=True)
    retention_bytes = Int(
        20 * 1024**3,
        min=0,
        allow_none=True,
        help="The oldest finished executions are forgotten while all occupy more than this; None for no limit. "
        "What an unfinished execution needs is always kept.",
    ).tag(config=True)
    log_limit = Int(
        64 * 1024**2, min=1024, help="How many characters of what one attempt of a task prints are kept."
    ).tag(config=True)
    resources = Dict(
        value_trait=Float(min=0.0),
        key_trait=Unicode(),
        help="What there is of each named resource, for all executions together, as {'gpu': 2}. A task with "
        "resources={'gpu': 1} waits until as much is free; more than there is is refused at submission. 'gpu' and "
        "'memory' (in bytes) are the machine's unless named here; for executor='dask' they are to be named.",
    ).tag(config=True)
    gpus = List(
        Unicode(),
        None,
        allow_none=True,
        help="The GPUs of this machine that tasks with resources={'gpu': 1} are given, each to one attempt at a time, "
        "in CUDA_VISIBLE_DEVICES. None for those of the server's CUDA_VISIBLE_DEVICES, else what nvidia-smi lists.",
    ).tag(config=True)
    execution_burst = Int(
        100,
        min=1,
        help="Executions that one kernel or program may start at once; all programs of one person together five "
        "times as many.",
    ).tag(config=True)
    execution_rate = Float(
        20.0, min=0.0, help="Executions per second that one kernel or program may start after that; 0 for no limit."
    ).tag(config=True)
    connection_burst = Int(500, min=1, help="WebSockets that one identity may open at once.").tag(config=True)
    connection_rate = Float(
        50.0, min=0.0, help="WebSockets per second that one identity may open after that; 0 for no limit."
    ).tag(config=True)
    kernel_actions = Set(
        Enum(list(get_args(Action))),
        set(get_args(Action)),
        help="What kernels of this server may do with workflows. Everybody else is asked about at the "
        "configured Authorizer, with the resource `wf_jupyter`.",
    ).tag(config=True)
    # Proxies close what is idle, some after 5 s.
    heartbeat = Float(4.0, min=0.1, help="Seconds between the heartbeats on a WebSocket.").tag(config=True)
    slow_client_timeout = Float(
        30.0, min=0.1, help="Seconds after which a WebSocket is closed whose reader takes nothing."
    ).tag(config=True)
    max_message_size = Int(
        1024 * 1024, min=1024, help="The longest message that is accepted on a WebSocket, in characters."
    ).tag(config=True)
    max_subscriptions = Int(1000, min=1, help="Executions that one WebSocket may follow at once.").tag(config=True)
    workflow_modules = List(
        Unicode(),
        help="Modules whose workflows are published at start, as `pkg.module`. They are imported by a process of "
        "their own, with this server's interpreter and directory, never by the server.",
    ).tag(config=True)
    advertise_to_remote = Bool(
        False,
        help="Tell kernels that start elsewhere the address of this server (KERNEL_WF_JUPYTER_URL); with a configured "
        "gateway it is always told. No credential goes with it: they need WF_JUPYTER_TOKEN.",
    ).tag(config=True)

    freeze_startup_objects = Bool(
        True,
        help="Exempt what the server holds when it has started from garbage collection (gc.freeze): else every full "
        "collection stops all its threads for 110 to 160 ms, measured with JupyterLab. Nothing that is made later is "
        "exempted.",
    ).tag(config=True)

    @default("max_workers")
    def _default_max_workers(self) -> int:
        return os.cpu_count() or 2

    @default("data_dir")
    def _default_data_dir(self) -> str:
        return os.environ.get("WF_JUPYTER_DATA_DIR") or str(Path(jupyter_data_dir()) / "wf_jupyter")

    @default("template_paths")
    def _default_template_paths(self) -> list[str]:
        return [str(_ASSETS)]

    @property
    def _tells_address(self) -> bool:
        # Kernels behind a gateway see no file of this machine; with this they at least say that they run alone.
        return self.advertise_to_remote or self._server().gateway_config.gateway_enabled

    @property
    def file_paths(self) -> list[str]:
        """Where the files below `static/wf_jupyter/` come from."""
        return [*self.static_paths, str(_PACKAGE / "static"), str(_ASSETS)]

    # -- loading: there is no running loop and no port yet ------------------------------------------

    _shared: Shared | None = None

    def initialize_settings(self) -> None:
        """Announce the connection file and prepare what handlers share."""
        self._adopt_logger()
        self._beside: list[asyncio.Task[None]] = []
        self._connection = ConnectionFile(Path(self._server().runtime_dir))
        self._connection.announce()
        self._socket = KernelSocket(self._connection.path.parent)
        self._host = OrchestratorHost(
            RuntimeConfig(
                data_dir=Path(self.data_dir).expanduser(),
                max_workers=self.max_workers,
                durability=cast(Literal["normal", "full"], self.durability),
                recovery=cast(Literal["resume", "interrupt"], self.recovery),
                takeover_interval=self.takeover_interval,
                retention_days=self.retention_days,
                retention_bytes=self.retention_bytes,
                log_limit=self.log_limit,
                resources={name: float(amount) for name, amount in self.resources.items()},
                gpus=None if self.gpus is None else tuple(self.gpus),
                dask_address=self.dask_address,
                dask_losses=self.dask_losses,
                dask_patience=self.dask_patience,
                has_inline=False,
            ),
            version=self.version,
            heartbeat=self.heartbeat,
            notifiers=self._notifiers,
        )
        self._shared = Shared(
            self._host,
            self._connection.secret,
            RateLimiter(self.execution_burst, self.execution_rate),
            RateLimiter(self.connection_burst, self.connection_rate, "connections"),
        )
        keep(self.settings, self._shared)

    def _notifiers(self) -> list[Notifier]:
        logger = self._server().event_logger
        return [] if logger is None else [Lifecycle(logger)]

    def initialize_handlers(self) -> None:
        """Routes and files."""
        self.handlers.extend(routes())
        self.handlers.append((rf"/static/{self.name}/(.*)", StaticFiles, {"path": self.file_paths}))

    def _server(self) -> ServerApp:
        if self.serverapp is None:
            raise RuntimeError("the extension is not linked to a server")
        return self.serverapp

    def _adopt_logger(self) -> None:
        # The library logs under its own name and knows nothing of Jupyter; here its lines appear as ours.
        logger = logging.getLogger("wf_jupyter")
        logger.parent = self.log
        logger.setLevel(self.log.level)

    # -- running ------------------------------------------------------------------------------------

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Start the orchestrator; when it cannot start, the Jupyter server goes on without."""
        directory = self._connection.path.parent
        await self._host.start()
        connection_file.prune(directory)
        self._socket.open(serverapp)
        atexit.register(self._withdraw)
        self._connection.write(
            server_id=self._host.server_id,
            url=serverapp.connection_url,
            sock=self._socket.path or serverapp.sock,
            base_url=serverapp.base_url,
        )
        if self._tells_address:
            os.environ[_REMOTE] = serverapp.connection_url
        if self.freeze_startup_objects:
            gc_tuning.set_startup_aside()
        loop = asyncio.get_running_loop()
        awake = activity.keep_awake(serverapp.web_app.settings, self._host.active)
        self._beside.append(loop.create_task(awake, name="wf_jupyter activity"))
        collecting = gc_tuning.collect_when_idle(self._host.active)
        self._beside.append(loop.create_task(collecting, name="wf_jupyter garbage"))
        if self.workflow_modules:
            publishing = modules.publish(self.workflow_modules, str(self._connection.path))
            self._beside.append(loop.create_task(publishing, name="wf_jupyter modules"))

    def _withdraw(self) -> None:
        self._connection.remove()
        self._socket.close()

    def current_activity(self) -> dict[str, int] | None:
        """Activity that keeps an idle server from shutting itself down."""
        active = self._host.active()
        return {"executions": active} if active else None

    async def stop_extension(self) -> None:
        """Close within three seconds, started or not; running executions go on with the next server."""
        if self._shared is None:
            return
        for task in self._beside:
            task.cancel()
        self._withdraw()
        if self._tells_address:
            os.environ.pop(_REMOTE, None)
        atexit.unregister(self._withdraw)
        for socket in list(self._shared.sockets):
            socket.close(GOING_AWAY, "the server is shutting down")
        await self._host.close(_STOP_DEADLINE)
