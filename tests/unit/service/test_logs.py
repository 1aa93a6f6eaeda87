"""Whole logs: what becomes an event, what becomes a file, and how both are read back."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.model.stimuli import Printed
from wf_jupyter.service.queries import logs
from wf_jupyter.service.queries.logs import EVENT_LIMIT, SPILL, Logs, log_name


def printed(text: str, task: str = "t", attempt: int = 1, stream: str = "stdout") -> Printed:
    return Printed(task=task, attempt=attempt, stream=stream, text=text)


def test_an_attempt_that_prints_little_has_no_file(tmp_path: Path) -> None:
    kept = Logs(lambda: tmp_path / "logs")
    line = printed("x" * SPILL)
    assert kept.take(line) is line
    kept.close()
    assert not (tmp_path / "logs").exists()


def test_the_file_of_a_long_log_holds_all_of_it_from_the_start(tmp_path: Path) -> None:
    kept = Logs(lambda: tmp_path / "logs")
    texts = ["first €\n", "y" * SPILL, "last\n"]
    assert [kept.take(printed(text, stream="stderr")) for text in texts] == [
        printed(text, stream="stderr") for text in texts
    ]
    (path,) = (tmp_path / "logs").iterdir()
    assert path.name == "t.1.log"
    assert path.read_text() == "".join(texts)


def test_events_end_at_their_limit_and_say_so_once_while_the_file_goes_on(tmp_path: Path) -> None:
    kept = Logs(lambda: tmp_path / "logs")
    chunk = "0123456789" * 1000
    told = [kept.take(printed(chunk)) for _ in range(150)]
    text = "".join(event.text for event in told if event is not None)
    assert text[:EVENT_LIMIT] == (chunk * 150)[:EVENT_LIMIT]
    assert text[EVENT_LIMIT:] == logs.CUT.format(limit=1)
    assert told[-1] is None
    kept.end("t", 1)
    assert (tmp_path / "logs" / "t.1.log").read_text() == chunk * 150


def test_each_attempt_has_a_log_of_its_own(tmp_path: Path) -> None:
    kept = Logs(lambda: tmp_path / "logs")
    for attempt in (1, 2):
        kept.take(printed(str(attempt) * (SPILL + 1), attempt=attempt))
        kept.end("t", attempt)
    assert {path.name: path.read_text()[:1] for path in (tmp_path / "logs").iterdir()} == {
        "t.1.log": "1",
        "t.2.log": "2",
    }


def test_a_full_disk_is_told_once_and_the_task_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = Logs(lambda: tmp_path / "logs")
    kept.take(printed("x" * (SPILL + 1)))
    monkeypatch.setattr(os, "write", full)
    told = [kept.take(printed("y" * 100_000)) for _ in range(20)]
    texts = [event.text for event in told if event is not None]
    assert sum("cannot be kept: No space left on device" in text for text in texts) == 1
    assert texts[-1].endswith(logs.LEFT_OUT.format(limit=1))
    monkeypatch.undo()
    kept.close()


@given(st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_names_of_files_are_valid_and_differ_also_where_case_does_not_count(keys: list[str]) -> None:
    names = [log_name(key, 1).casefold() for key in keys]
    assert len(set(names)) == len(names)
    for name in names:
        assert "/" not in name and "\0" not in name and len(name.encode()) <= 200
        assert not name.startswith(".")


@given(st.binary(max_size=40), st.integers(1, 7))
def test_stretches_of_a_log_join_to_the_whole(data: bytes, limit: int) -> None:
    whole = data.decode("utf-8", "replace").encode()
    text, at = "", 0
    while at < len(whole):
        stretch = logs._stretch(whole[at : at + limit], at, len(whole))
        assert at < stretch.end <= at + limit
        text, at = text + stretch.text, stretch.end
    if limit >= 4:
        assert text == whole.decode()
