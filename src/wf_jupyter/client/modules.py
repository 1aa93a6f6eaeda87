"""Publishes the workflows of modules: `python -m wf_jupyter.client.modules PKG.MODULE ...`.

The Jupyter server starts this for `WorkflowExtension.workflow_modules`, in a process of its own, so
that user code never runs inside the server. Nothing is printed unless something went wrong.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from wf_jupyter.dsl.workflow import Workflow
from wf_jupyter.errors import WorkflowError


def main(names: Sequence[str]) -> int:
    """Publish what the named modules define; the exit status says how many of them failed."""
    failed = 0
    for name in names:
        try:
            for workflow in workflows(name):
                workflow.publish()
        except Exception as error:
            failed += 1
            message = str(error) if isinstance(error, WorkflowError) else f"{type(error).__name__}: {error}"
            print(f"the workflows of {name!r} were not published: {message}", file=sys.stderr)  # noqa: T201
    return failed


def workflows(name: str) -> Iterator[Workflow[..., Any]]:
    """The workflows that a module made itself, in order; not those that it only imports."""
    module = importlib.import_module(name)
    seen = set()
    for value in vars(module).values():
        if isinstance(value, Workflow) and value.function.__module__ == module.__name__ and id(value) not in seen:
            seen.add(id(value))
            yield value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
