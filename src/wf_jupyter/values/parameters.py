"""Names of the parameters of a graph's functions, and which are secret: looked up once for each function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wf_jupyter.model.secrecy import is_secret
from wf_jupyter.values.secret import secret_parameters


class Parameters:
    """Parameters of one function. `marked` are annotated as secret."""

    def __init__(self, function: Callable[..., object]) -> None:
        code = getattr(function, "__code__", None)
        self._function = function  # kept alive, so that its id stays its own
        self._names: tuple[str, ...] = () if code is None else code.co_varnames[: code.co_argcount]
        self.marked = secret_parameters(function)
        self._shown = 0
        for name in self._names:
            if self.hides(name):
                break
            self._shown += 1

    def first(self, many: int) -> Sequence[str]:
        """The names of so many, from the first on."""
        found = self._names[:many]
        return found if len(found) == many else [*found, *(f"#{i + 1}" for i in range(len(found), many))]

    def shows(self, many: int) -> bool:
        """Whether none of so many, from the first on, is secret."""
        return many <= self._shown

    def hides(self, name: str) -> bool:
        """Whether the value of that parameter is not to be shown."""
        return name in self.marked or is_secret(name)


class KnownParameters:
    """Parameters of the functions asked for so far."""

    def __init__(self) -> None:
        self._known: dict[int, Parameters] = {}

    def of(self, function: Callable[..., object]) -> Parameters:
        """Parameters of one function."""
        known = self._known.get(id(function))
        if known is None:
            known = self._known[id(function)] = Parameters(function)
        return known
