"""Amounts of named resources that running tasks hold, for all executions together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wf_jupyter.errors import InputError
from wf_jupyter.model.graph import GraphSpec


class Resources:
    """What there is, and what is left of it. `on_returned` is called when something is given back."""

    def __init__(self, capacity: Mapping[str, float], on_returned: Callable[[], None]) -> None:
        self._on_returned = on_returned
        self.capacity = dict(capacity)
        self.free = dict(capacity)

    def check(self, graph: GraphSpec) -> None:
        """`InputError` naming the task when one asks for more than there will ever be."""
        for node in graph.nodes:
            for name, amount in node.options.resources.items():
                there_is = self.capacity.get(name, 0.0)
                if amount > there_is:
                    raise InputError(
                        f"task {node.key!r} asks for {amount:g} of the resource {name!r}, and there is {there_is:g}: "
                        "it could never run",
                        "resources",
                    )

    def take(self, amounts: Mapping[str, float]) -> None:
        """Takes the amounts that an attempt needs."""
        for name, amount in amounts.items():
            self.free[name] -= amount

    def give_back(self, amounts: Mapping[str, float]) -> None:
        """Returns the amounts that an attempt held."""
        for name, amount in amounts.items():
            self.free[name] += amount
        if amounts:
            self._on_returned()
