"""The way from a workflow to whoever runs, publishes and draws it.

A workflow is plain data and must not depend on the client, yet `workflow.submit()` is what people write. This module
says what it takes to do that, and what of a workflow is needed for it; the package root names who does it, which is
loaded at the first use.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from wf_jupyter.model.draft import Draft
    from wf_jupyter.model.policy import ExecutionOptions


class Definition(Protocol):
    """A workflow, as far as it takes to publish it."""

    name: str
    options: ExecutionOptions

    @property
    def function(self) -> Callable[..., Any]:
        """The plain body."""
        ...

    @property
    def signature(self) -> inspect.Signature:
        """The inputs."""
        ...

    def bind(self, /, *args: Any, **inputs: Any) -> Bound:
        """Trace the body with these inputs."""
        ...


class Bound(Protocol):
    """A workflow with its inputs, as far as it takes to run it."""

    draft: Draft

    @property
    def options(self) -> ExecutionOptions:
        """The options of its executions."""
        ...

    def with_inputs(self, **inputs: object) -> Bound:
        """Copy the bound workflow with some inputs changed."""
        ...

    def without_graph(self) -> Bound:
        """Workflow and inputs only."""
        ...


class Launcher(Protocol):
    """Runs and publishes workflows."""

    def submit(self, bound: Bound, options: ExecutionOptions, /) -> Any:
        """Start an execution and return it at once."""
        ...

    def run(self, bound: Bound, options: ExecutionOptions, /) -> Any:
        """Start an execution, show it, wait, and return the result."""
        ...

    def publish(self, workflow: Definition, name: str | None, /) -> None:
        """Store a workflow under a name."""
        ...

    def form(self, workflow: Definition, /) -> Any:
        """A form for the inputs; `ImportError` where a kernel has no widgets."""
        ...


class Pictures(Protocol):
    """Draws what has not run."""

    def draft_svg(self, draft: Draft, /) -> str:
        """The graph as an SVG image."""
        ...

    def draft_text(self, draft: Draft, /) -> str:
        """The graph as lines of text."""
        ...

    def encode_pdf(self, svg: str, /) -> str:
        """A picture that `draft_svg` drew as PDF, in base64."""
        ...


_launcher: Callable[[], Launcher] | None = None
_pictures: Callable[[], Pictures] | None = None


def provide(launcher: Callable[[], Launcher], pictures: Callable[[], Pictures]) -> None:
    """Name who runs and who draws; each is asked for at every use, and loads what it needs at the first."""
    global _launcher, _pictures
    _launcher, _pictures = launcher, pictures


def launcher() -> Launcher:
    """The launcher of this process, which runs workflows."""
    assert _launcher is not None, "the package root provides it"
    return _launcher()


def pictures() -> Pictures:
    """The drawer of pictures of this process."""
    assert _pictures is not None, "the package root provides it"
    return _pictures()
