"""Amounts of named resources that running tasks hold, for all executions together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from wf_jupyter.errors import InputError
from wf_jupyter.executors.local import devices
from wf_jupyter.model.graph import GraphSpec


class Resources:
    """Amounts of resources, and what is left of them. `on_returned` is called when something is given back.

    Of `gpu` and `memory` there is what the machine has, unless `capacity` names them; `gpus` are its devices, None for
    those that are found.
    """

    def __init__(
        self, capacity: Mapping[str, float], on_returned: Callable[[], None], gpus: Sequence[str] | None = None
    ) -> None:
        self._on_returned = on_returned
        self._gpus = gpus
        self._named = frozenset(capacity)
        self.capacity = dict(capacity)
        self.free = dict(capacity)

    def check(self, graph: GraphSpec, executor: str = "local") -> None:
        """`InputError` naming the task when one asks for more than there will ever be where it runs."""
        for node in graph.nodes:
            is_elsewhere = (node.options.executor or executor) == "dask"
            for name, amount in node.options.resources.items():
                there_is = self._there_is(name, is_elsewhere)
                if amount > there_is:
                    hint = ""
                    if is_elsewhere and name not in self._named:
                        hint = ": name what the cluster has of it in the setting `resources`"
                    raise InputError(
                        f"task {node.key!r} asks for {amount:g} of the resource {name!r}, and there is {there_is:g}: "
                        f"it could never run{hint}",
                        "resources",
                    )
                if name == "gpu" and not is_elsewhere and self._gpus and amount != int(amount):
                    raise InputError(
                        f"task {node.key!r} asks for {amount:g} of the resource 'gpu': each attempt has devices of its "
                        "own, so it must be a whole number",
                        "resources",
                    )

    def amounts_left(self, names: Iterable[str]) -> Mapping[str, float]:
        """Amounts left of all resources, those included that nobody asked for before."""
        for name in names:
            self._there_is(name, is_elsewhere=False)
        return self.free

    def take(self, amounts: Mapping[str, float]) -> None:
        """Takes the amounts that an attempt needs."""
        for name, amount in amounts.items():
            self.free[name] -= amount

    def give_back(self, amounts: Mapping[str, float]) -> None:
        """Return the amounts that an attempt held."""
        for name, amount in amounts.items():
            self.free[name] += amount
        if amounts:
            self._on_returned()

    def _there_is(self, name: str, is_elsewhere: bool) -> float:
        if name in self._named:
            return self.capacity[name]
        if is_elsewhere or name not in ("gpu", "memory"):
            return 0.0
        if name not in self.capacity:
            self.capacity[name] = self.free[name] = self._of_the_machine(name)
        return self.capacity[name]

    def _of_the_machine(self, name: str) -> float:
        if name == "memory":
            return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        if self._gpus is None:
            self._gpus = devices.found()
        return float(len(self._gpus))
