"""Values as files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wf_jupyter.errors import StoreError
from wf_jupyter.values import files


def test_pieces_are_written_one_after_the_other(tmp_path: Path) -> None:
    path = files.write(tmp_path, [b"ab", bytearray(b"c"), memoryview(b"d")])
    assert Path(path).is_absolute()
    assert bytes(files.read(path)) == b"abcd"
    assert files.write(tmp_path, [b"x"]) != path


def test_the_view_is_writable_and_the_file_is_not_changed(tmp_path: Path) -> None:
    path = files.write(tmp_path, [b"abcd"])
    view = files.read(path)
    view[0] = 0
    assert Path(path).read_bytes() == b"abcd"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_leaves_nothing_behind(tmp_path: Path, error: BaseException) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"some"
        raise error

    with pytest.raises(type(error)):
        files.write(tmp_path, pieces())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("missing", "empty"):
        with pytest.raises(StoreError, match=name):
            files.read(str(tmp_path / name))


def test_a_large_value_leaves_room_for_the_event_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = os.statvfs(tmp_path)
    monkeypatch.setattr(files, "RESERVE", disk.f_bavail * disk.f_frsize)
    with pytest.raises(OSError, match="No space left on device"):
        files.write(tmp_path, [b"small", b"x" * 100_000])
    assert list(tmp_path.iterdir()) == []
    assert bytes(files.read(files.write(tmp_path, [b"small"]))) == b"small"


def test_values_that_are_read_keep_no_descriptor_open(tmp_path: Path) -> None:
    paths = [files.write(tmp_path, [bytes([number]), b"x" * 100_000]) for number in range(50)]
    before = len(os.listdir("/dev/fd"))
    views = [files.read(path) for path in paths]
    assert len(os.listdir("/dev/fd")) == before
    for path in paths:
        Path(path).unlink()
    assert [view[0] for view in views] == list(range(50))


def test_the_memory_of_a_value_is_given_back_when_nothing_refers_to_it(tmp_path: Path) -> None:
    path = files.write(tmp_path, [b"x" * 5_000_000])
    for _ in range(200):
        part = files.read(path)[1_000_000:1_000_010]
        assert bytes(part) == b"x" * 10
    maps = Path("/proc/self/maps")
    if maps.exists():
        del part
        assert path not in maps.read_text()


def test_a_file_is_written_in_parts_in_any_order_and_again(tmp_path: Path) -> None:
    path = files.named_path(tmp_path, "ab")
    files.write_at(path, 3, memoryview(b"def"))
    files.write_at(path, 0, b"abc")
    files.write_at(path, 0, b"abc")
    assert bytes(files.read(str(path))) == b"abcdef"
    assert files.write(tmp_path, [b"x"], "ab") == str(path)
