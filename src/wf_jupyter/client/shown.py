"""What of an execution it takes to show it, so that what shows it need not know the class."""

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
        """Its present state."""
        ...

    def still(self) -> Snapshot:
        """Its state as far as it is known without waiting."""
        ...

    def follow(self) -> Replica:
        """Its state from now on."""
        ...

    def view(self, tab: str | None = None, height: int | None = None) -> Any:
        """The live view as a widget."""
        ...
