"""A data directory that is taken away while an orchestrator runs: nothing is accepted that is kept nowhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import wf_jupyter as wf
from tests.integration.service.conftest import PATIENCE, Reader, ended, packed
from wf_jupyter.errors import StoreError
from wf_jupyter.service.runtime import Runtime
from wf_jupyter.store.database import FILE_NAME

Lose = Callable[[Path, Path], None]


@wf.task
def wait_for(path: str) -> str:
    import time
    from pathlib import Path

    while not Path(path).exists():
        time.sleep(0.02)
    return "through"


@wf.workflow
def gated(path: str) -> object:
    return wait_for(path)


def delete(data_dir: Path, aside: Path) -> None:
    shutil.rmtree(data_dir)


def delete_database(data_dir: Path, aside: Path) -> None:
    (data_dir / FILE_NAME).unlink()


def delete_wal(data_dir: Path, aside: Path) -> None:
    (data_dir / f"{FILE_NAME}-wal").unlink()


def replace(data_dir: Path, aside: Path) -> None:
    data_dir.rename(aside)
    shutil.copytree(aside, data_dir)


def replace_by_link(data_dir: Path, aside: Path) -> None:
    aside.mkdir()
    shutil.rmtree(data_dir)
    data_dir.symlink_to(aside)


def move(data_dir: Path, aside: Path) -> None:
    data_dir.rename(aside)


@pytest.mark.parametrize("lose", [delete, delete_database, delete_wal, replace, replace_by_link, move])
def test_what_can_be_kept_nowhere_is_refused_in_words(
    open_runtime: Callable[..., Runtime], data_dir: Path, tmp_path: Path, lose: Lose
) -> None:
    runtime = open_runtime()
    engine = runtime.orchestrator
    (tmp_path / "gate").touch()
    bound = packed(gated.bind(path=str(tmp_path / "gate")))
    ended(runtime, runtime.call(engine.submit(bound)).result(PATIENCE))
    assert engine.trouble() is None
    lose(data_dir, tmp_path / "aside")
    assert "nothing is accepted" in (engine.trouble() or "")
    with pytest.raises(StoreError, match="nothing can be kept, so nothing is accepted"):
        runtime.call(engine.submit(bound)).result(PATIENCE)
    assert engine.active_count() == 0
    assert lose is not delete or not data_dir.exists(), "nothing is made in its place"


def test_what_ran_goes_on_when_the_directory_comes_back(
    open_runtime: Callable[..., Runtime], data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = open_runtime()
    gate = tmp_path / "gate"
    execution = runtime.call(runtime.orchestrator.submit(packed(gated.bind(path=str(gate))))).result(PATIENCE)
    reader = Reader(runtime)
    reader.follow(execution)
    reader.until(lambda r: r.picture and r.picture.snapshot.counts["running"] == 1)
    data_dir.rename(tmp_path / "aside")
    gate.touch()
    reader.until(lambda _: "nothing can be written" in caplog.text)
    assert reader.picture is not None and not reader.picture.snapshot.status.is_final
    (tmp_path / "aside").rename(data_dir)
    reader.until(lambda r: r.picture and r.picture.snapshot.status == "succeeded")
    assert runtime.orchestrator.trouble() is None
    assert caplog.text.count("nothing can be written") == caplog.text.count("can be written again") == 1
