"""The way up from a workflow to whoever runs and draws it.

A workflow is plain data and must not depend on the client, yet `workflow.submit()` is what people
write. This module is the one place that knows the outer modules, by name and at call time only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def client() -> Any:
    """The module that submits, runs and publishes: `wf_jupyter.client.api`."""
    return import_module("wf_jupyter.client.api")


def forms() -> Any:
    """The module that makes forms: `wf_jupyter.widget.form`; `ImportError` where a kernel has no widgets."""
    return import_module("wf_jupyter.client.display").widgets("form")


def pictures() -> Any:
    """The module that draws drafts: `wf_jupyter.render.picture`."""
    return import_module("wf_jupyter.render.picture")
