"""Forms: typed fields from the signature, a Run button, and errors where they belong."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import ipywidgets
import pytest

import wf_jupyter as wf
from wf_jupyter.widget.view import ExecutionView

PATIENCE = 60.0


class Mode(enum.Enum):
    FAST = 1
    SAFE = 2


@wf.task
def told(values: dict[str, Any]) -> dict[str, Any]:
    return values


@wf.workflow
def everything(
    cities: list[str],
    days: int = 3,
    share: float = 0.5,
    name: str = "a",
    strict: bool = True,
    how: Literal["mean", "max"] = "max",
    mode: Mode = Mode.SAFE,
    sizes: Sequence[int] = (1, 2),
    since: dt.date = dt.date(2026, 1, 2),
    limit: int | None = None,
    table: dict[str, int] = {"a": 1},  # noqa: B006
    label: str | None = None,
    anything=None,
):
    return told({key: getattr(value, "name", value) for key, value in locals().items()})


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WF_JUPYTER_MODE", "embedded")


def widgets_of(form: Any) -> dict[str, Any]:
    rows = [row for row in form.children if isinstance(row, ipywidgets.HBox)]
    return {row.children[0].description: row.children[0] for row in rows[:-1]}


def complaints(form: Any) -> list[str]:
    parts = [part for row in form.children if isinstance(row, ipywidgets.HBox) for part in row.children]
    return [part.value for part in parts if isinstance(part, ipywidgets.HTML) and part.value]


def test_each_input_has_a_widget_that_suits_it_and_the_default_stands_in_it() -> None:
    form = everything.form()
    found = widgets_of(form)
    assert {name: type(widget).__name__ for name, widget in found.items()} == {
        "cities": "Textarea",
        "days": "IntText",
        "share": "FloatText",
        "name": "Text",
        "strict": "Checkbox",
        "how": "Dropdown",
        "mode": "Dropdown",
        "sizes": "Textarea",
        "since": "DatePicker",
        "limit": "Text",
        "table": "Text",
        "label": "Text",
        "anything": "Text",
    }
    defaults = {"cities": [], "days": 3, "share": 0.5, "name": "a", "strict": True, "how": "max", "mode": Mode.SAFE}
    defaults |= {"sizes": [1, 2], "since": dt.date(2026, 1, 2), "limit": None, "table": {"a": 1}, "label": None}
    assert form.inputs() == {**defaults, "anything": None}
    assert repr(form).startswith("<form of 'everything': cities, days")


def test_the_button_starts_an_execution_and_shows_it_live() -> None:
    form = everything.form()
    found = widgets_of(form)
    found["cities"].value = "Oslo\n\n Rome "
    found["days"].value = 5
    found["how"].value = "mean"
    found["limit"].value = "7"
    found["label"].value = "plain text"
    found["anything"].value = "[1, 2]"
    form.children[-1].children[0].click()
    assert complaints(form) == []
    assert isinstance(form.children[-1], ExecutionView)
    result = form.execution.result(timeout=PATIENCE)
    assert result["cities"] == ["Oslo", "Rome"]
    assert (result["days"], result["how"], result["limit"], result["label"]) == (5, "mean", 7, "plain text")
    assert result["anything"] == [1, 2]
    form.run()
    assert sum(isinstance(child, ExecutionView) for child in form.children) == 1


def test_errors_stand_beside_the_field_that_is_to_blame_and_as_text() -> None:
    form = everything.form()
    found = widgets_of(form)
    found["sizes"].value = "1\n<b>two</b>"
    assert form.run() is None
    assert len(complaints(form)) == 1
    assert "sizes, line 2: &#x27;&lt;b&gt;two&lt;/b&gt;&#x27; is no int" in complaints(form)[0]
    found["sizes"].value = "1"
    found["limit"].value = "'many'"
    form.run()
    assert len(complaints(form)) == 1
    assert "limit must be int | None" in complaints(form)[0]
    found["limit"].value = ""
    found["table"].value = "{"
    form.run()
    assert "write a value as in Python" in complaints(form)[0]
    found["table"].value = "{}"
    assert form.run() is not None
    assert complaints(form) == []


def test_an_error_of_the_body_is_shown_in_the_form() -> None:
    @wf.workflow
    def broken(n: int):
        raise ZeroDivisionError("not today")

    form = broken.form()
    form.run()
    assert "not today" in complaints(form)[0]


def test_an_input_that_no_form_can_ask_for_is_refused_unless_it_has_a_default() -> None:
    @wf.workflow
    def over(path: Path):
        return told({"path": path})

    with pytest.raises(wf.InputError, match="cannot ask for 'path'"):
        over.form()

    @wf.workflow
    def optional(n: int, path: Path = Path("x")):
        return told({"n": n})

    assert list(widgets_of(optional.form())) == ["n"]


def test_secret_inputs_are_asked_for_in_fields_that_neither_show_nor_keep_them(embedded: None) -> None:
    @wf.task
    def spell(given):
        return [None if each is None else str(each)[::-1] for each in given]

    @wf.workflow
    def login(user: str, password: str, pin: wf.Secret[int], api_key: str | None = None, token: str = "preset"):
        return spell([user, password, pin, api_key, token])

    form = login.form()
    hidden = {field.name: field.widget for field in form._fields if isinstance(field.widget, ipywidgets.Password)}
    assert list(hidden) == ["password", "pin", "api_key", "token"]
    assert "preset" not in str([widget.get_state() for widget in hidden.values()])
    hidden["password"].value, hidden["pin"].value = "hunter2-S3CRET", "no number"
    assert form.run() is None
    assert "pin: this is not a value" in str(form._complaints["pin"].value)
    hidden["pin"].value = "1234"
    for _ in range(2):  # what was given stays given
        execution = form.run()
        assert execution is not None
        assert execution.result(timeout=60) == ["", "TERC3S-2retnuh", "4321", None, "teserp"]
    assert "hunter2" not in str([widget.get_state() for widget in hidden.values()])
    assert "preset" not in repr(login)
