"""Results in pieces are, put together, what MessagePack would have written at once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from wf_jupyter.errors import StoreError, ValueTooLarge
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.ports import Absent, Built, ExecutionResult, Input, Item, Many, Whole
from wf_jupyter.server import streaming
from wf_jupyter.server.streaming import Part, Stretch
from wf_jupyter.values import container


def told(value: Input | ExecutionResult, with_files: bool = False) -> bytes:
    """The whole answer."""

    def read(part: Part) -> bytes:
        return Path(part.path).read_bytes()[part.start : part.end] if isinstance(part, Stretch) else part

    parts = list(streaming._parts(value, with_files))
    body = b"".join(map(read, parts))
    assert len(body) == sum(map(streaming._size, parts))
    return body


def test_files_and_large_values_come_out_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(range(256)) * 1000)
    (tmp_path / "items").write_bytes(container.pack([b"first", b"second" * 2000, b""]))
    large, items = str(tmp_path / "large"), str(tmp_path / "items")
    result = ExecutionResult(
        status=ExecutionStatus.SUCCEEDED,
        template=b"\xc4\x14" * 3000,
        inputs=(
            Whole(data=b"small"),
            Whole(data=b"\xc4\x14" * 5000),
            Whole(path=large),
            Many((Item(Whole(path=items), 1), Item(Whole(path=items), 2), Absent(), Whole(data=b""))),
            Built(template=b"t", inputs=(Whole(path=large), Item(Whole(data=container.pack([b"a", b"bb"])), 1))),
        ),
    )
    wanted = msgspec.structs.replace(
        result,
        inputs=(
            Whole(data=b"small"),
            Whole(data=b"\xc4\x14" * 5000),
            Whole(data=bytes(range(256)) * 1000),
            Many((Whole(data=_padded(b"second" * 2000)), Whole(data=b""), Absent(), Whole(data=b""))),
            Built(template=b"t", inputs=(Whole(data=bytes(range(256)) * 1000), Whole(data=_padded(b"bb")))),
        ),
    )
    assert msgspec.msgpack.decode(told(result), type=ExecutionResult) == wanted


def _padded(item: bytes) -> bytes:
    return item + bytes(-len(item) % container.ALIGNMENT)


def test_readers_on_this_host_get_paths(tmp_path: Path) -> None:
    value = Many((Whole(path="/gone"), Item(Whole(path="/gone"), 3), Whole(data=b"x" * 10_000)))
    assert told(value, with_files=True) != b""
    assert msgspec.msgpack.decode(told(value, with_files=True), type=Input) == value


def test_what_cannot_be_sent_is_known_before_anything_is(tmp_path: Path) -> None:
    for value in (Whole(path=str(tmp_path / "gone")), Item(Whole(path=str(tmp_path / "gone")), 0)):
        with pytest.raises(StoreError, match="gone cannot be read: No such file"):
            told(value)
    with open(tmp_path / "huge", "wb") as file:
        file.truncate((1 << 32) + 1)
    with pytest.raises(ValueTooLarge, match="4,294,967,297 bytes"):
        told(Whole(path=str(tmp_path / "huge")))
