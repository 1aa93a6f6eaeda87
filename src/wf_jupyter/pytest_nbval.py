"""A pytest plugin for nbval, idle without it: of an execution's output, only the text/plain is compared.

Our pictures in PDF are left out of every comparison: what they show is compared as SVG or text, and notebooks of
earlier versions have none.

What a notebook stores of an execution has an id, and becomes its outcome when it ends. nbval runs the cell
again and compares with what it shows at first. Other outputs are compared as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

EXECUTION_TYPE = "application/vnd.wf-jupyter.execution+json"
PDF_TYPE = "application/pdf"
#: How our own PDFs begin, in base64.
PDF_MARK = "JVBERi0xLjQKJXdmX2p1"
#: In the HTML of a list of them, which has no type of its own where nothing is live.
LIST_MARK = 'data-wf-jupyter="executions"'
#: Of a list of them.
_LIST_TYPE = "application/vnd.wf-jupyter.executions+json"


def pytest_collection_modifyitems(items: Iterable[Any]) -> None:
    """Take each cell that nbval compares."""
    for item in items:
        if type(item).__name__ == "IPyNbCell" and hasattr(item, "compare_outputs"):
            item.compare_outputs = _Comparing(item.compare_outputs)


class _Comparing:
    """nbval's comparison, with executions reduced to their texts on both sides."""

    def __init__(self, compare: Any) -> None:
        self._compare = compare

    def __call__(self, test: Sequence[Any], ref: Sequence[Any], *more: Any, **named: Any) -> Any:
        texts = {_text(output) for output in (*test, *ref) if _is_execution(output)}
        return self._compare(_without_marked(test, texts), _without_marked(ref, texts), *more, **named)


def _is_execution(output: Mapping[str, Any]) -> bool:
    data = output.get("data", {})
    if EXECUTION_TYPE in data or _LIST_TYPE in data or EXECUTION_TYPE in output.get("metadata", {}):
        return True
    html = data.get("text/html", "")
    return LIST_MARK in (html if isinstance(html, str) else "".join(html))


def _without_pdf(output: Any) -> Any:
    data = output.get("data", {})
    stored = data.get(PDF_TYPE, "")
    if not (stored if isinstance(stored, str) else "".join(stored)).startswith(PDF_MARK):
        return output
    kept = type(output)(output)
    kept["data"] = type(data)({kind: content for kind, content in data.items() if kind != PDF_TYPE})
    return kept


def _text(output: Mapping[str, Any]) -> str:
    text = output.get("data", {}).get("text/plain", "")
    return text if isinstance(text, str) else "".join(text)


def _without_marked(outputs: Sequence[Any], texts: set[str]) -> list[Any]:
    """Outputs that an earlier version stored have no mark: they are known by the text of one that has."""
    found = []
    for output in outputs:
        output = _without_pdf(output)
        if _is_execution(output) or (texts and _text(output) in texts):
            output = type(output)(output)
            output["data"] = type(output["data"])({"text/plain": _text(output)})
        found.append(output)
    return found
