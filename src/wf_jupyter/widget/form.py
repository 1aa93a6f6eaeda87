"""A form for a workflow's inputs, with a Run button that shows the live view below."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets

from wf_jupyter.client.execution import Execution
from wf_jupyter.errors import InputError
from wf_jupyter.widget.fields import fields

_ERROR = '<span style="color: var(--jp-error-color1, #c62828)" role="alert">{}</span>'


class WorkflowForm(ipywidgets.VBox):  # type: ignore[misc]
    """A form for the inputs, as `workflow.form()` returns it. `execution` is the one that was started last."""

    def __init__(self, workflow: Any) -> None:
        self.workflow = workflow
        self.execution: Execution | None = None
        self._fields = fields(workflow.name, workflow.function, workflow.signature)
        self._complaints = {field.name: ipywidgets.HTML() for field in self._fields}
        self._complaint = ipywidgets.HTML()
        self._button = ipywidgets.Button(description="Run", button_style="primary", tooltip=f"Run {workflow.name}")
        self._button.layout.margin = "2px 2px 2px calc(10em + 10px)"  # below the fields, not their names
        self._button.on_click(lambda _: self.run())
        rows = [ipywidgets.HBox([field.widget, self._complaints[field.name]]) for field in self._fields]
        self._head = [*rows, ipywidgets.HBox([self._button, self._complaint])]
        super().__init__(self._head)

    def inputs(self) -> dict[str, object]:
        """The values in the fields; `InputError` names the one that cannot be read."""
        return {field.name: field.read() for field in self._fields}

    def run(self) -> Execution | None:
        """Start an execution with these inputs, as the button does. Errors are shown in the form."""
        for complaint in (self._complaint, *self._complaints.values()):
            complaint.value = ""
        self._button.disabled = True
        try:
            self.execution = self.workflow.submit(**self.inputs())
        except Exception as error:  # the body is the user's and may raise anything
            self._complain(error)
            return None
        finally:
            self._button.disabled = False
        self.children = [*self._head, self.execution.view()]
        return self.execution

    def _complain(self, error: Exception) -> None:
        field = error.field if isinstance(error, InputError) else None
        message = str(error).removeprefix(f"workflow {self.workflow.name!r}: ") or type(error).__name__
        place = self._complaints.get(field or "", self._complaint)
        place.value = _ERROR.format(escape(message))

    def __repr__(self) -> str:
        return f"<form of {self.workflow.name!r}: {', '.join(field.name for field in self._fields) or 'no inputs'}>"
