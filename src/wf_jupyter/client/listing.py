"""A page of executions, as a list that shows as a table: a live one in JupyterLab, where the page's server has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, overload

from wf_jupyter.client.connection import Connection
from wf_jupyter.client.execution import Execution
from wf_jupyter.model.snapshot import Summary, status_word
from wf_jupyter.pytest_nbval import LIST_MARK

#: What the JupyterLab extension shows as a live list.
EXECUTIONS_TYPE = "application/vnd.wf-jupyter.executions+json"


class Executions(Sequence[Execution]):
    """Executions, newest first. Listing them asks nothing further of the orchestrator; using one follows it."""

    def __init__(
        self, connection: Connection, summaries: Iterable[Summary], query: Mapping[str, object] | None = None
    ) -> None:
        self.summaries = tuple(summaries)
        self._connection = connection
        self._query = {name: value for name, value in (query or {}).items() if value is not None}
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
        names = ("workflow", "inputs", "status", "tasks", "started", "took", "id")
        head = "".join(f"<th>{name}</th>" for name in names)
        rows = "".join(f"<tr>{_cells(summary)}</tr>" for summary in self.summaries)
        # The mark is for `pytest_nbval`: what varies from run to run is not compared.
        return f"<table {LIST_MARK}><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        data: dict[str, Any] = {"text/plain": repr(self), "text/html": self._repr_html_()}
        server_id = self._connection.server_id
        # A page of older ones is no live list: what happens, happens before it.
        if server_id and "before" not in self._query:
            data[EXECUTIONS_TYPE] = {"version": 1, "server_id": server_id, "query": self._query}
        return data


def _cells(summary: Summary) -> str:
    inputs = ", ".join(f"{name}={text}" for name, text in summary.inputs.items())
    took = "" if summary.ended is None else _length((summary.ended - summary.created).total_seconds())
    texts = (
        summary.workflow,
        inputs,
        status_word(summary),
        f"{sum(summary.counts.values()):,}",
        _moment(summary.created),
        took,
        summary.id,
    )
    return "".join(f"<td>{escape(text)}</td>" for text in texts)


def _moment(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _length(seconds: float) -> str:
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
