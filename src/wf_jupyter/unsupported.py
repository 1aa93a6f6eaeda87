"""Where wf_jupyter cannot run yet: locks of files and pipes to workers are those of POSIX systems.

On such a system the Jupyter server loads this module instead of the extension, so that its log has one line
about it instead of a traceback.
"""

from __future__ import annotations

import sys
from typing import Any


def reason() -> str | None:
    """Reason why executions cannot run in this process, and what to do; None where they can."""
    try:
        import fcntl  # noqa: F401 - whether it is there is the question
    except ImportError:
        name = "Windows" if sys.platform in ("win32", "cygwin") else f"this system ({sys.platform})"
        return (
            f"wf_jupyter does not run on {name} yet: it needs Linux or macOS. On Windows, use Python in WSL 2, "
            "or let a kernel here submit to a server that runs elsewhere: wf.connect(url=..., token=...)"
        )
    return None


def _load_jupyter_server_extension(server: Any) -> None:
    """Say so in the server's log; everything else of the server works."""
    server.log.error(reason())
