"""What belongs to one thread fails at its door in any other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wf_jupyter.owner_thread import OwnerThread
from wf_jupyter.service.execution.inbox import Inbox
from wf_jupyter.service.subscriptions.broker import Broker
from wf_jupyter.service.subscriptions.mailbox import Mailbox
from wf_jupyter.store.database import connect
from wf_jupyter.store.reader import Reader


def elsewhere(act: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1, thread_name_prefix="stranger") as pool:
        pool.submit(act).result()


def test_the_first_thread_that_uses_it_owns_it() -> None:
    thread = OwnerThread("the thing")
    elsewhere(thread.check)
    with pytest.raises(RuntimeError, match="the thing belongs to one thread and was used in another, 'MainThread'"):
        thread.check()


def test_hub_and_inbox_are_refused_to_strangers() -> None:
    broker, mailbox = Broker(), Mailbox(lambda: None)
    broker.add("x", mailbox)
    for act in (
        lambda: broker.add("x", mailbox),
        lambda: broker.remove("x", mailbox),
        lambda: broker.publish("x", "w", []),
        lambda: broker.lag("x"),
    ):
        with pytest.raises(RuntimeError, match="broker belongs to one thread.*stranger"):
            elsewhere(act)
    assert broker.has("x", mailbox)
    inbox = Inbox()
    inbox.post(None)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="inbox"):
        elsewhere(lambda: inbox.post(None))  # type: ignore[arg-type]


def test_a_connection_to_the_database_is_refused_to_whoever_does_not_have_it(tmp_path: Path) -> None:
    path = tmp_path / "wf.db"
    reader = Reader("reader", connect(path), path)
    assert reader.run_blocking(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
    with pytest.raises(RuntimeError, match="'MainThread', which does not have it"):
        _ = reader.connection
    with reader.idle() as is_idle:
        assert is_idle and reader.connection is not None
        with pytest.raises(RuntimeError, match="'stranger.*does not have it"):
            elsewhere(lambda: reader.connection)
    reader.stop()
