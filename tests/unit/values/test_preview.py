"""What people see of a value."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import numpy as np
import pandas as pd
import pytest

from wf_jupyter.values import patience, preview
from wf_jupyter.values.preview import HTML_LIMIT, TEXT_LIMIT, describe, text_of


class Hostile:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __repr__(self) -> str:
        raise self.error

    def _repr_html_(self) -> str:
        raise self.error

    def __len__(self) -> int:
        raise self.error

    @property
    def shape(self) -> object:
        raise self.error


@pytest.mark.parametrize("error", [ValueError("x"), RecursionError(), SystemExit(1), MemoryError()])
def test_no_method_of_the_value_can_break_it(error: BaseException) -> None:
    info = describe(Hostile(error), 5)
    assert (info.type, info.size, info.html, info.length, info.shape) == ("Hostile", 5, None, None, None)
    assert "Hostile" in info.text


def test_texts_are_bounded_without_being_made_in_full() -> None:
    for value in (
        list(range(10_000_000)),
        "x" * 10_000_000,
        {i: i for i in range(100_000)},
        [["y" * 1000] * 100] * 100,
    ):
        assert len(text_of(value)) <= TEXT_LIMIT
    assert text_of([1, "a", None]) == "[1, 'a', None]"


def test_texts_carry_no_addresses() -> None:
    assert "0x" not in text_of(object())
    assert "0x" not in text_of([lambda: 1])


def test_facts_of_data() -> None:
    frame = pd.DataFrame({"a": range(1000), "b": range(1000)})
    info = describe(frame, 10)
    assert (info.type, info.length, info.shape) == ("DataFrame", 1000, (1000, 2))
    assert info.html is not None
    assert "<table" in info.html
    assert len(info.html) <= HTML_LIMIT
    assert describe(np.zeros((2, 3)), 0).shape == (2, 3)
    assert describe(np.float64(1), 0).shape is None
    assert describe([1, 2], 0).length == 2
    assert describe(deque([1]), 0).length == 1
    assert describe("text", 0).length is None
    assert describe(None, 0).text == "None"
    assert describe(pd.DataFrame, 0).shape is None


def test_a_wide_table_is_shown_by_its_first_rows_or_not_at_all() -> None:
    wide = pd.DataFrame({f"column {i}": ["some text " * 5] * 60 for i in range(20)})
    info = describe(wide, 0)
    assert info.html is None or len(info.html) <= HTML_LIMIT


def test_a_list_that_contains_itself_is_shown() -> None:
    items: list[object] = []
    items.append(items)
    assert text_of(items).startswith("[")
    assert sys.getrecursionlimit() > 100


class Endless:
    """What takes for ever when it is looked at, in the given way."""

    def __init__(self, how: Callable[[], object]) -> None:
        self.how = how

    def __repr__(self) -> str:
        self.how()
        return "never"

    def _repr_html_(self) -> str:
        self.how()
        return "never"

    @property
    def shape(self) -> object:
        return self.how()


def loop() -> None:
    while True:
        pass


@pytest.mark.parametrize("how", [loop, lambda: time.sleep(100), lambda: repr(Endless(loop))])
def test_what_takes_for_ever_is_not_waited_for(how: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "SECONDS", 0.05)
    before = signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM)
    threads = threading.active_count()
    info = describe(Endless(how), 1)
    assert (info.text, info.shape, info.html) == ("<Endless, whose repr takes too long>", None, None)
    assert text_of([1, Endless(how)]) == "<list, whose repr takes too long>"
    assert threading.active_count() == threads
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    assert (left == 0) == (before[0][0] == 0) and interval == before[0][1]
    assert signal.getsignal(signal.SIGALRM) is before[1]


def test_an_alarm_of_the_users_own_still_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "SECONDS", 0.02)
    rung = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: rung.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert "too long" in text_of(Endless(loop))
        assert rung.wait(10)
    finally:
        signal.signal(signal.SIGALRM, before)


def catches_the_first() -> None:
    with suppress(BaseException):
        loop()
    loop()


class Tiresome:
    def __del__(self) -> None:
        loop()


def is_hit_where_nothing_can_be_raised() -> None:
    """Python drops what is raised inside `__del__`, which the garbage collector may run at any time."""
    Tiresome()
    loop()


@pytest.mark.parametrize("how", [loop, catches_the_first, is_hit_where_nothing_can_be_raised])
@pytest.mark.parametrize("place", ["main thread", "another thread"])
def test_endless_python_code_is_stopped_in_any_thread_whatever_it_catches(
    how: Callable[[], object], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "SECONDS", 0.05)
    monkeypatch.setattr(patience, "_AGAIN", 0.05)
    # pytest's own hook renders what was dropped, long enough to be hit itself, which it takes for a failure.
    monkeypatch.setattr(sys, "unraisablehook", lambda _dropped: None)
    if place == "main thread":
        assert "too long" in text_of(Endless(how))
    else:
        with ThreadPoolExecutor(1) as pool:
            assert "too long" in pool.submit(text_of, Endless(how)).result(60)


def test_what_is_in_time_in_another_thread_is_not_hit_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "SECONDS", 0.0005)

    def look() -> None:
        for number in range(300):
            assert text_of(Endless(partial(lambda n: sum(range(n * 20)), number))) in (
                "<Endless, whose repr takes too long>",
                "never",
            )

    with ThreadPoolExecutor(1) as pool:
        pool.submit(look).result(60)


def test_an_interrupt_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        text_of(Hostile(KeyboardInterrupt()))


def test_the_options_of_the_notebook_do_not_make_a_preview_large() -> None:
    frame, array = pd.DataFrame({"a": range(300_000)}), np.arange(3_000_000)
    began = time.process_time()
    with pd.option_context("display.max_rows", None, "display.width", None), np.printoptions(threshold=sys.maxsize):
        info = describe(frame, 1)
        assert len(info.text) < TEXT_LIMIT and info.html is not None
        assert "..." in text_of(array) and "..." in text_of([array])
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "value",
    [
        set(range(2_000_000)),
        frozenset(map(str, range(1_000_000))),
        dict.fromkeys(range(2_000_000)),
        defaultdict(int, dict.fromkeys(range(2_000_000), 1)),
        Counter(range(1_000_000)),
        OrderedDict.fromkeys(range(1_000_000)),
        dict.fromkeys(range(1_000_000)).values(),
        bytes(300_000_000),
        bytearray(300_000_000),
        10**100_000,
        [10**100_000],
    ],
    ids=lambda value: type(value).__name__,
)
def test_large_values_of_every_kind_have_short_texts_at_once(value: object) -> None:
    began = time.process_time()
    text = text_of(value)
    assert len(text) <= TEXT_LIMIT and "whose repr" not in text
    assert time.process_time() - began < 1
