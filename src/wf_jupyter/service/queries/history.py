"""Durations of tasks in earlier executions of the same workflow.

Each execution that ends leaves a small summary per task name. What is usual is told from the newest
of them; where there are none, nothing is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from wf_jupyter.model.history import Durations, Experience
from wf_jupyter.model.snapshot import GroupSnapshot, Snapshot, TaskSnapshot
from wf_jupyter.model.status import TaskStatus
from wf_jupyter.ports import Store
from wf_jupyter.protocol.pages import HistoryPage, Usual

#: Executions that an estimate is made from, the newest first.
NEWEST = 20
#: Durations kept per task name and execution; of more, as many evenly spaced quantiles.
KEPT = 33

_log = logging.getLogger(__name__)


def summarize(snapshot: Snapshot) -> Experience:
    """Summarize an execution that ended, for the history; only what succeeded says what is usual."""
    taken: dict[str, list[float]] = defaultdict(list)
    for task in snapshot.tasks:
        if task.status is TaskStatus.SUCCEEDED and task.attempts and task.duration is not None:
            taken[task.name].append(task.duration)
    spans: dict[str, list[float]] = defaultdict(list)
    sizes: dict[str, list[float]] = defaultdict(list)
    for group, span in _spans(snapshot):
        spans[group.name].append(span)
        if group.kind == "map" and group.size is not None:
            sizes[group.name].append(group.size)
    return Experience(tasks=_all_sampled(taken), groups=_all_sampled(spans), sizes=_all_sampled(sizes))


def merge(summaries: Iterable[Mapping[str, Durations]]) -> dict[str, Usual]:
    """Merge the summaries of several executions; each counts with as many values as it had."""
    pools: dict[str, list[Durations]] = defaultdict(list)
    for summary in summaries:
        for name, durations in summary.items():
            if durations.count and durations.points:
                pools[name].append(durations)
    return {name: _usual(pool) for name, pool in pools.items()}


def _spans(snapshot: Snapshot) -> Iterator[tuple[GroupSnapshot, float]]:
    """Groups of which every task ran and succeeded, with the seconds from the first start to the last end."""
    parents = {group.key: group.group for group in snapshot.groups}
    members: dict[str, list[TaskSnapshot]] = defaultdict(list)
    for task in snapshot.tasks:
        key = task.group
        while key is not None and key in parents:
            members[key].append(task)
            key = parents[key]
    for group in snapshot.groups:
        times = [(task.started, task.ended) for task in members[group.key] if task.status is TaskStatus.SUCCEEDED]
        started = [begin for begin, _ in times if begin is not None]
        ended = [end for _, end in times if end is not None]
        if started and len(started) == len(ended) == len(members[group.key]):
            yield group, max(0.0, (max(ended) - min(started)).total_seconds())


class Histories:
    """The summaries of one store. Estimates are not worth an error: a summary that cannot be kept is logged."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writing: set[asyncio.Task[None]] = set()

    def keep(self, snapshot: Snapshot) -> None:
        """Remember an execution that ended; returns at once."""
        task = asyncio.get_running_loop().create_task(self._keep(snapshot), name=f"history {snapshot.id}")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def of(self, snapshot: Snapshot) -> HistoryPage:
        """Usual durations for the workflow, from the executions before this one."""
        summaries = await self._store.histories(snapshot.workflow, snapshot.id, NEWEST)
        return HistoryPage(
            workflow=snapshot.workflow,
            executions=len(summaries),
            tasks=merge(summary.tasks for summary in summaries),
            groups=merge(summary.groups for summary in summaries),
            sizes=merge(summary.sizes for summary in summaries),
        )

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _keep(self, snapshot: Snapshot) -> None:
        try:
            experience = summarize(snapshot)
            if experience.tasks:
                await self._store.write_history(snapshot.id, experience)
        except Exception as error:
            _log.warning("the history of execution %s is not kept: %s", snapshot.id, error)


def _all_sampled(values: Mapping[str, list[float]]) -> dict[str, Durations]:
    return {name: _sample(sorted(each)) for name, each in values.items()}


def _sample(durations: Sequence[float]) -> Durations:
    count = len(durations)
    if count <= KEPT:
        return Durations(count=count, points=tuple(durations))
    step = (count - 1) / (KEPT - 1)
    return Durations(count=count, points=tuple(durations[round(i * step)] for i in range(KEPT)))


def _usual(pool: Sequence[Durations]) -> Usual:
    weighted = sorted((point, each.count / len(each.points)) for each in pool for point in each.points)
    return Usual(
        count=sum(durations.count for durations in pool),
        p10=_quantile(weighted, 0.1),
        p50=_quantile(weighted, 0.5),
        p90=_quantile(weighted, 0.9),
        p95=_quantile(weighted, 0.95),
    )


def _quantile(weighted: Sequence[tuple[float, float]], share: float) -> float:
    """The value below which `share` of the weight lies, between two values in proportion."""
    whole = sum(weight for _, weight in weighted)
    target = share * whole
    passed = 0.0
    before: tuple[float, float] | None = None
    for value, weight in weighted:
        middle = passed + weight / 2
        if middle >= target:
            if before is None:
                return value
            at, known = before
            return known + (value - known) * (target - at) / (middle - at)
        before = (middle, value)
        passed += weight
    return weighted[-1][0]
