"""Exceptions whose class takes other arguments than those that `Exception` was given.

Pickle builds an exception as `Class(*args)`. With `def __init__(self, code, url): super().__init__(text)` that
fails, so such a one is built without its `__init__`, from `args` and its attributes.
"""

from __future__ import annotations

from collections.abc import Mapping


class Apart:
    """Stands for an exception while it is pickled; the exception itself is what comes out again."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __reduce__(self) -> tuple[object, ...]:
        return _together, (type(self._error), self._error.args, dict(vars(self._error)))


def _together(kind: type[BaseException], args: tuple[object, ...], members: Mapping[str, object]) -> BaseException:
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(members)
    return error
