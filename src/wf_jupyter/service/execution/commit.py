"""Committing while the disk is full: an execution waits for room before it gives up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from wf_jupyter.errors import StoreError
from wf_jupyter.ports import Batch, Store

_FIRST_WAIT = 0.25
_LONGEST_WAIT = 10.0

_log = logging.getLogger(__name__)


async def commit(store: Store, batch: Batch, patience: float, waits: Callable[[StoreError], None]) -> None:
    """Append the batch; tries again for `patience` seconds while the store says that the trouble may pass.

    `waits` is called once, before the first wait. A submission is not tried again: whoever submits is
    there to be told.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    wait = _FIRST_WAIT
    while True:
        try:
            await store.append(batch)
            return
        except StoreError as error:
            if not error.is_temporary or batch.submission is not None or loop.time() + wait > deadline:
                raise
            if wait == _FIRST_WAIT:
                _log.warning("execution %s waits, at most %g s: %s", batch.execution, patience, error)
                waits(error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
