"""Workflows for tests. Made inside functions, so that their code travels by value."""

from __future__ import annotations

from pathlib import Path

import wf_jupyter as wf


def doubling():
    @wf.task
    def double(x):
        print(f"doubling {x}")
        return 2 * x

    @wf.task
    def add(xs):
        return sum(xs)

    @wf.workflow
    def doubled(numbers: list[int]):
        return add(double.map(numbers))

    return doubled


def gated(gate: Path):
    """Runs until the file `gate` exists."""

    @wf.task
    def wait(path):
        import time

        while not path.exists():
            time.sleep(0.01)
        return "through"

    @wf.workflow
    def waiting(path):
        return wait(path)

    return waiting.bind(path=gate)


def failing():
    @wf.task
    def divide(a, b):
        return a / b

    @wf.task
    def after(x):
        return x

    @wf.workflow
    def dividing(b: int):
        return after(divide(1, b))

    return dividing


def retried(marks: Path):
    """A map beside a task that fails the first time; prints which try it is."""

    @wf.task
    def load(numbers):
        return numbers

    @wf.task
    def double(x):
        return 2 * x

    @wf.task(retries=1, retry_delay=0.1)
    def flaky(numbers):
        mark = marks / "tried"
        print("try number", 2 if mark.exists() else 1)
        if not mark.exists():
            mark.touch()
            raise ValueError("the first time")
        return sum(numbers)

    @wf.task
    def report(doubled, total):
        return [sum(doubled), total]

    @wf.workflow
    def retried(numbers: list[int]):
        loaded = load(numbers)
        return report(double.map(loaded), flaky(loaded))

    return retried
