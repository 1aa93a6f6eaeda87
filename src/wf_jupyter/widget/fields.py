"""Form fields: for each input of a workflow a widget that suits its annotation, and the way back to a value."""

from __future__ import annotations

import ast
import datetime as dt
import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import ipywidgets

from wf_jupyter.errors import InputError
from wf_jupyter.model.secrecy import is_secret
from wf_jupyter.values.secret import marks_secret, unmark

_LISTS = (list, tuple, Sequence)
_WRITTEN = (Any, object, dict, list, tuple, set, frozenset, bytes, complex, type(None))


@dataclass
class Field:
    """One input: its `name`, the `widget` that asks for it, and how to `read` the value that stands there."""

    name: str
    widget: Any
    read: Callable[[], object]

    def __post_init__(self) -> None:
        # The widget's own description, not a label beside it: that one belongs to the field for screen readers, too.
        self.widget.description = self.name
        self.widget.style.description_width = "10em"
        self.widget.layout.width = "40em" if isinstance(self.widget, ipywidgets.Textarea | ipywidgets.Text) else "24em"


def fields(name: str, function: Callable[..., object], signature: inspect.Signature) -> list[Field]:
    """One field per input. Inputs that no widget can give are left to their default; `InputError` without one."""
    try:
        hints: Mapping[str, Any] = typing.get_type_hints(function)
    except Exception:  # an annotation that names something unimported
        hints = {}
    made = []
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        annotation = hints.get(parameter.name, Any)
        is_hidden = is_secret(parameter.name) or marks_secret(annotation)
        annotation = unmark(annotation)
        default = None if parameter.default is parameter.empty else parameter.default
        if annotation is Any and default is not None:
            annotation = type(default)
        field = (_secret if is_hidden else field_for)(parameter.name, annotation, default)
        if field is None and parameter.default is parameter.empty:
            raise InputError(
                f"workflow {name!r}: a form cannot ask for {parameter.name!r}: it can for texts, numbers, dates, "
                "choices and plain Python values",
                parameter.name,
            )
        if field is not None:
            made.append(field)
    return made


def field_for(name: str, annotation: Any, default: Any) -> Field | None:
    """The field for an input, or None when neither its class nor its default can be written down."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    choices = _choices(annotation)
    if choices is not None:
        return _choice(name, choices, default)
    if annotation is bool:
        return _plain(name, ipywidgets.Checkbox(value=bool(default)))
    if annotation in (int, float):
        kind = ipywidgets.IntText if annotation is int else ipywidgets.FloatText
        return _plain(name, kind(value=default if isinstance(default, int | float) else 0))
    if annotation is dt.date:
        return _plain(name, ipywidgets.DatePicker(value=default))
    if annotation is str:
        return _plain(name, ipywidgets.Text(value=default or ""))
    entry = _entry(annotation)
    if entry is not None:
        return _lines(name, entry, default or ())
    return _literal(name, annotation, default)


def _secret(name: str, annotation: Any, default: Any) -> Field | None:
    """A field whose text is not shown, and is not left in the widget, with which a notebook is saved.

    Once read, the value is kept in this process, and is the answer until another one is written.
    """
    if annotation is bool:
        return field_for(name, annotation, default)
    widget = ipywidgets.Password(placeholder="" if default is None else "as by default")
    kept = ["" if default is None and annotation in (str, Any) else default]

    def read() -> object:
        if widget.value:
            kept[0] = _read_text(name, annotation, widget.value)
            widget.value, widget.placeholder = "", "as given before"
        return kept[0]

    return Field(name, widget, read)


def _read_text(name: str, annotation: Any, text: str) -> object:
    """The value that a text means; the error does not repeat it."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    if str in kinds or Any in kinds:
        return text
    try:
        return annotation(text.strip()) if annotation in (int, float) else ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        raise InputError(f"{name}: this is not a value of the right kind", name) from None


def _plain(name: str, widget: Any) -> Field:
    return Field(name, widget, lambda: widget.value)


def _choices(annotation: Any) -> dict[str, object] | None:
    if get_origin(annotation) is Literal:
        return {str(choice): choice for choice in get_args(annotation)}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return {member.name: member for member in annotation}
    return None


def _choice(name: str, choices: Mapping[str, object], default: object) -> Field:
    chosen = default if default in choices.values() else next(iter(choices.values()))
    return _plain(name, ipywidgets.Dropdown(options=list(choices.items()), value=chosen))


def _entry(annotation: Any) -> type | None:
    """Type of a list's entries, when they can be written one per line."""
    if annotation in _LISTS:
        return str
    arguments = get_args(annotation)
    if get_origin(annotation) in (*_LISTS, typing.get_origin(Sequence[str])) and arguments[:1]:
        return arguments[0] if arguments[0] in (str, int, float) and arguments[1:] in ((), (...,)) else None
    return None


def _lines(name: str, entry: type, default: Sequence[object]) -> Field:
    rows = min(8, max(3, len(default) + 1))
    widget = ipywidgets.Textarea("\n".join(map(str, default)), rows=rows, placeholder="one per line")

    def read() -> list[object]:
        found = []
        for number, line in enumerate(widget.value.splitlines(), 1):
            if not line.strip():
                continue
            try:
                found.append(entry(line.strip()))
            except ValueError:
                raise InputError(f"{name}, line {number}: {line.strip()!r} is no {entry.__name__}", name) from None
        return found

    return Field(name, widget, read)


def _literal(name: str, annotation: Any, default: object) -> Field | None:
    """Everything else: written as Python writes it. Where a text or nothing may stand, quotes are not needed."""
    text = "" if default is None else repr(default)
    if default is None and isinstance(annotation, type) and annotation not in _WRITTEN:
        return None
    try:
        if default is not None and ast.literal_eval(text) != default:
            return None
    except (ValueError, SyntaxError):
        return None
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    if str in kinds and isinstance(default, str):
        text = default
    widget = ipywidgets.Text(value=text)

    def read() -> object:
        given = widget.value.strip()
        if not given and (type(None) in kinds or annotation is Any):
            return None
        try:
            return ast.literal_eval(given)
        except (ValueError, SyntaxError):
            if str in kinds or annotation is Any:
                return given
            raise InputError(f"{name}: write a value as in Python, for example [1, 2] or {{'a': 1}}", name) from None

    return Field(name, widget, read)
