"""Where things about notebooks are kept: beside the executions, in directories only their owner can read."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

from wf_jupyter.private_files import make_directory

_KEEP_SECONDS = 7 * 86_400.0


def home() -> Path:
    """`WF_JUPYTER_DATA_DIR`, else beside Jupyter's other data."""
    if named := os.environ.get("WF_JUPYTER_DATA_DIR", "").strip():
        return Path(named).expanduser().absolute() / "notebooks"
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "wf_jupyter" / "notebooks"


def session_folder(execution: str) -> Path:
    """The directory that the tasks of one execution share; those that nobody used for a week are removed."""
    folder = home() / "sessions" / execution
    if not folder.is_dir():
        make_directory(folder)
        _remove_old(folder.parent)
    return folder


def records_folder() -> Path:
    """Folder of the records of cells that ran."""
    folder = home() / "records"
    make_directory(folder)
    return folder


def _remove_old(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for each in folder.iterdir():
            if time.time() - each.stat().st_mtime > _KEEP_SECONDS:
                shutil.rmtree(each, ignore_errors=True)
