"""Objects behind an `Input`: those that a task, or a reader of a result, receives.

Inputs are loaded only when something refers to them, and once: two references to one result give
the same object, as they would in a plain call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, assert_never

from wf_jupyter.errors import StoreError, TaskError
from wf_jupyter.model.draft import ABSENT
from wf_jupyter.ports import Absent, Built, Failed, Input, Item, Many, Whole
from wf_jupyter.values import container, files
from wf_jupyter.values.codec import Chunk, decode
from wf_jupyter.values.secret import reveal


def load(given: Input) -> object:
    """The object behind one input.

    A failed task gives its `TaskError`, one without a value `model.draft.ABSENT`. Raises
    `StoreError` when the bytes or the file are gone or broken, else whatever unpickling raises.
    """
    match given:
        case Whole():
            return decode(raw(given))
        case Item(of=of, index=index):
            return decode(container.item(raw(of), index))
        case Many(items=items):
            return [load(item) for item in items]
        case Failed(task=task, failure=failure):
            return TaskError(task, failure.type, failure.message, failure.traceback)
        case Absent():
            return ABSENT
        case Built(template=template, inputs=inputs):
            return decode(template, resolver(inputs))
        case _:
            assert_never(given)


def load_arguments(
    call: bytes, inputs: Sequence[Input], over: Sequence[str]
) -> tuple[Sequence[object], dict[str, object]]:
    """The arguments of a call by position and by name, secrets plain; `inputs` and `over` as in `ports.Attempt`.

    Raises what `load` raises.
    """
    first = len(inputs) - len(over)

    def apart(number: int) -> Chunk:
        given = inputs[first - 1 - number]
        assert isinstance(given, Whole)
        return raw(given)

    resolve = resolver(inputs)
    plain = (lambda position, path: reveal(resolve(position, path))) if inputs else None
    template: Any = decode(call, plain, apart)
    args, kwargs = template
    for parameter, given in zip(over, inputs[first:], strict=True):
        kwargs[parameter] = reveal(load(given))
    return args, kwargs


def resolver(inputs: Sequence[Input]) -> Callable[[int, tuple[object, ...]], object]:
    """A function for `codec.decode` that gives the value of a reference into `inputs`."""
    loaded: dict[int, object] = {}

    def resolve(position: int, path: tuple[object, ...]) -> object:
        if position not in loaded:
            loaded[position] = load(inputs[position])
        value = loaded[position]
        if value is ABSENT or isinstance(value, TaskError):
            return value
        for key in path:
            value = value[key]  # type: ignore[index]
        return value

    return resolve


def raw(whole: Whole) -> Chunk:
    """The encoded bytes; `StoreError` when the file is gone."""
    if whole.data is not None:
        return whole.data
    if whole.path is None:
        raise StoreError("the value has neither bytes nor a file")
    return files.read(whole.path)
