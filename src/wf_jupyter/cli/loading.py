"""From what stands on the command line to a workflow and its inputs."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

from wf_jupyter.errors import InputError
from wf_jupyter.model.secrecy import mask
from wf_jupyter.notebooks.source import Mode
from wf_jupyter.notebooks.workflow import notebook


def workflow(place: str, mode: Mode | None = None) -> Any:
    """The workflow behind `path/to/file.py:name`, `package.module:name` or `path/to/notebook.ipynb`.

    `InputError` says what is wrong.
    """
    if place.endswith(".ipynb"):
        return notebook(place, mode=mode or "reuse")
    if mode is not None:
        raise InputError(f"--{mode} is for notebooks, and {place} is none", "workflow")
    source, separator, name = place.rpartition(":")
    if not separator or not source or not name:
        raise InputError(f"{place!r} is neither of the form FILE_OR_MODULE:WORKFLOW nor a file .ipynb", "workflow")
    module = _file(Path(source)) if source.endswith(".py") else _module(source)
    found = getattr(module, name, None)
    if not getattr(found, "__wf_workflow__", False):
        known = [key for key, value in vars(module).items() if getattr(value, "__wf_workflow__", False)]
        known_names = f"its workflows are: {', '.join(known)}" if known else "it has none"
        raise InputError(f"{source} has no workflow {name!r}; {known_names}", "workflow")
    return found


def inputs(given: Iterable[str]) -> dict[str, Any]:
    """`NAME=VALUE` pairs; a value that is no JSON is taken as text."""
    read: dict[str, Any] = {}
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise InputError(f"parameter {mask(pair)!r} is not of the form NAME=VALUE", "parameter")
        try:
            read[name.strip()] = json.loads(value)
        except ValueError:
            read[name.strip()] = value
    return read


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"there is no file {path}", "workflow")
    # As for `python file.py`: its neighbours can be imported.
    sys.path.insert(0, str(path.parent.absolute()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    # Its code travels to the workers by value, as a notebook's does: what was read now is what runs.
    cloudpickle.register_pickle_by_value(module)
    spec.loader.exec_module(module)
    return module


def _module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(f"there is no module {name!r}: {error}", "workflow") from error
