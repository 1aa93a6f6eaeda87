"""Frames on a byte stream."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.executors.wire.frames import MAX_FRAME, FrameReader, FrameTooLarge, frame
from wf_jupyter.executors.worker.attempt.failures import unusable


@given(st.lists(st.binary(max_size=50), max_size=20), st.lists(st.integers(1, 40), min_size=1))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(payload) for payload in payloads)
    reader, found, position, turn = FrameReader(), [], 0, 0
    while position < len(stream):
        size = cuts[turn % len(cuts)]
        found += reader.feed(stream[position : position + size])
        position, turn = position + size, turn + 1
    assert found == payloads


def test_a_length_that_cannot_be_true_is_refused() -> None:
    with pytest.raises(FrameTooLarge):
        FrameReader().feed((MAX_FRAME + 1).to_bytes(4, "little"))


def test_a_full_disk_is_told_as_such_and_may_be_tried_again() -> None:
    failure = unusable("the result of task 'a' (5 bytes)", OSError(errno.ENOSPC, "No space left on device"))
    assert failure.message == "the result of task 'a' (5 bytes) cannot be stored: the disk is full"
    assert (failure.kind, failure.retriable) == ("value", True)
