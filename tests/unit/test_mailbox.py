"""Mailboxes: bounded, in order, and a slow topic costs the others nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.model.events import TaskLog, TaskProgress
from wf_jupyter.service.subscriptions.mailbox import Events, Lagged, Mailbox

NOW = datetime(2024, 5, 17, tzinfo=UTC)


def batch(topic: str, first: int, count: int, text: str = "") -> Events:
    return Events(
        topic,
        tuple(
            TaskLog(seq=seq, time=NOW, task="t", attempt=1, stream="stdout", text=text)
            for seq in range(first, first + count)
        ),
    )


def taken(mailbox: Mailbox) -> list[tuple[str, int]]:
    """Topic and number of events; 0 for what lagged."""
    return [(d.topic, 0 if isinstance(d, Lagged) else len(d.events)) for d in mailbox.take()]


def test_the_fullest_topic_lags_and_not_the_one_that_came_last() -> None:
    mailbox = Mailbox(lambda: None, limit=10)
    mailbox.put(batch("busy", 1, 9))
    mailbox.put(batch("quiet", 1, 2))
    mailbox.put(batch("busy", 10, 5))
    assert taken(mailbox) == [("quiet", 2), ("busy", 0)]
    mailbox.put(batch("busy", 15, 1))
    assert taken(mailbox) == [], "until the subscriber has its snapshot"
    mailbox.forget("busy")
    mailbox.put(batch("busy", 16, 1))
    assert taken(mailbox) == [("busy", 1)]


def test_a_topic_is_forgotten_without_those_of_all_executions() -> None:
    mailbox = Mailbox(lambda: None)
    mailbox.put(batch("a", 1, 1))
    mailbox.put(Events("a", batch("a", 1, 1).events, "*"))
    mailbox.forget("a")
    assert taken(mailbox) == [("*", 1)]


def test_long_texts_count_for_more() -> None:
    assert batch("a", 1, 1, "x" * 100).weight == 1
    assert batch("a", 1, 2, "x" * 40_000).weight > 20
    assert Events("a", (TaskProgress(seq=1, time=NOW, task="t", done=1),)).weight == 1


def test_it_wakes_its_reader_once_per_filling() -> None:
    woken: list[int] = []
    mailbox = Mailbox(lambda: woken.append(1), limit=3)
    mailbox.put(batch("a", 1, 1))
    mailbox.put(batch("a", 2, 1))
    assert len(woken) == 1
    mailbox.take()
    mailbox.put(batch("a", 3, 9))
    assert len(woken) == 2
    assert taken(mailbox) == [("a", 0)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), max_size=60), st.integers(1, 12))
def test_what_waits_is_bounded_and_a_topic_is_whole_or_lagging(plan: list[tuple[str, int]], limit: int) -> None:
    mailbox = Mailbox(lambda: None, limit)
    sent = dict.fromkeys("abc", 0)
    got = dict.fromkeys("abc", 0)
    for topic, count in plan:
        if count:
            mailbox.put(batch(topic, sent[topic] + 1, count))
            sent[topic] += count
            continue
        waiting = mailbox.take()
        assert sum(len(d.events) for d in waiting if isinstance(d, Events)) <= limit
        for delivery in waiting:
            if isinstance(delivery, Lagged):
                mailbox.forget(delivery.topic)
                got[delivery.topic] = sent[delivery.topic]
            else:
                assert [event.seq for event in delivery.events][0] == got[delivery.topic] + 1
                got[delivery.topic] = delivery.events[-1].seq
