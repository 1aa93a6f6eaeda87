"""The log against a plain list, for every order of appends, reads and reopenings."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.examples import examples
from wf_jupyter.errors import StoreError
from wf_jupyter.model.events import Event, TaskLog
from wf_jupyter.model.graph import GraphSpec, ResultSpec
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.submission import Environment, Submission
from wf_jupyter.ports import Batch
from wf_jupyter.store.sqlite import SqliteStore

SUBMISSION = Submission(
    workflow="flow",
    graph=GraphSpec(nodes=(), result=ResultSpec(template=Digest("t"))),
    blobs={},
    environment=Environment(executable="python", directory="/", path=()),
)
NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=4)


class LogAgainstList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.store = SqliteStore.open(self.folder.name)
        self.model: dict[str, list[Event]] = {}

    @rule(name=NAMES, texts=TEXTS, skip=st.sampled_from([0, 0, 0, 1, -1]))
    def append(self, name: str, texts: list[str], skip: int) -> None:
        known = self.model.get(name, [])
        events = tuple(
            TaskLog(seq=seq, time=datetime.now(UTC), task="t", attempt=1, stream="stdout", text=text)
            for seq, text in enumerate(texts, start=len(known) + 1 + skip)
        )
        batch = Batch(
            execution=name,
            events=events,
            status=ExecutionStatus.RUNNING,
            submission=None if name in self.model else SUBMISSION,
        )
        try:
            self.loop.run_until_complete(self.store.append(batch))
        except StoreError:
            assert skip and events
        else:
            assert not (skip and events)
            self.model[name] = [*known, *events]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), after=st.integers(-1, 8), limit=st.none() | st.integers(0, 5))
    def read(self, data: st.DataObject, after: int, limit: int | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        expected = [event for event in self.model[name] if event.seq > after][:limit]
        assert self.loop.run_until_complete(self.store.events(name, after, limit)) == expected

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.loop.run_until_complete(self.store.delete(name))
        del self.model[name]

    @rule()
    def reopen(self) -> None:
        self.store.shutdown()
        self.store = SqliteStore.open(self.folder.name)
        assert self.loop.run_until_complete(self.store.orphans()) == sorted(self.model)
        assert all(self.store.claim(name) for name in self.model)

    @invariant()
    def summaries_agree(self) -> None:
        lines = self.loop.run_until_complete(self.store.summaries())
        assert {line.id: line.seq for line in lines} == {name: len(events) for name, events in self.model.items()}

    def teardown(self) -> None:
        self.store.shutdown()
        self.loop.close()
        self.folder.cleanup()


TestLogAgainstList = LogAgainstList.TestCase
TestLogAgainstList.settings = settings(max_examples=examples(40), stateful_step_count=25, deadline=None)
