"""Description of this process, as workers should find it."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from wf_jupyter.errors import WorkflowDefinitionError
from wf_jupyter.model.submission import Environment
from wf_jupyter.values.sealing import VARIABLE, used_key


def environment() -> Environment:
    """Where this process runs, so that workers can be like it.

    Raises `WorkflowDefinitionError` when its current directory was deleted.
    """
    try:
        here = str(Path.cwd())
    except FileNotFoundError:
        raise WorkflowDefinitionError(
            "the current directory of this process was deleted, so tasks cannot run there: change to one that exists"
        ) from None
    return Environment(
        executable=sys.executable,
        directory=here,
        path=tuple(str(Path(entry).absolute()) for entry in sys.path),
        variables=_variables(),
        flags=_flags(),
        hidden=_hidden_modules(),
    ).to_portable()


def _variables() -> dict[str, str]:
    """The process's variables, with the key of the secrets that it sealed: workers may run where its file is not."""
    key = used_key()
    return dict(os.environ) if key is None else {**os.environ, VARIABLE: key}


def _flags() -> tuple[str, ...]:
    """Flags that the interpreter was started with, but for warning filters: these travel with the code of tasks."""
    from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined]  # as multiprocessing does

    return tuple(flag for flag in _args_from_interpreter_flags() if not flag.startswith("-W"))


def _hidden_modules() -> tuple[str, ...]:
    """Modules that a file in a folder of the user's would replace, had it not been imported from elsewhere before."""
    paths = sysconfig.get_paths()
    libraries = tuple(paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    found: set[str] = set()
    for entry in sys.path:
        folder = Path(entry).absolute()
        if str(folder).startswith(libraries):
            continue
        try:
            names = {path.name.partition(".")[0] for path in folder.iterdir()}
        except OSError:  # a zip file, or a folder that is not there
            continue
        for name in names & sys.modules.keys():
            path = getattr(sys.modules[name], "__file__", None)
            if path is not None and not path.startswith(os.path.join(folder, "")):
                found.add(name)
    return tuple(sorted(found))
