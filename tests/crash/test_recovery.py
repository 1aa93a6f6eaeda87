"""Orchestrators that are killed at random moments: nothing is lost, nothing that finished runs again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.trial import Trial

KILLS = 15


def test_killed_at_random_every_execution_finishes_and_no_finished_task_runs_again(tmp_path: Path) -> None:
    trial = Trial(tmp_path, seed=11)
    for _ in range(KILLS):
        child = trial.start("more")
        if trial.jitter.random() < 0.7:  # the others are killed while they take over what the one before left
            trial.expect(child, b"open\n")
        trial.kill(child, 1.0)
        trial.check(is_over=False)
    trial.finish()
    trial.check(is_over=True)
    print(trial.figures.told())
    assert not trial.figures.troubles
    assert trial.figures.unfinished_at_kills > KILLS


def test_two_orchestrators_on_one_data_directory_never_both_own_an_execution(tmp_path: Path) -> None:
    trial = Trial(tmp_path, seed=12)
    first = trial.start("more", "one")
    trial.expect(first, b"open\n")
    second = trial.start("more", "two")
    for _ in range(4):
        trial.kill(first, 0.7)
        first = trial.start("more", "one")
        trial.kill(second, 0.7)
        second = trial.start("more", "two")
    trial.kill(first, 0.7)
    trial.kill(second, 0.1)
    trial.check(is_over=False, clients=("one", "two"))
    trial.finish()
    trial.check(is_over=True)
    print(trial.figures.told())
    assert not trial.figures.troubles
    assert trial.figures.recovered > 4


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.15])
def test_two_orchestrators_that_open_at_once_share_what_a_killed_one_left(tmp_path: Path, moment: float) -> None:
    trial = Trial(tmp_path, seed=13)
    child = trial.start("more")
    trial.expect(child, b"open\n")
    trial.kill(child, 0.8)
    trial.check(is_over=False)
    pair = [trial.start("finish", name) for name in ("two", "three")]
    for child in pair:
        trial.expect(child, b"open\n")
    trial.kill(pair[0], moment)
    pair[1].kill()
    pair[1].communicate()
    trial.finish()
    trial.check(is_over=True)
    assert not trial.figures.troubles
