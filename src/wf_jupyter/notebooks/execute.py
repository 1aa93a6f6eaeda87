"""One cell in the trunk, by nbclient's own rules, so that its outputs are those that nbclient would keep."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from queue import Empty
from typing import Any

import nbformat
from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from wf_jupyter.dsl.cells import complete, forward
from wf_jupyter.notebooks.outcome import CellOutcome
from wf_jupyter.notebooks.process import Trunk
from wf_jupyter.notebooks.source import Cell

_WELCOME_SECONDS = 1.0


class CellRaised(Exception):
    """A cell raised: its name, value and traceback as the kernel tells them."""

    def __init__(self, outcome: CellOutcome, name: str, value: str, traceback: list[str]) -> None:
        super().__init__(name, value)
        self.outcome = outcome
        self.name = name
        self.value = value
        self.traceback = traceback


class CellTooSlow(Exception):
    """A cell was still running when its time was over."""


def execute(trunk: Trunk, cell: Cell, *, seconds: float | None, is_shown: bool = True) -> CellOutcome:
    """Run a cell to its end; what it shows goes to the running task as well.

    Raises:
        CellRaised: it raised, and is not tagged as one that may.
        CellTooSlow: it took longer than `seconds`.
        DeadKernelError: the process ended.
    """
    found: list[CellOutcome] = []

    async def run() -> None:
        found.append(await _execute(trunk, cell, seconds, forward if is_shown else _ignore))

    complete(run())
    return found[0]


def _ignore(output: Any) -> None:
    pass


async def _execute(trunk: Trunk, cell: Cell, seconds: float | None, show: Callable[[Any], None]) -> CellOutcome:
    kernel = AsyncKernelClient()
    kernel.load_connection_file(str(trunk.connection))
    kernel.start_channels(stdin=False, hb=False, control=False)
    try:
        await _wait_for_welcome(kernel)
        client = _Client(trunk, kernel, cell, seconds, show)
        return await client.run()
    finally:
        kernel.stop_channels()


async def _wait_for_welcome(kernel: AsyncKernelClient) -> None:
    """Until what the kernel publishes reaches this client: newer ones say so themselves."""
    until = time.monotonic() + _WELCOME_SECONDS
    while (left := until - time.monotonic()) > 0:
        try:
            message = await kernel.iopub_channel.get_msg(timeout=min(left, 0.05))
        except Empty:
            kernel.kernel_info()  # whose busy and idle are published
            continue
        if message["msg_type"] in ("iopub_welcome", "status"):
            return


class _Client(NotebookClient):
    def __init__(
        self, trunk: Trunk, kernel: AsyncKernelClient, cell: Cell, seconds: float | None, show: Callable[[Any], None]
    ) -> None:
        tags = {"tags": list(cell.tags)}
        self._node: Any = nbformat.v4.new_code_cell(cell.source, metadata=tags)  # type: ignore[no-untyped-call]
        notebook = nbformat.v4.new_notebook(cells=[self._node])  # type: ignore[no-untyped-call]
        super().__init__(notebook, record_timing=False, timeout=None, timeout_func=None)
        self.kc = kernel
        self._trunk = trunk
        self._cell = cell
        self._seconds = seconds
        self._show = show
        self._updates: list[tuple[str, dict[str, Any]]] = []

    async def run(self) -> CellOutcome:
        begin = time.perf_counter()
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                await self.async_execute_cell(self._node, 0, execution_count=self._cell.number)
        except (TimeoutError, DeadKernelError):
            # nbclient takes being cancelled for a kernel that died.
            if not limit.expired():
                raise
            self._trunk.interrupt()
            raise CellTooSlow(f"after {self._seconds:g} s it was still running") from None
        except CellTimeoutError as error:
            raise CellTooSlow(str(error)) from None
        except CellExecutionError as error:
            traceback = [line for out in self._node.outputs if out.output_type == "error" for line in out.traceback]
            outcome = self._outcome(time.perf_counter() - begin)
            raise CellRaised(outcome, error.ename, error.evalue, traceback) from None
        return self._outcome(time.perf_counter() - begin)

    def _outcome(self, seconds: float) -> CellOutcome:
        displays = {name: places[0] for name, places in self._display_id_map.items() if places.get(0)}
        states = {model: self._serialize_widget_state(state) for model, state in self.widget_state.items()}
        for model, buffers in self.widget_buffers.items():
            states[model]["buffers"] = list(buffers.values())
        return CellOutcome(
            number=self._cell.number,
            outputs=json.loads(json.dumps(self._node.outputs)),
            seconds=seconds,
            displays=displays,
            updates=self._updates,
            widgets=json.loads(json.dumps(states)),
        )

    async def _async_check_alive(self) -> None:
        if not self._trunk.is_alive:
            raise DeadKernelError("Kernel died")

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        content = msg["content"]
        data = json.loads(json.dumps({"data": content["data"], "metadata": content["metadata"]}))
        self._updates.append((display_id, data))
        super()._update_display_id(display_id, msg)

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        out = super().output(outs, msg, display_id, cell_index)
        if out is not None:
            self._show(out)
        return out
