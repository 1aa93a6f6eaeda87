"""The protocol of an execution that can be shown, so that displays need not know the class."""

from __future__ import annotations

from typing import Any, Protocol

from wf_jupyter.client.connection import Connection
from wf_jupyter.client.replica import Replica
from wf_jupyter.model.snapshot import Snapshot


class Shown(Protocol):
    """An execution as something to look at."""

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        ...

    @property
    def connection(self) -> Connection:
        """Where it runs."""
        ...

    def snapshot(self) -> Snapshot:
        """The present state."""
        ...

    def still(self) -> Snapshot:
        """The state as far as it is known without waiting."""
        ...

    def follow(self) -> Replica:
        """A replica that follows the state from now on."""
        ...

    def view(self, tab: str | None = None, height: int | None = None) -> Any:
        """The live view as a widget."""
        ...
