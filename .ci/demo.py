"""Opens JupyterLab on the quickstart notebook, in a browser if there is a display; its URL is the last line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "notebooks/quickstart.ipynb"
PATIENCE = 60.0
#: Nobody who tries a demo was waiting for the question whether news are welcome.
OVERRIDES = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}


def main() -> int:
    """Run the Jupyter server until it is stopped."""
    quiet_news()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.default_url=/lab/tree/{NOTEBOOK}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--Application.log_level=WARN",
    ]
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    print("Starting JupyterLab …", flush=True)
    with subprocess.Popen([*command, *sys.argv[1:]]) as server:
        try:
            address = found(server)
            if address is not None:
                print(f"JupyterLab runs; stop it with Control-C. Open:\n\n{address}\n", flush=True)
            return server.wait()
        except KeyboardInterrupt:
            # The server has heard it as well, and may ask whether it is meant.
            return server.wait()


def found(server: subprocess.Popen[bytes]) -> str | None:
    """The notebook's URL, with its token, as soon as the server listens; None when it does not."""
    from jupyter_core.paths import jupyter_runtime_dir

    told = Path(jupyter_runtime_dir(), f"jpserver-{server.pid}.json")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            info = json.loads(told.read_text())
        except (OSError, ValueError):
            time.sleep(0.1)
            continue
        query = f"?token={info['token']}" if info.get("token") else ""
        return f"{info['url']}lab/tree/{NOTEBOOK}{query}"
    return None


def quiet_news() -> None:
    """Let the demo's own environment answer the question for everybody who uses it."""
    path = Path(sys.prefix, "share", "jupyter", "lab", "settings", "overrides.json")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(OVERRIDES))


if __name__ == "__main__":
    sys.exit(main())
