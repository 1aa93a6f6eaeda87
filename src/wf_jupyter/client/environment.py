"""This process, as workers should find it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wf_jupyter.model.submission import Environment


def environment() -> Environment:
    """Where this process runs, so that workers can be like it."""
    here = str(Path.cwd())
    return Environment(
        executable=sys.executable,
        directory=here,
        path=tuple(str(Path(entry).absolute()) for entry in sys.path),
        variables=dict(os.environ),
    )
