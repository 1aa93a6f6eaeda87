"""A kernel whose mirror falls behind its own orchestrator: a snapshot, what follows it, and no hole."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.integration.service.conftest import PATIENCE, packed
from tests.jupyter_process import until
from tests.sample_workflows import doubling
from wf_jupyter.client.embedded import _Feed
from wf_jupyter.client.loop import background
from wf_jupyter.service.config import RuntimeConfig
from wf_jupyter.service.runtime import Runtime


def test_a_mirror_that_fell_behind_ends_with_the_state_on_disk(tmp_path: Path) -> None:
    runtime = Runtime.open(RuntimeConfig(data_dir=tmp_path / "data", max_workers=2))
    engine = runtime.orchestrator
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        let_go.wait(PATIENCE)

    try:
        execution = runtime.call(engine.submit(packed(doubling().bind(numbers=list(range(200)))))).result(PATIENCE)
        feed = _Feed(runtime, execution)
        feed._mailbox.limit = 20
        replica = feed.open()
        # Nothing is taken out of the mailbox while most of it happens.
        background().loop.call_soon_threadsafe(hold)
        assert held.wait(PATIENCE)
        until(lambda: runtime.call(engine.snapshot(execution)).result(PATIENCE).seq > 300, "nothing happens")
        let_go.set()
        until(lambda: replica.status.is_final, "the end was missed")
        assert replica.position[1] == runtime.call(engine.snapshot(execution)).result(PATIENCE).seq
    finally:
        let_go.set()
        runtime.close(10)
