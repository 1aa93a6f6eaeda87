"""Publishing workflows from modules when the server starts, in a process beside it.

The process talks to the server as its kernels do, by the connection file. What it says on stderr is
why something was not published, and goes to the server's log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Sequence

from wf_jupyter.server.connection_file import VARIABLE

#: Importing a module may take long; a module that never ends must not stay for ever.
_PATIENCE = 300.0
_log = logging.getLogger("wf_jupyter")


async def publish(modules: Sequence[str], connection_file: str) -> None:
    """Publish what these modules define. Never raises: what fails is logged; cancelling ends the process."""
    environment = {
        **os.environ,
        VARIABLE: connection_file,
        "WF_JUPYTER_MODE": "server",
        "JPY_PARENT_PID": str(os.getpid()),
    }
    for name in ("WF_JUPYTER_URL", "WF_JUPYTER_TOKEN"):
        environment.pop(name, None)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "wf_jupyter.client.modules", *modules),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
    except OSError as error:
        _log.error("workflow_modules cannot be published: %s", error)
        return
    try:
        async with asyncio.timeout(_PATIENCE):
            _, said = await process.communicate()
    except TimeoutError:
        _log.error("workflow_modules were not published within %g seconds", _PATIENCE)
        return
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    lines = said.decode(errors="replace").splitlines()
    if process.returncode:
        for line in [line for line in lines if line.startswith("the workflows of ")] or lines[-1:]:
            _log.error("%s", line)
    else:
        _log.info("published the workflows of %s", ", ".join(modules))
