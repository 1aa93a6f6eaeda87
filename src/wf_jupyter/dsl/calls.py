"""Adapters that a worker calls where the author's function alone would not do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sized
from typing import cast

from wf_jupyter.dsl.options import is_async
from wf_jupyter.errors import WorkflowDefinitionError


class AdaptedCall:
    """A task's function with two additions.

    `positional` names mapped parameters that the function takes by position only: the worker gives
    them by name. `outputs` are what the author declared, and a result that does not have them is an
    error of this task instead of a puzzle in the next one.
    """

    def __init__(
        self,
        task: str,
        function: Callable[..., object],
        positional: tuple[str, ...] = (),
        outputs: tuple[object, ...] | None = None,
    ) -> None:
        self.task = task
        self.function = function
        self.positional = positional
        self.outputs = outputs

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.function)

    def __call__(self, *args: object, **kwargs: object) -> object:
        result = self.function(*args, *(kwargs.pop(name) for name in self.positional), **kwargs)
        if self.outputs is None:
            return result
        if is_async(self.function):
            return self._check_later(cast("Coroutine[object, object, object]", result))
        return self._check_result(result)

    async def _check_later(self, result: Coroutine[object, object, object]) -> object:
        return self._check_result(await result)

    def _check_result(self, result: object) -> object:
        wanted = self.outputs or ()
        if isinstance(wanted[0], str):
            if isinstance(result, Mapping):
                missing = [name for name in wanted if name not in result]
                if not missing:
                    return result
                raise self._mismatch(f"a {type(result).__name__} without {', '.join(map(repr, missing))}")
            if self._length(result) == len(wanted):
                return dict(zip(wanted, cast("Iterable[object]", result), strict=True))
        elif self._length(result) == len(wanted):
            return result
        length = self._length(result)
        raise self._mismatch(f"a {type(result).__name__}" if length is None else f"{length} values")

    @staticmethod
    def _length(result: object) -> int | None:
        """Number of outputs of a result: None for what cannot be taken apart by position."""
        unordered = isinstance(result, str | bytes | Mapping | set | frozenset)
        indexed = hasattr(result, "__getitem__") and isinstance(result, Sized)
        return len(result) if indexed and not unordered else None  # type: ignore[arg-type]

    def _mismatch(self, got: str) -> WorkflowDefinitionError:
        outputs = self.outputs or ()
        declared = outputs if isinstance(outputs[0], str) else len(outputs)
        return WorkflowDefinitionError(f"task {self.task!r} declares outputs={declared!r} but returned {got}")
