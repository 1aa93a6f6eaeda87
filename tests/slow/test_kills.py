"""Orchestrators that are killed at 200 random moments: nothing is lost, nothing that finished runs again.

Every kill hits a process that submits and runs workflows whose tasks append a line to a file each time they
run, and that pauses, resumes, cancels, retries, reruns, publishes and executes at random; a client in it
notes every event that it saw. Before more than a quarter of the kills a workflow was published and executed. Half of
the time a second such process works on the same data directory, and goes on for a moment with what the first
left. Whenever both are dead the log is compared with these notes.

`WF_JUPYTER_KILLS` and `WF_JUPYTER_SEED` change how many and which.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.crash.trial import Trial

KILLS = int(os.environ.get("WF_JUPYTER_KILLS", "200"))
SEED = int(os.environ.get("WF_JUPYTER_SEED") or random.SystemRandom().randrange(1 << 32))
#: Share of kills that wait until the data directory is open; the others also hit the taking over.
OPEN = 0.7
#: Share of all that wait until a workflow was published and executed.
EXECUTED = 0.3
#: Share of those with a second orchestrator beside.
TOGETHER = 0.5
#: Seconds until the kill, at most.
LONGEST = 1.0


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_nothing_is_lost_and_nothing_that_finished_runs_again(tmp_path: Path) -> None:
    began, trial = time.monotonic(), Trial(tmp_path, SEED)
    executed = told = 0
    while trial.figures.kills < KILLS and not trial.figures.troubles:
        has_executed = executed < EXECUTED * trial.figures.kills
        children = [trial.start("executed" if has_executed else "commands")]
        if has_executed:
            trial.expect(children[0], b"open\n")
            trial.expect(children[0], b"executed\n")
            executed += 1
        elif trial.jitter.random() < OPEN:
            trial.expect(children[0], b"open\n")
        if trial.jitter.random() < TOGETHER:
            children.append(trial.start("commands", "two"))
        for child in children:
            trial.kill(child, LONGEST)
        trial.check(is_over=False, clients=("one", "two"))
        if trial.figures.kills // 20 > told:
            told = trial.figures.kills // 20
            print(f"{trial.figures.kills} kills, {len(trial.figures.troubles)} troubles", flush=True)
    trial.finish()
    trial.check(is_over=True)
    print(f"{trial.figures.told()}\n{executed} kills after publishing and executing had been answered")
    print(f"seed {SEED}, {time.monotonic() - began:.0f} s")
    assert not trial.figures.troubles
    assert executed >= trial.figures.kills / 4, "too few kills came after what was published had been executed"
