"""Histories of an engine that is driven at random: what a task or a person may do next, in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.golden.vectors import BLOB, Script, node, over
from wf_jupyter.errors import StateConflict
from wf_jupyter.model.graph import GraphSpec, NodeSpec, Over, ResultSpec
from wf_jupyter.model.stimuli import (
    AttemptExpanded,
    AttemptRequeued,
    AttemptStopped,
    Cancel,
    CancelTask,
    Displayed,
    Pause,
    Printed,
    Progressed,
    Recover,
    Resume,
    Retry,
    RetryDue,
    Stimulus,
)
from wf_jupyter.model.submission import Expansion


def history(seed: int, steps: int = 60) -> Script:
    """One that is the same for the same seed: a small graph with maps, groups and retries, and what happens to it."""
    choose = random.Random(seed)
    script = Script(*_graph(choose))
    for _ in range(steps):
        try:
            choose.choice(_moves(script, choose))()
        except StateConflict:
            continue
    return script


def _graph(choose: random.Random) -> list[NodeSpec]:
    nodes: list[NodeSpec] = []
    for number in range(choose.randint(1, 6)):
        earlier = [each.key for each in nodes]
        needs = choose.sample(earlier, min(len(earlier), choose.randint(0, 2)))
        rule = choose.choice(["all_success"] * 4 + ["all_done"])
        options: dict[str, Any] = {"retries": choose.choice([0, 0, 1]), "trigger_rule": rule}
        kind = choose.random()
        mapped: tuple[Over, ...] = ()
        if kind < 0.2:
            mapped = (Over(parameter="x", literal=BLOB, length=choose.randint(0, 3)),)
        elif kind < 0.4 and earlier:
            mapped = over(choose.choice(earlier))
        nodes.append(node(f"t{number}", *needs, over=mapped, **options))
    return nodes


def _moves(script: Script, choose: random.Random) -> list[Callable[[], object]]:
    """What may happen next; the first ones several times, or executions would hardly get anywhere."""
    running = list(script.state.running)
    moves: list[Callable[[], object]] = [lambda: script.start(choose.randint(1, 3))] * 4
    if running:
        key = choose.choice(running)
        attempt = script.attempt(key)
        moves += [lambda: script.succeed(key, choose.randint(0, 3))] * 6
        moves += [lambda: script.fail(key)] * 2
        said: list[Stimulus] = [
            Progressed(task=key, attempt=attempt, done=choose.random(), total=1.0, text=choose.choice([None, "rows"])),
            Printed(task=key, attempt=attempt, stream="stdout", text="hello\n"),
            Displayed(task=key, attempt=attempt, data={"text/plain": "plot"}),
            AttemptStopped(task=key, attempt=attempt, duration=0.25, began=script.now.timestamp()),
            AttemptRequeued(task=key, attempt=attempt),
            CancelTask(task=key),
        ]
        moves += [partial(script.feed, each) for each in said]
        inner = GraphSpec(nodes=(node("inner"),), result=ResultSpec(template=BLOB))
        expanded = AttemptExpanded(task=key, attempt=attempt, duration=0.1, expansion=Expansion(graph=inner, blobs={}))
        moves.append(lambda: script.feed(expanded))
    keys = list(script.state.units)
    asked: list[Stimulus] = [
        Pause(),
        Resume(),
        Recover(epoch=f"epoch.{choose.randint(2, 9)}"),
        Retry(epoch=f"epoch.{choose.randint(2, 9)}"),
        RetryDue(task=choose.choice(keys), attempt=1),
        CancelTask(task=choose.choice(keys)),
    ]
    moves += [partial(script.feed, each) for each in asked]
    if choose.random() < 0.05:
        moves.append(lambda: script.feed(Cancel(reason="enough")))
    return moves
