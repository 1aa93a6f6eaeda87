"""Signatures for the completion of a kernel: the parameters behind `*args` and `**kwargs` of a method.

Editors read the type annotations; a kernel asks the living object.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def takes_the_parameters(method: F) -> F:
    """A method that shows the `signature` of its instance: what a task or the body of a workflow takes."""
    return cast("F", _Method(method))


def takes_options(names: Iterable[str]) -> Callable[[F], F]:
    """A function or method that shows these keywords besides its own parameters."""

    def decorate(function: F) -> F:
        own = [each for each in inspect.signature(function).parameters.values() if each.kind is not each.VAR_KEYWORD]
        known = {each.name for each in own}
        more = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=...) for name in names if name not in known
        ]
        function.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
        return function

    return decorate


class _Method:
    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method

    def __get__(self, instance: Any, owner: type | None = None) -> Callable[..., Any]:
        if instance is None:
            return self._method
        method = self._method

        @functools.wraps(method)
        def bound(*args: Any, **kwargs: Any) -> Any:
            return method(instance, *args, **kwargs)

        bound.__signature__ = instance.signature  # type: ignore[attr-defined]
        return bound
