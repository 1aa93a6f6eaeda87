"""A page of executions, as a list that shows as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import overload

from wf_jupyter.client.connection import Connection
from wf_jupyter.client.execution import Execution
from wf_jupyter.model.snapshot import Summary, status_word


class Executions(Sequence[Execution]):
    """Executions, newest first. Listing them asks nothing further of the orchestrator; using one follows it."""

    def __init__(self, connection: Connection, summaries: Iterable[Summary]) -> None:
        self.summaries = tuple(summaries)
        self._held = [Execution(connection, summary.id) for summary in self.summaries]

    @overload
    def __getitem__(self, index: int) -> Execution: ...
    @overload
    def __getitem__(self, index: slice) -> list[Execution]: ...
    def __getitem__(self, index: int | slice) -> Execution | list[Execution]:
        return self._held[index]

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Execution]:
        return iter(self._held)

    def __repr__(self) -> str:
        lines = [f"{summary.workflow}: {status_word(summary)}" for summary in self.summaries]
        return "\n".join([f"{len(lines)} {'execution' if len(lines) == 1 else 'executions'}", *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(summary.workflow)}</td><td>{escape(status_word(summary))}</td>"
            f"<td>{sum(summary.counts.values())}</td></tr>"
            for summary in self.summaries
        )
        head = "<tr><th>workflow</th><th>status</th><th>tasks</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
