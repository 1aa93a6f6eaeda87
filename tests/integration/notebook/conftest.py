"""Notebooks of a few lines, and what nbclient makes of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import wf_jupyter as wf
from wf_jupyter.client import session

#: What differs between any two runs: in warnings the process and a digest of the cell's text; addresses; times.
_VARYING = re.compile(r"(?<=ipykernel_)\d+/\d+|(?<=0x)[0-9a-f]{6,}|^(CPU times|Wall time):.*$", re.MULTILINE)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
#: A notebook with a parameter, headings, and outputs of every usual kind.
REPORT = (
    "# Report",
    "## Set-up",
    "import sys\nfrom IPython.display import HTML, Markdown, display",
    ("parameters", "n = 2\nname = 'Oslo'"),
    "## Numbers",
    "numbers = list(range(n))\nprint(numbers)\nprint('aside', file=sys.stderr)",
    "total = sum(numbers)\ntotal",
    "## Pictures",
    "display(HTML(f'<b>{name}</b>'), Markdown('*hello*'))\nhandle = display(total, display_id='total')",
    f"from base64 import b64decode\nfrom IPython.display import Image\nImage(b64decode({PIXEL!r}))",
    "display(f'updated to {total}', display_id='total', update=True)",
)


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    monkeypatch.setenv("WF_JUPYTER_MODE", "embedded")
    session.close()
    yield
    session.close()


def write(path: Path, cells: Any, **metadata: Any) -> Path:
    """A notebook file; a text that begins with `#` and a space is a heading, a pair has a tag."""
    made = []
    for cell in cells:
        tag, text = cell if isinstance(cell, tuple) else (None, cell)
        if text.startswith(("# ", "## ")) and "\n" not in text:
            made.append(nbformat.v4.new_markdown_cell(text))
        else:
            made.append(nbformat.v4.new_code_cell(text, metadata={"tags": [tag]} if tag else {}))
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata), path)
    return path


def run(notebook: Any, **inputs: Any) -> Any:
    return notebook.submit(**inputs).result(timeout=240)


def outputs(notebook: Any) -> list[Any]:
    """Outputs of the code cells; how many messages a text came in is chance."""
    return [merged(cell["outputs"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def merged(found: list[Any]) -> list[Any]:
    streams: dict[str, str] = {}
    others = []
    for output in found:
        if output["output_type"] == "stream":
            streams[output["name"]] = streams.get(output["name"], "") + _plain(output["text"])
        else:
            kept = {key: value for key, value in output.items() if key not in ("traceback", "execution_count")}
            if "text/plain" in kept.get("data", {}):
                kept["data"] = {**kept["data"], "text/plain": _plain("".join(kept["data"]["text/plain"]))}
            others.append(kept)
    return [*sorted(streams.items()), *others]


def _plain(text: str) -> str:
    return _VARYING.sub("", text)


def by_nbclient(path: Path) -> Any:
    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}, allow_errors=True).execute()
    return notebook


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Any]:
    """A notebook of these cells as a workflow."""
    return lambda *cells, **options: wf.notebook(write(tmp_path / "book.ipynb", cells), **options)
