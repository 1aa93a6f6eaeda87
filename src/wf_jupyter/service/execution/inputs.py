"""Inputs of an attempt: the engine's needs turned into places where values are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from wf_jupyter.engine.state import ExecutionState, Group, Subgraph, Task, Unit
from wf_jupyter.model.events import Failure
from wf_jupyter.model.graph import Need, Over
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.stimuli import Value
from wf_jupyter.ports import Absent, Attempt, Built, Failed, Input, Item, Many, Whole
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.values import container
from wf_jupyter.values.files import named_path

ITEMS = "items:"


class Values:
    """Where the values of one execution are, by task and part; `failures` tell why there is none."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], Whole] = {}
        self.failures: dict[str, Failure] = {}

    def add(self, task: str, value: Value) -> None:
        """Remember where a value is."""
        self._places[task, value.part] = Whole(data=value.data, path=value.path)

    def find(self, task: str, part: str = "") -> Whole | None:
        """Where that part of a task's value is, or None when it is not known here."""
        return self._places.get((task, part))


class InputReader:
    """Assembles inputs of one execution. All sources of what is asked for must be final."""

    def __init__(self, state: ExecutionState, values: Values, blobs: dict[Digest, bytes]) -> None:
        self._state = state
        self._values = values
        self._blobs = blobs

    def attempt(self, task: Task, number: int, config: RuntimeConfig, directory: str) -> Attempt:
        """Everything a worker needs for one attempt."""
        node = task.node
        amounts = node.options.resources
        devices, memory = math.ceil(amounts.get("gpu", 0)), int(amounts.get("memory", 0))
        threads = node.options.threads or 0
        return Attempt(
            execution=self._state.id,
            task=task.key,
            number=number,
            name=node.name,
            code=node.code,
            code_data=self._blobs[node.code],
            call_data=self._blobs[node.call],
            inputs=self.inputs(task, directory),
            over=tuple(over.parameter for over in node.over),
            splits=node.splits,
            wants_truth=self._state.is_questioned(task),
            # What is limited has a process of its own.
            is_async=node.options.is_async and not (devices or memory or threads),
            devices=devices,
            memory=memory,
            threads=threads,
            timeout=node.options.timeout,
            directory=directory,
            inline_limit=config.inline_limit,
            size_limit=config.size_limit,
            log_limit=config.log_limit,
            index=task.index,
            coverage=b"" if node.coverage is None else self._blobs[node.coverage],
        )

    def inputs(self, task: Task, directory: str) -> tuple[Input, ...]:
        """Inputs that its arguments refer to, in the order of `NodeSpec`; large blobs may be files in `directory`."""
        inputs = [self._need(task.subgraph, need) for need in task.node.needs]
        inputs += [self._blob(digest, directory) for digest in reversed(task.node.large)]
        if task.index is not None:
            inputs += [self._item(task, over, directory) for over in task.node.over]
        return tuple(inputs)

    def result(self, subgraph: Subgraph) -> Built:
        """The result of a graph: its template and the inputs that it refers to."""
        needs = subgraph.graph.result.needs
        return Built(
            template=self._blobs[subgraph.graph.result.template],
            inputs=tuple(self._need(subgraph, need) for need in needs),
        )

    def of(self, unit: Unit) -> Input:
        """The value of a task or of a group, with failures in place of what failed."""
        if unit.is_ok:
            unit = self._state.origin(unit)
        if isinstance(unit, Group):
            if unit.placeholder is not None:
                return self._task(unit.placeholder)
            return Many(tuple(self._task(item) for item in unit.items))
        return self._task(unit)

    def missing(self, task: Task) -> Iterator[tuple[str, str]]:
        """Values that an attempt needs and that are not known here yet, as (task, part)."""
        for unit in self._units(task):
            members = unit.items if isinstance(unit, Group) else [unit]
            for member in members:
                yield from self._unknown(member)

    def missing_result(self, subgraph: Subgraph) -> Iterator[tuple[str, str]]:
        """Inputs of the graph's result that are missing."""
        for need in subgraph.graph.result.needs:
            unit = self._state.units[subgraph.absolute(need.source)]
            for member in unit.items if isinstance(unit, Group) else [unit]:
                yield from self._unknown(member)

    def _unknown(self, task: Task) -> Iterator[tuple[str, str]]:
        origin = self._state.origin(task)
        if isinstance(origin, Group):
            for item in origin.items:
                yield from self._unknown(item)
        elif origin.expansion is not None:
            yield from self.missing_result(origin.expansion)
        elif origin.is_ok:
            task = origin
            for part in ("", *(ITEMS + label for label in task.node.splits)):
                if self._values.find(task.key, part) is None:
                    yield task.key, part

    def _units(self, task: Task) -> Iterator[Unit]:
        absolute = task.subgraph.absolute
        for need in task.node.needs:
            yield self._state.units[absolute(need.source)]
        if task.index is not None:
            for over in task.node.over:
                if over.each is not None:
                    yield self._state.units[absolute(over.each[task.index])]
                elif over.source is not None:
                    source = self._state.units[absolute(over.source)]
                    yield source.items[task.index] if isinstance(source, Group) else source

    def _need(self, subgraph: Subgraph, need: Need) -> Input:
        if need.kind in ("order", "truthy", "falsy"):
            return Absent()
        return self.of(self._state.units[subgraph.absolute(need.source)])

    def _item(self, task: Task, over: Over, directory: str) -> Input:
        index = task.index or 0
        if over.each is not None:
            return self.of(self._state.units[task.subgraph.absolute(over.each[index])])
        if over.source is not None:
            source = self._state.units[task.subgraph.absolute(over.source)]
            source = self._state.origin(source)
            if isinstance(source, Group):
                return self._task(source.items[index])
            place = self._values.find(source.key, ITEMS + over.path)
            return Absent() if place is None else _cut(place, index)
        if over.literal is None:
            return Absent()
        return _cut(self._blob(over.literal, directory), index)

    def _blob(self, digest: Digest, directory: str) -> Whole:
        data = self._blobs.get(digest)
        return Whole(data=data) if data is not None else Whole(path=str(named_path(Path(directory), digest)))

    def _task(self, task: Task) -> Input:
        if task.is_ok:
            origin = self._state.origin(task)
            if origin is not task:
                return self.of(origin)
            if task.expansion is not None:
                return self.result(task.expansion)
            return self._values.find(task.key) or Absent()
        failure = self._values.failures.get(task.key)
        return Absent() if failure is None else Failed(task.key, failure)


def _cut(place: Whole, index: int) -> Input:
    """One item of a list: cut out here when the list is in memory, by the worker when it is a file."""
    if place.data is None:
        return Item(place, index)
    return Whole(data=bytes(container.item(place.data, index)))
