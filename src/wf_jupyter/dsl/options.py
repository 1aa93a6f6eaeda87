"""Options as authors write them, checked before anything is traced or run."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import msgspec

from wf_jupyter.errors import InputError, WorkflowDefinitionError
from wf_jupyter.model.given_executors import name_of
from wf_jupyter.model.policy import ExecutionOptions, TaskOptions

_S = TypeVar("_S", TaskOptions, ExecutionOptions)

#: What `@wf.task` takes that is not a field of `TaskOptions`; `is_async` is read off the function.
_BESIDE = ("name", "retry_on", "outputs")
TASK_OPTIONS = (*_BESIDE, *(name for name in TaskOptions.__struct_fields__ if name not in ("retry_delays", "is_async")))
EXECUTION_OPTIONS = ExecutionOptions.__struct_fields__


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """All that is known of a task besides its code. `outputs` are the keys that a node unpacks into."""

    name: str
    options: TaskOptions
    retry_on: tuple[type[BaseException], ...]
    outputs: tuple[object, ...] | None


def task_settings(function: Callable[..., object], given: Mapping[str, object]) -> TaskSettings:
    """The settings for `function` with the options `given`; `InputError` names a wrong one and what it may be."""
    _refuse_unknown(given, TASK_OPTIONS, "task")
    name = check_name(given.get("name"), "task", function)
    engine = {key: value for key, value in given.items() if key not in _BESIDE}
    delay = engine.get("retry_delay")
    if isinstance(delay, Iterable) and not isinstance(delay, str | bytes):
        del engine["retry_delay"]
        engine["retry_delays"] = tuple(delay)
        if not engine["retry_delays"]:
            raise InputError(f"task {name!r}: retry_delay is empty: it must hold at least one wait", "retry_delay")
    if isinstance(engine.get("tags"), str):
        raise InputError(f"task {name!r}: tags={engine['tags']!r} must be a list of texts, not one text", "tags")
    version = engine.get("cache_version")
    if isinstance(version, int) and not isinstance(version, bool):
        engine["cache_version"] = str(version)
    if isinstance(amounts := engine.get("resources"), Mapping):
        engine["resources"] = {key: _amount(name, key, amount) for key, amount in amounts.items()}
    engine["is_async"] = is_async(function)
    return TaskSettings(
        name=name,
        options=_struct(TaskOptions, engine, f"task {name!r}"),
        retry_on=_retry_on(given.get("retry_on", Exception), name),
        outputs=_outputs(given.get("outputs"), name),
    )


def _amount(task: str, name: object, amount: object) -> object:
    """The amount in bytes where it is a text like `8GB`."""
    if not isinstance(amount, str):
        return amount
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B\s*", amount)
    if match is None:
        allowed = "a number, or a size like '8GB' or '512MiB'"
        raise InputError(
            f"task {task!r}: resources[{name!r}]={amount!r} is not allowed: it must be {allowed}", "resources"
        )
    count, power, is_binary = match.groups()
    return float(count) * (1024 if is_binary else 1000) ** " kMGT".index(power or " ")


def execution_options(given: Mapping[str, object], workflow: str) -> ExecutionOptions:
    """The options of an execution; `InputError` names a wrong one and what it may be."""
    _refuse_unknown(given, EXECUTION_OPTIONS, "workflow")
    return _struct(ExecutionOptions, given, f"workflow {workflow!r}")


def check_name(given: object, what: str, function: Callable[..., object]) -> str:
    """The name of a task or workflow: as given, else that of its function."""
    if given is None:
        name = getattr(function, "__name__", None) or type(function).__name__
        return "lambda" if name == "<lambda>" else str(name)
    if not isinstance(given, str):
        raise WorkflowDefinitionError(f"the name of a {what} must be a text, not {given!r}")
    if not given.strip():
        raise WorkflowDefinitionError(f"the name of a {what} must not be empty, but it is {given!r}")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise WorkflowDefinitionError(f"the name {given!r} of a {what} is not valid Unicode text") from None
    # Keys are built from names: `train/fit[3]` must have one reading only.
    bad = sorted({character for character in given if character in "/[]" or ord(character) < 32})
    if bad:
        raise WorkflowDefinitionError(f"the name {given!r} of a {what} must not contain {', '.join(map(repr, bad))}")
    return given


def is_async(function: Callable[..., object]) -> bool:
    """Whether calling `function` gives a coroutine."""
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    call = getattr(function, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _refuse_unknown(given: Mapping[str, object], known: Iterable[str], what: str) -> None:
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "there are " + ", ".join(known)
            raise WorkflowDefinitionError(f"{name!r} is not an option of a {what}: {hint}")


def _struct(kind: type[_S], values: Mapping[str, object], whose: str) -> _S:
    if "executor" in values:
        values = {**values, "executor": name_of(values["executor"])}
    try:
        return msgspec.convert(dict(values), kind)
    except InputError as error:
        raise InputError(f"{whose}: {error}", error.field) from None
    except msgspec.ValidationError as error:
        raise _explain_error(kind, values, whose, error) from None


def _explain_error(kind: type[Any], values: Mapping[str, object], whose: str, error: Exception) -> InputError:
    # msgspec tells where as `… - at `$.retries``; people want the option's own name and value.
    reason, _, where = str(error).partition(" - at `$.")
    struct_field = where.rstrip("`").split("[")[0]
    field = "retry_delay" if struct_field == "retry_delays" else struct_field
    default = {info.name: info for info in msgspec.structs.fields(kind)}.get(struct_field)
    allowed = ""
    if default is not None:
        arguments = getattr(default.type, "__args__", ())
        choices = [
            choice for each in arguments if each is not type(None) for choice in getattr(each, "__args__", (each,))
        ]
        if choices and all(isinstance(choice, str) for choice in choices):
            allowed = ": it must be one of " + ", ".join(choices) + (", or None" if type(None) in arguments else "")
    reason = reason[:1].lower() + reason[1:].replace("`", "")
    return InputError(f"{whose}: {field}={values.get(struct_field)!r} is not allowed{allowed or ': ' + reason}", field)


def _retry_on(given: object, task: str) -> tuple[type[BaseException], ...]:
    classes = given if isinstance(given, tuple | list) else (given,)
    for entry in classes:
        if not (isinstance(entry, type) and issubclass(entry, BaseException)):
            raise InputError(
                f"task {task!r}: retry_on={given!r} is not allowed: it must be an exception class or a tuple of them",
                "retry_on",
            )
    return tuple(cast("Iterable[type[BaseException]]", classes))


def _outputs(given: object, task: str) -> tuple[object, ...] | None:
    if given is None:
        return None
    if isinstance(given, int) and not isinstance(given, bool) and given >= 1:
        return tuple(range(given))
    if isinstance(given, tuple | list) and given and all(isinstance(name, str) for name in given):
        if len(set(given)) == len(given):
            return tuple(given)
        raise InputError(f"task {task!r}: outputs={given!r} names one output twice", "outputs")
    raise InputError(
        f"task {task!r}: outputs={given!r} is not allowed: it must be how many (1 or more), or a tuple of names",
        "outputs",
    )
