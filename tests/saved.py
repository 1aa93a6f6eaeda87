"""A notebook that was saved with the picture of an execution that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import nbformat

from wf_jupyter.render.stored import EXECUTION_TYPE, VERSION


class Server(Protocol):
    """What answers over REST."""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON that it answers."""
        ...


def saved(jupyter: Server, execution: str, directory: Path) -> str:
    """Write one into the server's folder; its name."""
    api = "wf-jupyter/api/v1"
    snapshot = jupyter.ask("GET", f"{api}/executions/{execution}")
    shown = {
        "version": VERSION,
        "id": execution,
        "server_id": jupyter.ask("GET", f"{api}/hello")["server_id"],
        "workflow": snapshot["workflow"],
        "snapshot": snapshot,
    }
    output = nbformat.v4.new_output("execute_result", {EXECUTION_TYPE: shown, "text/plain": "flow"}, execution_count=1)
    cell = nbformat.v4.new_code_cell("execution", execution_count=1, outputs=[output])
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    name = f"{execution}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), directory / name)
    return name
