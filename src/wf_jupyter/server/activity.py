"""Keeps the Jupyter server awake while executions run.

`current_activity` of the extension stops Jupyter's own idle shutdown. A Hub's culler and
`/api/status` look at the time of the last activity instead, so that is renewed as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

#: Seconds between renewals. Culling works in minutes, as a rule; and a renewal is one entry of a dict.
INTERVAL = 2.0


def renew(settings: dict[str, Any], active: int) -> None:
    """Count running executions as activity of this moment."""
    if active:
        settings["last_activity_times"]["wf_jupyter"] = datetime.now(UTC)


async def keep_awake(settings: dict[str, Any], active: Callable[[], int]) -> None:
    """Renew until cancelled."""
    while True:
        renew(settings, active())
        await asyncio.sleep(INTERVAL)
