"""On a system without POSIX locks the package says plainly that it does not run there."""

from __future__ import annotations

import subprocess
import sys

# The libraries around us are imported first: only our own code is to find another system.
_BLOCKED = """
import sys, asyncio, logging, subprocess, multiprocessing
import jupyter_server.serverapp
sys.platform = "win32"
sys.modules["fcntl"] = sys.modules["termios"] = None
"""

_KERNEL = """
import wf_jupyter as wf

@wf.task
def double(x): return 2 * x

@wf.workflow
def doubled(x: int): return double(x)

assert double(4) == 8
assert "doubled" in repr(doubled.bind(x=1))
for use in (lambda: doubled.submit(x=1), lambda: doubled(x=1), wf.executions, wf.connection,
            doubled.with_options(executor="inline").bind(x=1).submit):
    try:
        use()
    except wf.WorkflowError as error:
        print(type(error).__name__, error)
"""

_SERVER = """
import jupyter_server.extension.manager as manager
from types import SimpleNamespace
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
server = jupyter_server.serverapp.ServerApp()
server.log = logging.getLogger("server")
extensions = manager.ExtensionManager(serverapp=server)
extensions.from_jpserver_extensions({"wf_jupyter": True})
extensions.link_all_extensions()
extensions.load_all_extensions()
"""


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", _BLOCKED + code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    return done.stdout


def test_every_first_use_in_a_kernel_raises_one_clear_error() -> None:
    lines = _run(_KERNEL).splitlines()
    assert len(lines) == 5
    assert all(line.startswith("ServerUnavailable wf_jupyter does not run on Windows yet") for line in lines)


def test_the_server_starts_and_its_log_has_one_line() -> None:
    (line,) = [line for line in _run(_SERVER).splitlines() if "wf_jupyter" in line]
    assert line.startswith("ERROR wf_jupyter does not run on Windows yet")
